"""What a worker does about its memory, without a broker."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from instep.lanes.worker import set_aside


class Knot:
    """Refers to itself, so only a collection frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_lives_long_is_kept_out_of_collections_until_a_new_network_comes() -> None:
    kept = Knot()
    seen = weakref.ref(kept)
    set_aside()
    assert gc.get_freeze_count() > 0
    del kept
    gc.collect()
    assert seen() is not None
    gc.unfreeze()
    set_aside()
    assert seen() is None
