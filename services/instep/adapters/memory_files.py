"""Opens the files of a publisher's memory: the database, the secret and the lock (`memory` says what they hold)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from instep.adapters.secret import keeps_secret, key_id, secret_of
from instep.errors import PlatformError

DATABASE = "memory.sqlite"
BESIDE = ("-wal", "-shm")
"""What SQLite adds to the name of a database for the files beside it."""

_TABLES = """
create table if not exists subject (
    subject blob primary key, event_id blob not null, alike blob not null, loose blob not null,
    person blob, household blob, protected integer not null, recorded integer not null,
    sequence integer not null, run integer not null, again blob not null,
    given blob, family blob, born blob, shown integer
) without rowid;
create index if not exists member on subject (household, protected) where household is not null;
create table if not exists sent (event_id blob primary key) without rowid;
create table if not exists shield (
    household blob not null, subject blob not null, run integer not null default 0, primary key (household, subject)
) without rowid;
create index if not exists shield_of on shield (subject);
create table if not exists released (household blob primary key, run integer not null) without rowid;
create table if not exists protecting (
    mark blob not null, subject blob not null, primary key (mark, subject)
) without rowid;
create index if not exists protecting_of on protecting (subject);
create table if not exists note (name text primary key, value) without rowid;
"""
_ADDED = (
    *(("subject", name, "") for name in ("given", "family", "born", "shown")),
    ("shield", "run", " integer not null default 0"),
)
"""Tables and columns that memories of earlier versions do not have."""


def acquired(home: Path, authority: str) -> FileLock:
    """The lock of an authority's directory, which is made where it is missing; to be released.

    Raises PlatformError where another process holds the lock, or the directory cannot be written to.
    """
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Not `blocking`: the system lifts the lock of a process that has died, so a lock that is held is in use.
        lock = FileLock(home / "lock", blocking=False, thread_local=False)
        lock.acquire()
    except Timeout:
        raise PlatformError(f"Another publish for {authority} is running; wait until it is done.") from None
    except OSError as error:
        raise PlatformError(
            f"{home} cannot be written to ({error.strerror}): the publisher's memory is there, and nothing is sent without."
        ) from None
    return lock


@contextmanager
def held(home: Path, authority: str) -> Iterator[None]:
    """Holds the lock, as `acquired` takes it."""
    lock = acquired(home, authority)
    try:
        yield
    finally:
        lock.release()


def opened(home: Path) -> tuple[sqlite3.Connection, bytes]:
    """The database and the secret, which belong together: ids made with another secret are all new."""
    had_secret = keeps_secret(home)
    database = database_at(home / DATABASE)
    try:
        if not had_secret:
            _ensure_new(database, home)
        secret = secret_of(home)
        _ensure_pair(database, secret, home)
    except BaseException:
        database.close()
        raise
    return database, secret


def _ensure_new(database: sqlite3.Connection, home: Path) -> None:
    if database.execute("select 1 from sent limit 1").fetchone():
        raise PlatformError(
            f"{home} holds a publisher's memory without its secret: put the file `secret` back from your backup, or move the"
            " directory away and run `instep publisher import`."
        )


def _ensure_pair(database: sqlite3.Connection, secret: bytes, home: Path) -> None:
    with database:
        database.execute("insert or ignore into note values ('key', ?)", (key_id(secret),))
    ((kept,),) = database.execute("select value from note where name = 'key'")
    if kept != key_id(secret):
        raise PlatformError(
            f"The secret in {home} is not the one with which the memory beside it was made; put back the one that was there"
            " before."
        )


def database_at(file: Path) -> sqlite3.Connection:
    """The database in a file, made where there is none."""
    file.touch(mode=0o600)
    database = sqlite3.connect(file, check_same_thread=False)
    try:
        # A power cut may undo the last transactions of WAL without a sync each; they are then sent again, same ids.
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = normal")
        database.execute("pragma cache_size = -65536")
        database.executescript(_TABLES)
        for table, name, kind in _ADDED:
            if name not in {column[1] for column in database.execute(f"pragma table_info({table})")}:
                database.execute(f"alter table {table} add column {name}{kind}")
    except sqlite3.Error:
        database.close()
        raise
    return database


@contextmanager
def sound(home: Path | None) -> Iterator[None]:
    """Turns what SQLite and the disk say into a PlatformError of a single sentence."""
    try:
        yield
    except sqlite3.Error as error:
        where = f"in {home} " if home else ""
        raise PlatformError(
            f"The publisher's memory {where}cannot be used ({error}); with memory.sqlite moved away, publishing again"
            " repeats events under the same ids, and the network drops the repeats."
        ) from None
    except OSError as error:
        raise PlatformError(f"The publisher's memory cannot be used ({error.strerror}).") from None


def settled(home: Path) -> None:
    """Bring everything into the database's one file, so that the file can be moved; the lock has to be held."""
    with sound(home), closing(sqlite3.connect(home / DATABASE)) as database:
        database.execute("pragma journal_mode = delete")


def snapshot(home: Path) -> bytes:
    """The database as the bytes of its file; the lock has to be held."""
    with (
        sound(home),
        closing(sqlite3.connect(home / DATABASE)) as database,
        closing(sqlite3.connect(":memory:")) as copy,
    ):
        database.backup(copy)
        return copy.serialize()
