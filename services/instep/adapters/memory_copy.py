"""Copies an authority's memory for a rehearsal: what the rehearsal remembers is thrown away with the copy.

The copy lies in a temporary directory of the user's own. The secret is only read, and never copied. SQLite may keep the last
transactions in a file beside the database (`-wal`), so both are copied while the lock is held.
"""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock, Timeout

from instep.adapters.memory import Memory
from instep.adapters.memory_files import DATABASE, database_at, sound
from instep.adapters.secret import keeps_secret
from instep.errors import PlatformError

_FILES = (DATABASE, f"{DATABASE}-wal")


@contextmanager
def copied(home: Path | None) -> Iterator[Memory]:
    """A copy of the memory in an authority's directory `home`; an empty memory where there is none (None, or no secret).

    Without a secret the references and ids are made up. Raises PlatformError where another publisher has the memory open,
    and where it cannot be read.
    """
    with TemporaryDirectory(prefix="instep-rehearsal-", ignore_cleanup_errors=True) as scratch:
        there = Path(scratch)
        try:
            secret = _copied_files(home, there)
        except OSError as error:
            raise PlatformError(f"The publisher's memory cannot be copied ({error.strerror}).") from None
        with _opened(there, secret) as rehearsed:
            yield rehearsed


def _copied_files(home: Path | None, there: Path) -> bytes:
    """Copy the database's files, and give the secret; nothing is made in `home` where it has no memory."""
    if home is None or not keeps_secret(home):
        return secrets.token_bytes(32)
    with _held(home):
        for name in _FILES:
            if (home / name).exists():
                shutil.copyfile(home / name, there / name)
        return (home / "secret").read_bytes()


@contextmanager
def _held(home: Path) -> Iterator[None]:
    """Holds the memory's lock; a directory that nobody can write to has no publisher, and needs no lock."""
    lock = FileLock(home / "lock", blocking=False, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise PlatformError(f"Another publish for {home.name} is running; wait until it is done.") from None
    except OSError:
        yield
        return
    try:
        yield
    finally:
        lock.release()


def _opened(there: Path, secret: bytes) -> Memory:
    with sound(there):
        database = database_at(there / _FILES[0])
        _as_scratch(database)
        return Memory(database=database, secret=secret, lock=FileLock(there / "lock"))


def _as_scratch(database: sqlite3.Connection) -> None:
    """Nobody else reads the copy, and nobody misses it after a power cut: without syncs and locks it is quicker."""
    database.execute("pragma synchronous = off")
    database.execute("pragma locking_mode = exclusive")
