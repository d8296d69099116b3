"""Telling whoever waits what is being done."""

from typing import Protocol


class Progress(Protocol):
    """Called as work goes on: what is being done, and how much of how much where that is known.

    A step begins with `done` 0; later calls of the same step count up.
    """

    def __call__(self, text: str, done: int = 0, total: int = 0) -> None: ...


def silent(text: str, done: int = 0, total: int = 0) -> None:
    """Nobody waits."""
