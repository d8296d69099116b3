"""The postcode file, made once for all tests of one process: it takes two seconds."""

from pathlib import Path

import pytest

from instep.postcodes import Postcodes


@pytest.fixture(scope="session")
def postcodes_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache directory that holds the file, and nothing else."""
    cache = tmp_path_factory.mktemp("postcodes")
    Postcodes.open(cache)
    return cache


@pytest.fixture(scope="session")
def postcodes(postcodes_cache: Path) -> Postcodes:
    """The real postcodes."""
    return Postcodes.open(postcodes_cache)
