"""The append time of each commit shows how far this machine's clock and Kafka's differ."""

import pytest

from instep.errors import ClockError
from instep.lanes.clock import CLOCK_SECONDS, Clock, clock_difference


@pytest.mark.parametrize(
    ("before", "kafkas", "after", "difference"),
    [
        (100.0, 100.2, 100.5, 0.0),
        (100.0, 130.0, 160.0, 0.0),  # a broker that stood still for a minute tells nothing of clocks
        (100.0, 40.0, 100.5, 60.0),
        (100.0, 160.5, 100.5, -60.0),
    ],
)
def test_the_difference_is_what_lies_outside_the_time_of_the_question(
    before: float, kafkas: float, after: float, difference: float
) -> None:
    assert clock_difference(before, kafkas, after) == difference


def shown() -> Clock:
    """The clock after a commit at 1,000 s of Kafka's clock and 50 s of the monotonic clock."""
    clock = Clock()
    clock.committed(1_000_000, before=1000.0, after=1001.0, now=50.0)
    return clock


@pytest.mark.parametrize("appended_at", [1_000_000 - 301_000, 1_000_000 + 302_000])
def test_a_commit_under_a_clock_that_is_minutes_wrong_is_refused(appended_at: int) -> None:
    with pytest.raises(ClockError):
        Clock().committed(appended_at, before=1000.0, after=1001.0, now=50.0)


def test_a_clock_that_runs_as_the_monotonic_one_stays_right() -> None:
    shown().check(1000.0 + 86_400, 50.0 + 86_400)


@pytest.mark.parametrize("moved", [CLOCK_SECONDS + 1, -CLOCK_SECONDS - 1])
def test_a_clock_that_is_moved_between_two_commits_is_refused(moved: float) -> None:
    with pytest.raises(ClockError):
        shown().check(1000.0 + 10 + moved, 60.0)


def test_a_clock_moved_by_minutes_within_the_bound_does_no_harm() -> None:
    shown().check(1000.0 + 10 + CLOCK_SECONDS, 60.0)


def test_without_a_time_from_kafka_nothing_is_refused() -> None:
    clock = Clock()
    clock.committed(None, before=0.0, after=0.0, now=0.0)
    clock.check(1e9, 1.0)
