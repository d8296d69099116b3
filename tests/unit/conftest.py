"""The postcode file, made once for all tests of one run: making it takes two seconds."""

import fcntl
import os
from pathlib import Path

import pytest

from instep.postcodes import Postcodes


@pytest.fixture(scope="session")
def postcodes_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache directory that holds the file, and nothing else. The run's workers share the directory."""
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
