"""Of repeated lines the first is written at once, then one a minute, and the count forgets none."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from instep.service.damping import EVERY_SECONDS, MOST_KINDS, Damping, shape


def test_the_first_is_written_and_its_like_wait_a_minute_and_are_counted() -> None:
    damping = Damping()
    assert damping.left_out("a", 0.0) == 0
    assert [damping.left_out("a", at) for at in (0.0, 1.0, 59.9)] == [None, None, None]
    assert damping.left_out("a", 60.0) == 3
    assert damping.left_out("a", 60.1) is None
    assert damping.left_out("a", 500.0) == 1


def test_each_kind_has_its_own_minute() -> None:
    damping = Damping()
    assert damping.left_out("a", 0.0) == 0
    assert damping.left_out("b", 1.0) == 0
    assert damping.left_out("a", 2.0) is None


@given(st.lists(st.floats(0.0, 30.0), max_size=200))
def test_written_and_held_back_make_all_and_no_minute_holds_two(steps: list[float]) -> None:
    damping = Damping()
    now = 0.0
    counted = unwritten = 0
    written: list[float] = []
    for step in steps:
        now += step
        count = damping.left_out("a", now)
        if count is None:
            unwritten += 1
        else:
            assert count == unwritten
            counted, unwritten = counted + count, 0
            written.append(now)
    assert len(written) + counted + unwritten == len(steps)
    assert all(after - before >= EVERY_SECONDS for before, after in pairwise(written))


def test_kinds_without_end_take_no_memory_without_end() -> None:
    damping = Damping()
    for number in range(3 * MOST_KINDS):
        assert damping.left_out("steady", 0.0) == (0 if number == 0 else None)
        assert damping.left_out(number, 0.0) == 0
    assert len(damping._written) == MOST_KINDS


def test_messages_put_together_by_hand_are_alike_whatever_their_numbers() -> None:
    assert shape("<Task at 0x7f3A: offset 12 of 99>") == shape("<Task at 0x11: offset 7 of 8>")
    assert shape("offset 12 is lost") != shape("offset 12 is found")
    assert len(shape("x" * 10_000)) == 200
