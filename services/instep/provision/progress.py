"""Progress: how long work on a cluster says how far it has come."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the name of the step, the number of things done, and the number of things to do."""


def silent(step: str, done: int, total: int) -> None:
    """Show no progress."""
