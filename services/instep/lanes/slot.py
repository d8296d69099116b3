"""Takes a directory for a worker's state that no other process of this machine holds.

A worker is one process of a service. A frozen worker keeps its lock. So a worker that takes over the frozen worker's
lanes has another directory, and rebuilds their state from Kafka.
"""

import errno
import fcntl
import os
import tempfile
from itertools import count
from pathlib import Path
from typing import IO

from instep.errors import ConfigurationError
from instep.lanes.damage import unusable

_PROBE_BYTES = 4096


def take_slot(base: Path) -> tuple[Path, IO[str]]:
    """The first free `base`/worker-N, and the open lock that keeps the directory while the process lives.

    Raises ConfigurationError where this user cannot write there, StateDirectoryError where the trouble may pass.
    """
    try:
        return _take_slot(base)
    except OSError as error:
        raise _explained(base, error) from error


def _take_slot(base: Path) -> tuple[Path, IO[str]]:
    base.mkdir(parents=True, exist_ok=True)
    for number in count():
        directory = base / f"worker-{number}"
        lock = (base / f"worker-{number}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            directory.mkdir(exist_ok=True)
            _write_something(directory)
        except BlockingIOError:
            lock.close()
        except OSError:
            lock.close()
            raise
        else:
            return directory, lock
    raise AssertionError("unreachable")


def _write_something(directory: Path) -> None:
    """Find out now, and not in the middle of a claim, whether the directory can be written."""
    with tempfile.TemporaryFile(dir=directory) as file:
        file.write(bytes(_PROBE_BYTES))


def _explained(base: Path, error: OSError) -> Exception:
    """The error to raise: with the path, the cause, and the variable that names the path."""
    if reason := unusable(base, error):
        return reason
    cause = os.strerror(error.errno or 0)
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        cause = f"{error.filename} is no directory"
    return ConfigurationError(
        f"The state directory {base} cannot be made ({cause}): set INSTEP_STATE_DIR to another."
    )
