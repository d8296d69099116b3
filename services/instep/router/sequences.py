"""Which events come after a later one of the same subject: delivered all the same, and counted."""

from __future__ import annotations

from collections import OrderedDict


class Sequences:
    """The highest sequence of each of the subjects seen last.

    Kept in this process alone and bounded, for it serves a count only: a restart forgets, and undercounts.
    """

    def __init__(self, subjects: int = 100_000) -> None:
        self._subjects = subjects
        self._highest: OrderedDict[bytes, int] = OrderedDict()

    def is_late(self, subject: bytes, sequence: int) -> bool:
        """Whether the subject (`source/subject_ref`) has had a higher sequence before; notes this one."""
        highest = self._highest.get(subject)
        if highest is not None:
            self._highest.move_to_end(subject)
            if sequence < highest:
                return True
        self._highest[subject] = sequence
        if len(self._highest) > self._subjects:
            self._highest.popitem(last=False)
        return False
