"""Defines the callback through which long work on a cluster reports how far the work has come."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the name of the step, the number of things done, and the number of things to do."""


def silent(step: str, done: int, total: int) -> None:
    """Show no progress."""
