"""`instep network apply`, killed in any of its phases, on a secured broker and on three: the next run completes the work.

Nobody sees half a change: the generation stands until everything that the next generation needs is there.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka.admin import NewTopic

from instep.catalogue.files import default_directory, load_catalogue
from instep.errors import NetworkError
from instep.kafka.connection import Connection
from instep.kafka.follow import read_network
from instep.local.platform import Platform
from instep.local.ports import free_ports
from instep.network.check import check
from instep.network.days import today_in_london
from instep.network.network import load
from instep.provision.apply import apply, preview
from tests.chaos.cluster import Cluster
from tests.chaos.network import add_authority, sample_of_three, toggle
from tests.kafka.stage import edit, sample
from tests.kafka.test_apply import KILLS_ITSELF, SCHEMAS, admin_of

CATALOGUE = load_catalogue(default_directory())
LEAVER = "leeds-admin,Leeds Admin,E08999999,metropolitan,,1974-04-01,,\n"

ACCESS = ("set_secrets", "create_bindings", "set_quotas")
ALL_ACCESS = ("delete_bindings", *ACCESS, "delete_users")


@pytest.mark.chaos
async def test_killed_while_it_gives_access_on_a_secured_broker_it_is_completed_by_the_next(
    tmp_path: Path,
) -> None:
    platform = Platform(tmp_path / ".instep")
    await asyncio.to_thread(platform.up, free_ports(1)[0])
    try:
        connection = platform.connection()
        network = sample(tmp_path)
        authorities = network / "authorities.csv"
        authorities.write_text(authorities.read_text(encoding="utf-8") + LEAVER, encoding="utf-8")
        for step in ACCESS:
            for place in (step, f"{step} done"):
                await killed(network, place, tmp_path)
                with pytest.raises(NetworkError):
                    await read_network(connection)
        await killed(network, "record", tmp_path, times=5)
        await completed(connection, network, generation=1)

        before = await read_network(connection)
        edit(authorities, (LEAVER, ""))
        add_authority(network)
        toggle(network)
        for step in ALL_ACCESS:
            await killed(network, f"{step} done", tmp_path)
            assert await read_network(connection) == before, "services see the generation before, whole"
        await killed(network, "record", tmp_path, times=1)
        assert await read_network(connection) == before
        await completed(connection, network, generation=2)
    finally:
        await asyncio.to_thread(platform.down)


@pytest.mark.chaos
async def test_on_three_brokers_of_which_one_dies_too_it_is_completed_by_the_next(tmp_path: Path) -> None:
    network = sample_of_three(tmp_path)
    assert not [
        problem
        for problem in check(network, CATALOGUE, today_in_london(time.time_ns() // 1_000_000))
        if problem.severity == "error"
    ]
    cluster = Cluster(tmp_path / "cluster")
    try:
        await cluster.start()
        connection = Connection(bootstrap_servers=cluster.bootstrap_servers, security_protocol="PLAINTEXT")
        environ = {
            "INSTEP_BOOTSTRAP_SERVERS": cluster.bootstrap_servers,
            "INSTEP_SECURITY_PROTOCOL": "PLAINTEXT",
        }
        assert len((await preview(connection, network, CATALOGUE)).create) > 40
        await killed(network, "creating topics", tmp_path, times=3, environ=environ)
        await killed(network, "record", tmp_path, times=20, environ=environ)
        await completed(connection, network, generation=1)
        before = await read_network(connection)
        add_authority(network)
        toggle(network)
        cluster.nodes[2].kill()
        # Until the other brokers have noticed, `apply` says that the cluster does not answer: within Kafka's own 40 s.
        async with asyncio.timeout(100):
            while not await killed(network, "record", tmp_path, times=1, environ=environ, may_fail=True):
                await asyncio.sleep(0.5)
        assert await read_network(connection) == before
        await completed(connection, network, generation=2)
        await cluster.start_again([cluster.nodes[2]])
        async with admin_of(connection) as admin:
            await admin.create_topics([NewTopic("somebody.elses", 1, 3)])
            planned = await preview(connection, network, CATALOGUE)
        assert (planned.unnamed, planned.empty) == (("somebody.elses",), True)
    finally:
        cluster.kill_all()


async def killed(
    network: Path,
    place: str,
    home: Path,
    *,
    times: int = 0,
    environ: Mapping[str, str] | None = None,
    may_fail: bool = False,
) -> bool:
    """Run `apply` in a process that ends by SIGKILL when `apply` comes to a place for the n-th time.

    Returns whether `apply` came to the place. With `may_fail`, `apply` may fail before, but only because the cluster does
    not answer.
    """
    argv: Sequence[str] = [sys.executable, "-c", KILLS_ITSELF, str(network), place, str(times)]
    done = await asyncio.to_thread(
        subprocess.run,
        argv,
        cwd=home,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if may_fail and "instep.errors.NotConnectedError" in done.stderr:
        return False
    assert done.returncode == -signal.SIGKILL, f"{place}: {done.stderr}"
    return True


async def completed(connection: Connection, network: Path, generation: int) -> None:
    """The next run completes the work, and the run after has nothing to do."""
    done = await apply(connection, network, CATALOGUE)
    assert done.generation == generation
    assert await read_network(connection) == replace(load(network), generation=generation, schemas=SCHEMAS)
    again = await apply(connection, network, CATALOGUE)
    assert again.plan.empty
    assert again.generation == generation
