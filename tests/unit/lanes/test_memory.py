"""Long-lived objects are kept out of collections."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from instep.lanes.memory import let_go, set_aside


class Knot:
    """Refers to itself, so only a collection frees the object."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    let_go()


def test_what_lives_long_is_kept_out_of_collections_until_a_new_network_comes() -> None:
    knot = Knot()
    seen = weakref.ref(knot)
    set_aside()
    assert gc.get_freeze_count() > 0
    del knot
    gc.collect()
    assert seen() is not None
    let_go()
    set_aside()
    assert seen() is None
