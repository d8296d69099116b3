"""Which of repeated log lines are written: the first at once, then one a minute with the number of those held back.

Without a broker each client says so many times a second, and what else went wrong is buried. Two lines are alike when the
same logger says the same thing, whatever the numbers in it. The number held back since the last line is told by the next
line of its kind; what is never said again needs no count.
"""

import re
from collections.abc import Hashable

EVERY_SECONDS = 60.0
MOST_KINDS = 1000
"""Kinds of lines that are remembered; beyond that the one that was quiet for longest is forgotten."""

_VARYING = re.compile(r"0x[0-9a-fA-F]+|\d+")
_LONGEST = 200


class Damping:
    """Remembers what was written when. Pure but for that; times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._written: dict[Hashable, tuple[float, int]] = {}

    def held_back(self, kind: Hashable, now: float) -> int | None:
        """How many lines of this kind were held back since the last that was written; None to hold this one back too."""
        at, count = self._written.pop(kind, (None, 0))
        if at is not None and now - at < EVERY_SECONDS:
            self._written[kind] = at, count + 1
            return None
        self._written[kind] = now, 0
        if len(self._written) > MOST_KINDS:
            del self._written[next(iter(self._written))]
        return count


def shape(message: object) -> str:
    """A message that was put together by hand, without its numbers: what it has in common with others of its kind."""
    return _VARYING.sub("#", str(message)[:_LONGEST])
