"""Compares this machine's clock with Kafka's at each commit, and raises ClockError where they differ by more than 5
minutes.

Agreements go by the day, and the day is read from this machine's clock. Kafka says when its broker appended a record. So
each commit shows both clocks at once. Between two commits the monotonic clock, which nobody can set, tells how far Kafka's
clock must have come. Wall clocks are seconds since 1970, `now` is the monotonic clock in seconds. The module reads no clock
itself.

The decision: `services/decisions/010-log-append-time.md`.
"""

from instep.errors import ClockError

CLOCK_SECONDS = 300.0
"""How far this machine's clock and Kafka's may differ: agreements go by the day, so minutes do no harm."""


class Clock:
    """What the last commit of a claim showed of Kafka's clock."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = (
            None  # Kafka's clock, and the monotonic clock at the same moment
        )

    def committed(self, appended_at: int | None, *, before: float, after: float, now: float) -> None:
        """Kafka appended a record at `appended_at` (ms), between `before` and `after` by this machine's clock.

        None says that Kafka gave no time. Raises ClockError where the clocks differ by too much.
        """
        if appended_at is not None:
            kafkas = appended_at / 1000
            self._last = kafkas, now
            _refuse(clock_difference(before, kafkas, after))

    def check(self, wall: float, now: float) -> None:
        """Raise ClockError if this machine's clock has been moved too far since the last commit."""
        if self._last is not None:
            kafkas, then = self._last
            _refuse(wall - (kafkas + now - then))


def clock_difference(before: float, kafkas: float, after: float) -> float:
    """How far this machine's clock is ahead of Kafka's, negative where behind.

    `kafkas` was read between `before` and `after`: where it lies between them no difference shows.
    """
    return max(0.0, before - kafkas) - max(0.0, kafkas - after)


def _refuse(difference: float) -> None:
    if abs(difference) > CLOCK_SECONDS:
        where = "ahead of" if difference > 0 else "behind"
        raise ClockError(
            f"This machine's clock is {abs(difference):.0f} s {where} Kafka's, and agreements go by the day:"
            " set the clock that is wrong, and the lane goes on."
        )
