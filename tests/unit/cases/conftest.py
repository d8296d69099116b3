from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.cases.council import CouncilOffice

Office = Callable[[str], CouncilOffice]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """The office of an authority, with a memory that lasts for the test."""
    return lambda authority: CouncilOffice(authority, tmp_path)
