"""Work comes due every so many seconds, and pauses grow."""

from instep.lanes.every import Backoff, Every


def test_work_is_due_after_its_seconds_once() -> None:
    tick = Every(2.0, now=8.0)
    assert (tick.wait(9.0), tick.due(9.0)) == (1.0, False)
    assert tick.due(10.0)
    assert not tick.due(11.0)
    assert tick.wait(11.0) == 1.0


def test_work_that_is_done_late_is_due_again_from_then() -> None:
    tick = Every(2.0, now=8.0)
    assert tick.wait(15.0) == -5.0
    assert tick.due(15.0)
    assert not tick.due(16.0)
    assert tick.due(17.0)


def test_each_pause_is_twice_as_long_as_the_last_up_to_the_longest() -> None:
    backoff = Backoff(0.5, 3.0)
    assert [backoff.pause() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_after_a_success_the_pause_is_the_first_again() -> None:
    backoff = Backoff(0.5, 3.0)
    backoff.pause()
    backoff.pause()
    backoff.succeeded()
    assert backoff.pause() == 0.5
