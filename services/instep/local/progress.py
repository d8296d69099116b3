"""Progress of long work, as a callback."""

from typing import Protocol


class Progress(Protocol):
    """Called as work goes on, with the step's name, and with how much is done of how much where both are known.

    A step begins with `done` 0; later calls of the same step count up.
    """

    def __call__(self, text: str, done: int = 0, total: int = 0) -> None: ...


def silent(text: str, done: int = 0, total: int = 0) -> None:
    """Nobody waits."""
