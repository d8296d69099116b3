"""Collects the records of `instep.network` into generations, the numbered states of the network.

A change of the network is several records and then a `generation` record. The change counts only from that record on.
"""

from collections.abc import Mapping

GENERATION = "generation"
"""The key of the record that ends each change; the value is the number, in ASCII."""


class Generations:
    """The records read so far, keys and values as they lie in the topic. Plain state."""

    def __init__(self) -> None:
        self._records: dict[str, bytes] = {}
        self._complete: dict[str, bytes] | None = None

    def read(self, key: bytes | None, value: bytes | None) -> None:
        """Take in the next record; a null value removes its key."""
        name = (key or b"").decode(errors="replace")
        if value is None:
            self._records.pop(name, None)
        else:
            self._records[name] = value
        if name == GENERATION:
            self._complete = dict(self._records)

    def take(self) -> Mapping[str, bytes] | None:
        """The records of the newest whole generation, once; None without a new generation since the last call."""
        complete, self._complete = self._complete, None
        return complete
