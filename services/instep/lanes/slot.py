"""The directory that a worker's state is in: one that no other process of this machine holds.

A frozen worker keeps its lock, so the one that takes over gets another directory and rebuilds from the changelog.
"""

import fcntl
from itertools import count
from pathlib import Path
from typing import IO


def take_slot(base: Path) -> tuple[Path, IO[str]]:
    """The first free `base`/worker-N, and the open lock that keeps it while the process lives."""
    base.mkdir(parents=True, exist_ok=True)
    for number in count():
        directory = base / f"worker-{number}"
        lock = (base / f"worker-{number}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        directory.mkdir(exist_ok=True)
        return directory, lock
    raise AssertionError("unreachable")
