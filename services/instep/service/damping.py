"""Decides which of many alike log lines are written: the first at once, then one a minute with the number left out.

Without a broker each client complains many times a second, and every other problem is buried. Two lines are alike when the
same logger writes the same text, whatever the numbers in the text. The next line of a kind carries the number of lines left
out since the last. A kind that never comes again needs no count.
"""

import re
from collections.abc import Hashable

EVERY_SECONDS = 60.0
MOST_KINDS = 1000
"""Kinds of lines that are remembered; beyond this number the kind that was quiet for longest is forgotten."""

_VARYING = re.compile(r"0x[0-9a-fA-F]+|\d+")
_LONGEST = 200


class Damping:
    """Remembers when each kind of line was written. Plain state; times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._written: dict[Hashable, tuple[float, int]] = {}

    def left_out(self, kind: Hashable, now: float) -> int | None:
        """How many lines of this kind were left out since the last written line; None to leave this line out too."""
        at, count = self._written.pop(kind, (None, 0))
        if at is not None and now - at < EVERY_SECONDS:
            self._written[kind] = at, count + 1
            return None
        self._written[kind] = now, 0
        if len(self._written) > MOST_KINDS:
            del self._written[next(iter(self._written))]
        return count


def shape(message: object) -> str:
    """A message without its numbers: the text in common with other messages of the same kind."""
    return _VARYING.sub("#", str(message)[:_LONGEST])
