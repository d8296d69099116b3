"""Decides how many records a lane may decide in one *turn*, before other lanes get the event loop.

A lane is one share of the partitions. The number of records follows from the time that the last turn took. The module
does no I/O.
"""

MOST = 500
_TURN_SECONDS = 0.02  # what a turn may take
_SLOW_SECONDS = 0.0001  # a slower record gets short turns, and the others get as long again
_SLOW_TURN_SECONDS = 0.004


class Turns:
    """`records` to decide next, and the seconds to `rest` afterwards."""

    def __init__(self) -> None:
        self.records = MOST
        self.rest = 0.0

    def took(self, records: int, seconds: float) -> None:
        """Learn from a turn."""
        slow = seconds > records * _SLOW_SECONDS
        turn = _SLOW_TURN_SECONDS if slow else _TURN_SECONDS
        self.records = max(1, min(MOST, int(records * turn / seconds))) if seconds > 0 else MOST
        self.rest = seconds if slow else 0.0
