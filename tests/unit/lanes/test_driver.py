"""The batch driver, without a broker."""

import inspect

from faust.transport.consumer import Consumer
from faust.types import TP

from instep.lanes.driver import NothingRead


def test_faust_has_no_offset_below_which_it_drops_a_batch() -> None:
    read = NothingRead()
    read[TP("in", 0)] = 2061
    assert read[TP("in", 0)] is None
    assert read.pop(TP("in", 0), None) is None
    # This is what it stands for; Faust looks nowhere else.
    drain = inspect.getsource(Consumer._drain_messages)
    assert "get_read_offset = self._read_offset.__getitem__" in drain
    assert "set_read_offset = self._read_offset.__setitem__" in drain
    assert "if r_offset is None or" in drain
