"""Workers in terminals of their own: `instep run` writes down each worker of the local platform, `instep status` shows it.

`instep down` leaves such workers alone: whoever started them ends them.
"""

import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from instep.kafka.connection import FILE_NAME, home
from instep.local.platform import PlatformStatus
from instep.local.ports import LOOPBACK
from instep.local.process import Process, ProcessRecords, this_process

_ANSWER_S = 2.0


def records(directory: Path) -> ProcessRecords:
    """The records of the workers of the platform in a directory."""
    return ProcessRecords(directory=directory / "workers")


@contextmanager
def registered(environ: Mapping[str, str], service: str, port: int | None) -> Iterator[None]:
    """Write this process down as a worker while it runs, where it runs on the local platform; else do nothing.

    `port` is its management port, None where the system chooses one.
    """
    directory = home(environ)
    if "INSTEP_BOOTSTRAP_SERVERS" in environ or not (directory / FILE_NAME).exists():
        yield
        return
    worker = this_process(f"{service}-{os.getpid()}", port)
    written = records(directory)
    try:
        written.write(worker)
    except OSError:
        # A worker does its work on a disk that is full, too.
        yield
        return
    try:
        yield
    finally:
        written.remove(worker.name)


def standing(directory: Path) -> list[PlatformStatus]:
    """The workers that run, the oldest first. Forgets the records of workers that were killed."""
    written = records(directory)
    found = []
    for worker in written.all():
        if worker.alive():
            found.append(_status(worker))
        else:
            written.remove(worker.name)
    return found


def _status(worker: Process) -> PlatformStatus:
    address = f"{LOOPBACK}:{worker.port}" if worker.port else None
    return PlatformStatus(
        name=worker.name.rpartition("-")[0],
        state=_state(address) if address else "up",
        pid=worker.pid,
        address=address,
    )


def _state(address: str) -> str:
    """The worker's own answer to `/ready`: up, not ready, or not answering."""
    try:
        with urllib.request.urlopen(f"http://{address}/ready", timeout=_ANSWER_S):
            return "up"
    except urllib.error.HTTPError:
        return "not ready"
    except OSError:
        return "not answering"
