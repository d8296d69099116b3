"""A worker whose state directory cannot be used ends with one sentence, and with a code that says whether to try again."""

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from instep.cluster.apply import apply
from instep.cluster.connection import Connection
from instep.events.catalogue import Catalogue
from instep.lanes.supervisor import FINAL
from instep.local.broker import Broker
from tests.kafka.test_apply import SAMPLE

INSTEP = str(Path(sys.executable).with_name("instep"))


@pytest.fixture(scope="module")
def bootstrap_servers(tmp_path_factory: pytest.TempPathFactory) -> object:
    """A broker that the sample network has been applied to."""
    broker = Broker(tmp_path_factory.mktemp("broker"))
    broker.start()
    try:
        connection = Connection(bootstrap_servers=broker.bootstrap_servers, security_protocol="PLAINTEXT")
        asyncio.run(apply(connection, SAMPLE, Catalogue.load(Catalogue.default_directory())))
        yield broker.bootstrap_servers
    finally:
        broker.stop()


def ended(bootstrap_servers: str, state: Path, prepare: Callable[[], None] | None = None) -> tuple[int, str]:
    """The exit code of a worker that is started with this state directory, and all that it says."""
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
        preexec_fn=prepare,
    )
    return done.returncode, done.stderr


def test_a_state_directory_that_cannot_be_made_is_a_setting_and_is_not_tried_again(
    bootstrap_servers: str, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file")
    code, said = ended(bootstrap_servers, tmp_path / "state")
    assert code == 1
    assert code in FINAL
    last = said.splitlines()[-1]
    assert last.startswith(f"instep: The state directory {tmp_path / 'state'}/sample-intake cannot be made")
    assert "INSTEP_STATE_DIR" in last
    assert "Traceback" not in said


def limit_files() -> None:
    """Every file of this process is full with its hundredth byte."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def test_a_full_disk_may_pass_and_is_tried_again(bootstrap_servers: str, tmp_path: Path) -> None:
    code, said = ended(bootstrap_servers, tmp_path / "state", limit_files)
    assert code == 70
    assert code not in FINAL
    last = json.loads(said.splitlines()[-1])
    assert last["level"] == "critical"
    assert str(last["problem"]).startswith(
        f"The state directory {tmp_path / 'state'}/sample-intake cannot be used"
    )
