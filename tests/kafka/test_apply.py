"""`apply` on a real Kafka: creates, changes, and completes the work of an `apply` that was killed."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from instep.catalogue.files import default_directory, load_catalogue
from instep.errors import NetworkError
from instep.kafka.connection import Connection
from instep.kafka.follow import NetworkFollower, read_network
from instep.local.broker import Broker
from instep.network.network import load
from instep.network.topic_specs import topic_specs
from instep.network.topics import EVENTS, outbox
from instep.provision.apply import Applied, apply, preview
from instep.provision.plan import Plan
from tests.brokers import borrowed
from tests.strain import in_time

SAMPLE = Path(__file__).parents[2] / "deploy/network/sample"
WANTED = topic_specs(load(SAMPLE))
CATALOGUE = load_catalogue(default_directory())
SCHEMAS = {
    number: (schema.full_name, schema.version) for number, schema in enumerate(CATALOGUE.all(), start=1)
}


@pytest.fixture(scope="module")
def applied_broker() -> Iterator[Broker]:
    """A broker to which the sample network has been applied, perhaps with changes since."""
    with borrowed() as broker:
        asyncio.run(apply(broker.own_connection, SAMPLE, CATALOGUE))
        yield broker


@pytest.fixture
def connection(applied_broker: Broker) -> Connection:
    return applied_broker.own_connection


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The sample network, to change."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "sample"))


async def test_a_new_cluster_gets_the_topics_the_records_and_the_schema_ids(own_broker: Broker) -> None:
    connection = own_broker.own_connection
    seen: list[tuple[str, int, int]] = []
    done = await apply(connection, SAMPLE, CATALOGUE, lambda *progress: seen.append(progress))
    assert done.generation == 1
    assert done.topics_created == tuple(spec.name for spec in WANTED)
    assert await read_network(connection) == replace(load(SAMPLE), generation=1, schemas=SCHEMAS)
    assert seen[-1] == ("creating topics", len(done.topics_created), len(done.topics_created))
    async with admin_of(connection) as admin:
        made = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
        for spec in WANTED:
            assert len(made[spec.name]) == spec.partitions
            assert all(partition["leader"] >= 0 for partition in made[spec.name])
            assert await settings_of(admin, spec.name, *spec.config) == dict(spec.config)


async def test_applied_again_it_changes_nothing(connection: Connection) -> None:
    await apply(connection, SAMPLE, CATALOGUE)
    before = await read_network(connection)
    assert (await preview(connection, SAMPLE, CATALOGUE)).empty
    done = await apply(connection, SAMPLE, CATALOGUE)
    assert done == nothing_at(before.generation)
    assert await read_network(connection) == before


async def test_a_suspension_is_one_record_and_reaches_a_follower_within_a_second(
    own_broker: Broker, directory: Path
) -> None:
    connection = own_broker.own_connection
    before = (await apply(connection, SAMPLE, CATALOGUE)).generation
    follower = NetworkFollower(connection)
    await follower.start()
    try:
        await follower.changed()
        suspend(directory)
        done = await apply(connection, directory, CATALOGUE)
        written = time.monotonic()
        await asyncio.wait_for(follower.changed(), 5)
        assert in_time(time.monotonic() - written, 1.0)
    finally:
        await follower.stop()
    assert done == replace(nothing_at(before + 1), records_changed=("agreement/council-tax",))
    assert follower.network is not None
    assert follower.network.generation == before + 1
    assert follower.network.agreements["council-tax"].status == "suspended"


async def test_longer_retention_is_given_to_the_topics_that_are_there(
    connection: Connection, directory: Path
) -> None:
    await apply(connection, SAMPLE, CATALOGUE)
    edit(directory / "network.toml", "events = 7", "events = 9")
    done = await apply(connection, directory, CATALOGUE)
    assert done.topics_configured == (EVENTS,)
    assert done.records_changed == ("network",)
    async with admin_of(connection) as admin:
        assert await settings_of(admin, EVENTS, "retention.ms") == {"retention.ms": str(9 * 86_400_000)}
    assert (await preview(connection, directory, CATALOGUE)).empty


async def test_an_unsound_directory_changes_nothing(connection: Connection, directory: Path) -> None:
    await apply(connection, SAMPLE, CATALOGUE)
    before = await read_network(connection)
    edit(directory / "agreements/council-tax.toml", 'status = "active"', 'status = "perhaps"')
    with pytest.raises(NetworkError, match=r"council-tax\.toml:\d+: "):
        await apply(connection, directory, CATALOGUE)
    assert await read_network(connection) == before


async def test_an_agreement_changed_under_its_version_or_taken_back_is_refused(
    own_broker: Broker, directory: Path
) -> None:
    connection = own_broker.own_connection
    await apply(connection, SAMPLE, CATALOGUE)
    file = directory / "agreements/council-tax.toml"
    edit(file, 'status = "active"', 'status = "suspended"')
    with pytest.raises(
        NetworkError, match="council-tax: status changed, but its version is still 2: write version = 3"
    ):
        await preview(connection, directory, CATALOGUE)
    edit(file, "\nversion = 2\n", "\nversion = 3\n")
    assert (await apply(connection, directory, CATALOGUE)).generation == 2
    with pytest.raises(
        NetworkError, match="version 3 has been applied already, and a version never goes back"
    ):
        await apply(connection, SAMPLE, CATALOGUE)
    assert (await read_network(connection)).generation == 2


async def test_topics_that_the_network_does_not_name_are_told_and_left_alone(own_broker: Broker) -> None:
    connection = own_broker.own_connection
    await apply(connection, SAMPLE, CATALOGUE)
    async with admin_of(connection) as admin:
        await admin.create_topics([NewTopic("somebody.elses", 1, 1)])
        async with asyncio.timeout(20):
            # The controller answers before the broker lists what it has promised.
            while "somebody.elses" not in await admin.list_topics():
                await asyncio.sleep(0.1)
        planned = await preview(connection, SAMPLE, CATALOGUE)
        assert (planned.unnamed, planned.empty) == (("somebody.elses",), True)
        done = await apply(connection, SAMPLE, CATALOGUE)
        assert done.plan.unnamed == ("somebody.elses",)
        assert "somebody.elses" in await admin.list_topics()


async def test_an_ended_authoritys_topics_stay_and_go_only_when_that_is_allowed_and_it_left_before(
    own_broker: Broker, directory: Path
) -> None:
    connection = own_broker.own_connection
    with (directory / "authorities.csv").open("a", encoding="utf-8") as file:
        file.write("wakefield,Wakefield Council,E08000036,metropolitan,,1974-04-01,,\n")
    await apply(connection, directory, CATALOGUE)
    of_it = {"wakefield.outbox", "wakefield.outcomes", "wakefield.rejected"}
    edit(directory / "authorities.csv", "1974-04-01,,\n", "1974-04-01,2026-10-31,leeds\n", last=True)
    planned = await preview(connection, directory, CATALOGUE, allow_delete=True)
    assert (planned.delete, set(planned.unnamed)) == ((), of_it), (
        "services are at work on them until they have followed"
    )
    left = await apply(connection, directory, CATALOGUE, allow_delete=True)
    assert left.generation == 2
    async with admin_of(connection) as admin:
        await admin.create_topics([NewTopic("somebody.elses", 1, 1), NewTopic("wakefield.other", 1, 1)])
        assert (await apply(connection, directory, CATALOGUE)).plan.empty
        assert of_it <= set(await admin.list_topics())
        gone = await apply(connection, directory, CATALOGUE, allow_delete=True)
        assert set(gone.plan.delete) == of_it
        assert gone.generation == 2, "no service has to follow"
        async with asyncio.timeout(10):
            while of_it & set(await admin.list_topics()):
                await asyncio.sleep(0.1)
        assert {"somebody.elses", "wakefield.other", EVENTS, outbox("leeds")} <= set(
            await admin.list_topics()
        )
    again = await preview(connection, directory, CATALOGUE, allow_delete=True)
    assert again.empty


async def test_another_network_or_another_number_of_lanes_is_refused(
    connection: Connection, directory: Path
) -> None:
    await apply(connection, SAMPLE, CATALOGUE)
    edit(directory / "network.toml", "lanes = 4", "lanes = 6")
    with pytest.raises(NetworkError, match="born with 4 lanes"):
        await apply(connection, directory, CATALOGUE)
    edit(directory / "network.toml", "lanes = 6", "lanes = 4")
    edit(directory / "network.toml", 'name = "sample"', 'name = "another"')
    with pytest.raises(NetworkError, match="holds the network sample"):
        await apply(connection, directory, CATALOGUE)


async def test_a_topic_of_somebody_elses_making_is_refused_and_nothing_is_made(own_broker: Broker) -> None:
    connection = own_broker.own_connection
    async with admin_of(connection) as admin:
        await admin.create_topics([NewTopic(outbox("leeds"), 3, 1)])
        with pytest.raises(NetworkError, match=r"leeds\.outbox has 3 partitions and must have 1"):
            await apply(connection, SAMPLE, CATALOGUE)
        assert EVENTS not in await admin.list_topics()


async def test_more_copies_than_brokers_is_refused_in_one_sentence(
    own_broker: Broker, directory: Path
) -> None:
    settings = (directory / "network.toml").read_text("utf-8").splitlines()
    settings = [line for line in settings if not line.startswith(("replication_factor", "min_insync"))]
    at = next(number for number, line in enumerate(settings) if line.startswith("["))
    settings.insert(at, "replication_factor = 3")
    (directory / "network.toml").write_text("\n".join(settings) + "\n", "utf-8")
    with pytest.raises(NetworkError, match=r"fewer brokers than network\.toml's replication_factor"):
        await apply(own_broker.own_connection, directory, CATALOGUE)


async def test_two_that_run_at_once_do_no_harm(own_broker: Broker, directory: Path) -> None:
    connection = own_broker.own_connection
    before = (await apply(connection, SAMPLE, CATALOGUE)).generation
    suspend(directory)
    both = (apply(connection, directory, CATALOGUE) for _ in range(2))
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    for outcome in outcomes:
        assert isinstance(outcome, Applied | NetworkError), outcome
    assert any(isinstance(outcome, Applied) for outcome in outcomes)
    network = await read_network(connection)
    assert network.generation == before + 1
    assert network.agreements["council-tax"].status == "suspended"


KILLS_ITSELF = """
import asyncio, os, signal, sys
from pathlib import Path
from aiokafka import AIOKafkaProducer
import instep.provision.access_wire as wire
import instep.provision.apply as applying
import instep.provision.cluster_topics as cluster_topics
from instep.catalogue.files import default_directory, load_catalogue
from instep.kafka.connection import from_env

where, left = sys.argv[2], int(sys.argv[3])

def pass_by(place):
    global left
    left -= place == where
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

send = AIOKafkaProducer.send
def counted(self, *arguments, **named):
    pass_by("record")
    return send(self, *arguments, **named)
AIOKafkaProducer.send = counted

def passing(name):
    real = getattr(wire, name)
    async def passed(*arguments):
        pass_by(name)
        await real(*arguments)
        pass_by(f"{name} done")
    setattr(wire, name, passed)

for name in ("delete_bindings", "set_secrets", "create_bindings", "set_quotas", "delete_users"):
    passing(name)
cluster_topics._CHUNK = 10
catalogue = load_catalogue(default_directory())
progress = lambda doing, done, total: pass_by(doing)
asyncio.run(applying.apply(from_env(os.environ), Path(sys.argv[1]), catalogue, progress))
"""
"""Runs `apply`, and ends by SIGKILL when `apply` comes to a place for the n-th time."""


@pytest.mark.chaos
async def test_killed_at_any_moment_and_run_again_it_is_complete(own_broker: Broker) -> None:
    connection = own_broker.own_connection
    for where, times, made in (
        ("reading the cluster", 0, 0),
        ("creating topics", 0, 0),
        ("creating topics", 3, 30),
        ("creating topics", 4, 70),
        ("record", 1, len(WANTED)),
        ("record", 10, len(WANTED)),
        ("record", 26, len(WANTED)),
    ):
        argv = [sys.executable, "-c", KILLS_ITSELF, str(SAMPLE), where, str(times)]
        killed = await asyncio.to_thread(
            subprocess.run, argv, env=environment(own_broker), capture_output=True, text=True, check=False
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        async with asyncio.timeout(20), admin_of(connection) as admin:
            # The controller answers before the broker lists what it has promised.
            while len(set(await admin.list_topics()) & {spec.name for spec in WANTED}) != made:
                await asyncio.sleep(0.1)
        with pytest.raises(NetworkError):
            await read_network(connection)
    done = await apply(connection, SAMPLE, CATALOGUE)
    assert done.topics_created == ()
    # However often `apply` was killed, a change is a single generation.
    assert done.generation == 1
    assert await read_network(connection) == replace(load(SAMPLE), generation=1, schemas=SCHEMAS)
    assert (await preview(connection, SAMPLE, CATALOGUE)).empty


def test_the_command_says_what_it_did_and_what_it_would_do(own_broker: Broker) -> None:
    first = run(own_broker, "apply", "--output", "json")
    assert first["generation"] == 1
    assert outbox("leeds") in first["topics_created"]
    again = run(own_broker, "plan", "--output", "json")
    assert again == {
        "generation": 1,
        "topics_created": [],
        "topics_configured": [],
        "schemas_registered": [],
        "records_changed": [],
        "topics_left_alone": [],
        "topics_deleted": [],
        "access": None,
    }
    nowhere = {**environment(own_broker), "INSTEP_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    refused = subprocess.run(command("apply"), env=nowhere, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("instep: No broker answers at 127.0.0.1:1")
    assert "Traceback" not in refused.stderr


def nothing_at(generation: int) -> Applied:
    nothing = Plan(generation=generation, create=(), configure=(), records={})
    return Applied(
        generation=generation, topics_created=(), topics_configured=(), records_changed=(), plan=nothing
    )


def suspend(directory: Path) -> None:
    """Suspend the council-tax agreement, with the new version that the change needs."""
    file = directory / "agreements/council-tax.toml"
    edit(file, 'status = "active"', 'status = "suspended"')
    edit(file, "\nversion = 2\n", "\nversion = 3\n")


def edit(file: Path, old: str, new: str, *, last: bool = False) -> None:
    """Replace a text that a file holds once; with `last`, the last of several."""
    text = file.read_text("utf-8")
    if last:
        assert text.endswith(old)
        file.write_text(text.removesuffix(old) + new, "utf-8")
        return
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), "utf-8")


def command(name: str, *options: str) -> list[str]:
    return [
        sys.executable,
        "-c",
        "from instep.cli import main; main()",
        "network",
        name,
        str(SAMPLE),
        *options,
    ]


def environment(broker: Broker) -> dict[str, str]:
    settings = {
        "INSTEP_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "INSTEP_SECURITY_PROTOCOL": "PLAINTEXT",
    }
    return {**os.environ, **settings}


def run(broker: Broker, name: str, *options: str) -> dict[str, Any]:
    done = subprocess.run(
        command(name, *options), env=environment(broker), capture_output=True, text=True, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@asynccontextmanager
async def admin_of(connection: Connection) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection.kafka())
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def settings_of(admin: AIOKafkaAdminClient, topic: str, *names: str) -> dict[str, str]:
    asked = ConfigResource(ConfigResourceType.TOPIC, topic, configs=dict.fromkeys(names, ""))
    (response,) = await admin.describe_configs([asked])
    return {setting[0]: setting[1] for setting in response.resources[0][4]}
