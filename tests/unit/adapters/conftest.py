from pathlib import Path

import pytest

from tests.unit.adapters.publishing import Publisher


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(tmp_path)
