"""What the records of `instep.network` amount to: nothing counts until the `generation` record that ends its change."""

from collections.abc import Mapping

GENERATION = "generation"
"""The key of the record that ends each change; its value is the number, in ASCII."""


class Generations:
    """What the records read so far amount to. Pure; keys and values as they lie in the topic."""

    def __init__(self) -> None:
        self._things: dict[str, bytes] = {}
        self._complete: dict[str, bytes] | None = None

    def read(self, key: bytes | None, value: bytes | None) -> None:
        """Take in the next record; a null value removes the thing."""
        name = (key or b"").decode(errors="replace")
        if value is None:
            self._things.pop(name, None)
        else:
            self._things[name] = value
        if name == GENERATION:
            self._complete = dict(self._things)

    def take(self) -> Mapping[str, bytes] | None:
        """The records of the newest whole generation, once; None when there was none since the last call."""
        complete, self._complete = self._complete, None
        return complete
