"""A broker that cannot be started says why in one sentence."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from instep.errors import PlatformError
from instep.local import broker as broker_module
from instep.local.broker import Broker
from instep.local.jars import Jars


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES)), "Permission denied"),
        (shutil.Error([("from", "to", "[Errno 28] No space left on device")]), "files could not be copied"),
    ],
)
def test_a_directory_that_cannot_be_written_is_named_with_the_room_that_is_left(
    error: OSError, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(Jars, "fetch", lambda *_: None)
    monkeypatch.setattr(broker_module, "prepare", fails)
    with pytest.raises(PlatformError) as raised:
        Broker(tmp_path / "broker").start()
    said = str(raised.value)
    assert said.startswith(f"Kafka cannot write in {tmp_path / 'broker'} ({why}")
    assert "MiB are free there" in said
    assert "\n" not in said


@pytest.mark.slow
def test_of_a_broker_that_ended_the_telling_lines_are_shown(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    broker.log.write_text(
        "earlier\n2026 [main] INFO kafka - Starting\n2026 [main] ERROR kafka - Exiting due to fatal exception\n"
        "java.lang.RuntimeException: no\n\tat kafka.Kafka.main(Kafka.scala)\nCaused by: java.io.IOException: torn\n"
        "2026 [main] INFO kafka - Closed\n"
    )
    told = str(broker._death(len("earlier\n"))).splitlines()
    assert told[1:] == [
        "2026 [main] ERROR kafka - Exiting due to fatal exception",
        "Caused by: java.io.IOException: torn",
    ]
