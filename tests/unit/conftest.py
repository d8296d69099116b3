"""What the tests without Kafka share: the postcode file, and the rule that keeps `make unit` quick."""

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from instep.postcodes import Postcodes


@pytest.fixture(autouse=True)
def no_program_unless_slow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that starts a program is marked `slow`: `make unit` leaves such tests out."""
    if request.node.get_closest_marker("slow") is not None:
        return

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("This test starts a program: mark it with @pytest.mark.slow.")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    monkeypatch.setattr(os, "fork", refuse)


@pytest.fixture(scope="session")
def postcodes_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache directory that holds the file, and nothing else. The run's workers share the directory: the file takes 2 s."""
    base = tmp_path_factory.getbasetemp()
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    cache = run / "postcodes"
    with (run / "postcodes.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first worker makes the file, the others wait for it
        Postcodes.open(cache)
    return cache


@pytest.fixture(scope="session")
def postcodes(postcodes_cache: Path) -> Postcodes:
    """The real postcodes."""
    return Postcodes.open(postcodes_cache)
