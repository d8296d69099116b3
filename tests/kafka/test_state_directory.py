"""A worker names an unusable state directory in a sentence: a bad setting ends the worker, a full disk may pass."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from instep.catalogue.files import default_directory, load_catalogue
from instep.kafka.connection import Connection
from instep.provision.apply import apply
from instep.service.supervisor import FINAL
from tests.brokers import borrowed
from tests.kafka.services import fleet
from tests.kafka.test_apply import SAMPLE

INSTEP = str(Path(sys.executable).with_name("instep"))


@pytest.fixture(scope="module")
def bootstrap_servers() -> Iterator[str]:
    """Where a broker is that has the sample network."""
    with borrowed() as broker:
        asyncio.run(apply(broker.own_connection, SAMPLE, load_catalogue(default_directory())))
        yield broker.bootstrap_servers


def ended(bootstrap_servers: str, state: Path) -> tuple[int, str]:
    """The exit code and all output of a worker with this state directory."""
    environ = {
        **os.environ,
        "INSTEP_BOOTSTRAP_SERVERS": bootstrap_servers,
        "INSTEP_SECURITY_PROTOCOL": "PLAINTEXT",
        "INSTEP_STATE_DIR": str(state),
        "INSTEP_MANAGEMENT_PORT": "0",
    }
    done = subprocess.run(
        [INSTEP, "run", "intake"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stderr


def test_a_state_directory_that_cannot_be_made_is_a_setting_and_is_not_tried_again(
    bootstrap_servers: str, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file")
    code, output = ended(bootstrap_servers, tmp_path / "state")
    assert code == 1
    assert code in FINAL
    last = output.splitlines()[-1]
    assert last.startswith(f"instep: The state directory {tmp_path / 'state'}/sample-intake cannot be made")
    assert "INSTEP_STATE_DIR" in last
    assert "Traceback" not in output


FULL_UNTIL_TOLD = """
import errno, signal
from instep.intake.app import main
from instep.lanes import slot

write = slot._write_something

def full(directory):
    raise OSError(errno.ENOSPC, "No space left on device")

def has_room(*_):
    slot._write_something = write

slot._write_something = full
signal.signal(signal.SIGUSR1, has_room)
main()
"""
"""Intake on a disk that stays full until SIGUSR1."""


async def test_a_full_disk_is_named_and_the_worker_goes_on_once_there_is_room(
    bootstrap_servers: str, tmp_path: Path
) -> None:
    connection = Connection(bootstrap_servers=bootstrap_servers, security_protocol="PLAINTEXT")
    (tmp_path / "full_until_told.py").write_text(FULL_UNTIL_TOLD)
    with fleet(connection, tmp_path) as ours:
        worker = ours.start("intake", module="full_until_told", PYTHONPATH=str(tmp_path))
        problem = f"waiting for the state directory: The state directory {tmp_path / 'state'}/sample-intake cannot be"
        async with asyncio.timeout(60):
            while problem not in (worker.not_ready_because() or ""):
                assert worker.exit_code is None
                await asyncio.sleep(0.1)
        os.kill(worker.pid, signal.SIGUSR1)
        await asyncio.to_thread(worker.wait_until_ready)


def test_damaged_state_is_rebuilt_lane_by_lane_and_the_worker_goes_on(
    bootstrap_servers: str, tmp_path: Path
) -> None:
    connection = Connection(bootstrap_servers=bootstrap_servers, security_protocol="PLAINTEXT")
    with fleet(connection, tmp_path) as ours:
        worker = ours.start("intake")
        worker.wait_until_ready()
        worker.kill()
        directories = sorted(tmp_path.glob("state/sample-intake/worker-0/lane-*/CURRENT"))
        assert len(directories) == 4
        for damaged in directories[:2]:
            damaged.write_bytes(b"")
        worker.start()
        worker.wait_until_ready()
        lines = [json.loads(line) for line in worker.log.read_text().splitlines() if line.startswith("{")]
        discarded = [line["directory"] for line in lines if line["event"] == "state discarded"]
        assert sorted(discarded) == [str(file.parent) for file in directories[:2]]
        assert worker.exit_code is None
