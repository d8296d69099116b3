"""Remembers which events a publisher has sent: one small SQLite file for each authority, and the authority's secret.

    <directory>/<authority>/secret          32 bytes, made at first use, readable by its owner alone
    <directory>/<authority>/memory.sqlite   digests and ids: nothing that can be read or guessed without the secret
    <directory>/<authority>/lock            held while a file is being published

The memory keeps an event once the broker has confirmed the event, and never before. So an event whose publisher was killed
in between is sent again under the same id, and the router drops the repeat.

Losing `memory.sqlite` costs repeats, and the knowledge of which households are protected: publish a full export next, not an
export of changes only. Losing `secret` makes every reference and id new, so the secret belongs in the backup.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from instep.errors import PlatformError

SEEN_AT_ONCE = 1000
"""Repeats of remembered events that are noted in a single transaction."""

MARKS_AT_ONCE = 300_000
"""Marks that a run holds in its own memory: about 30 MB."""

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
    household blob not null, subject blob not null, primary key (household, subject)
) without rowid;
create index if not exists shield_of on shield (subject);
create table if not exists protecting (
    mark blob not null, subject blob not null, primary key (mark, subject)
) without rowid;
create index if not exists protecting_of on protecting (subject);
"""
_ADDED = ("given", "family", "born", "shown")
"""Columns that memories of earlier versions do not have."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A subject's last event, in digests of 16 bytes. The fields are the table's columns.

    `alike` is the digest of the content without regard to capitals. `loose` is the same, but takes an address with a
    UPRN by UPRN, postcode and numbers alone. `protected` is this person's own flag, 0 or 1. `recorded` and `sequence`
    are epoch milliseconds; `recorded` rises with later rows of the same content. `run` is the number of the memory's
    opening that triaged the event. `again` holds the ids of rows that were recorded at the time `recorded`, had the
    same content, and were not sent. `given`, `family` and `born` tell people apart singly, None where not known.
    `shown` says whether the event was sent as PROTECTED: 0, 1, or None in memories of earlier versions.
    """

    subject: bytes
    event_id: bytes
    alike: bytes
    loose: bytes
    person: bytes | None
    household: bytes | None
    protected: int
    recorded: int
    sequence: int
    run: int
    again: bytes = b""
    given: bytes | None = None
    family: bytes | None = None
    born: bytes | None = None
    shown: int | None = None

    def also_said_by(self, event_id: bytes) -> bool:
        """Whether a row of this id repeated the event, or the event before, at the same time."""
        return any(self.again[at : at + 16] == event_id for at in range(0, len(self.again), 16))

    def with_repeat(self, event_id: bytes, recorded: int) -> Fingerprint:
        """The fingerprint after another row of the same content."""
        if recorded > self.recorded:
            return replace(self, recorded=recorded, again=event_id)
        if recorded == self.recorded and event_id != self.event_id and not self.also_said_by(event_id):
            return replace(self, again=self.again + event_id)
        return self


_NOBODY: frozenset[bytes] = frozenset()
_NAMES = tuple(field.name for field in fields(Fingerprint))
_COLUMNS = ", ".join(_NAMES)
_READ = f"select {_COLUMNS} from subject where subject = ?"  # noqa: S608 -- our own names
_MARKS = ", ".join("?" * len(_NAMES))
_WRITE = f"insert or replace into subject ({_COLUMNS}) values ({_MARKS})"  # noqa: S608


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """The trace of a sent event: its id, and the fingerprint of its subject (None: the id alone).

    `protecting` are digests of the marks of all whom the event protects beside its subject.
    """

    event_id: bytes
    fingerprint: Fingerprint | None
    protecting: tuple[bytes, ...] = ()


class Memory:
    """An authority's memory; a context manager.

    Two publishers of the same change at once would both call the change new. So `open` takes a lock, and the system lifts
    the lock however the process ends. Every method raises PlatformError where the database cannot be read or written.
    """

    def __init__(self, database: sqlite3.Connection, lock: FileLock, secret: bytes) -> None:
        self._database = database
        self._lock = lock
        self._latest: dict[bytes, Fingerprint] = {}  # of this run, by subject, where the database is behind
        self._under_way: set[bytes] = set()
        self._doubted: set[bytes] = set()  # subjects of whom this run has a row that it does not send
        self._protecting: dict[bytes, set[bytes]] = {}  # protected subjects of this run, by mark
        self.secret = secret
        self._marks: set[bytes] = set()
        self._note_marks(self._kept_marks())
        last = self._fetched("pragma user_version")
        self.run = 1 + (last[0] if last else 0)
        database.execute(f"pragma user_version = {self.run}")

    @classmethod
    def open(cls, directory: Path, authority: str) -> Self:
        """Open an authority's memory, or begin a new one; raises PlatformError where another publisher has it open."""
        home = directory / authority
        try:
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Not `blocking`: the system lifts the lock of a process that has died, so a lock that is held is in use.
            lock = FileLock(home / "lock", blocking=False, thread_local=False)
            lock.acquire()
        except Timeout:
            raise PlatformError(
                f"Another publish for {authority} is running; wait until it is done."
            ) from None
        except OSError as error:
            raise PlatformError(f"{home} cannot be written to ({error.strerror}).") from None
        try:
            with _sound(home):
                return cls(_database(home / "memory.sqlite"), lock, _secret(home / "secret"))
        except BaseException:
            lock.release()
            raise

    def last(self, subject: bytes) -> Fingerprint | None:
        """The fingerprint of a subject's last event: of this run, or remembered."""
        latest = self._latest.get(subject)
        if latest is None and (row := self._fetched(_READ, subject)):
            return Fingerprint(*row)
        return latest

    def note_repeat(self, last: Fingerprint, event_id: bytes, recorded: int) -> None:
        """Note a row that repeats the last event: rows that were recorded in between are out of date."""
        latest = last.with_repeat(event_id, recorded)
        if latest is not last:
            self._latest[last.subject] = latest
        if len(self._latest) - len(self._under_way) >= SEEN_AT_ONCE:
            self.remember([])

    def begin(self, sent: Sent) -> None:
        """Note, for this run alone, an event that is about to be sent."""
        self._under_way.add(sent.event_id)
        if sent.fingerprint:
            self._latest[sent.fingerprint.subject] = sent.fingerprint
            if sent.fingerprint.household and sent.fingerprint.protected:
                self.expect(sent.fingerprint.household, sent.fingerprint.subject)
            for mark in sent.protecting:
                self.expect(mark, sent.fingerprint.subject)

    @property
    def has_marks(self) -> bool:
        """Whether any row protects anybody beside its own person."""
        return bool(self._marks)

    def expect(self, mark: bytes, subject: bytes) -> None:
        """Note, for this run alone, that a row of the subject protects whoever has the mark."""
        self._marks.add(mark)
        self._protecting.setdefault(mark, set()).add(subject)

    def under_way(self, event_id: bytes) -> bool:
        """Whether this run has begun to send an event and has no confirmation yet."""
        return event_id in self._under_way

    def sent(self, event_id: bytes) -> bool:
        """Whether an event has been sent before, as its subject's last or earlier."""
        return self._fetched("select 1 from sent where event_id = ?", event_id) is not None

    def protected_beside(self, household: bytes, subject: bytes) -> bool:
        """Whether another member of the subject's household, remembered or of this run, is protected."""
        if self._protecting.get(household, set()) - {subject}:
            return True
        query = "select 1 from subject where household = ? and protected = 1 and subject <> ? limit 1"
        return self._fetched(query, household, subject) is not None

    def is_marked(self, marks: Collection[bytes], subject: bytes) -> bool:
        """Whether a row of another subject protects whoever has one of the marks, or holds them in doubt."""
        if any(self._protecting.get(mark, _NOBODY) - {subject} for mark in marks):
            return True
        if len(self._marks) < MARKS_AT_ONCE and self._marks.isdisjoint(marks):
            return False
        places = ", ".join("?" * len(marks))
        return any(
            self._fetched(f"{query} in ({places}) and subject <> ? limit 1", *marks, subject)
            for query in ("select 1 from shield where household", "select 1 from protecting where mark")
        )

    def shield(self, marks: Iterable[bytes], subject: bytes) -> None:
        """Keep that a row of the subject, which is not sent, speaks of these marks' households as protected or in doubt.

        Another row of the subject in the same file lifts nothing: it may be the older of the two.
        """
        self._doubted.add(subject)
        kept = list(marks)
        self._note_marks(kept)
        with _sound(None), self._database:
            self._database.executemany(
                "insert or ignore into shield values (?, ?)", [(mark, subject) for mark in kept]
            )

    def lift(self, subject: bytes) -> None:
        """Forget what unsent rows of the subject have said: a row of the subject stands published and says all there is."""
        if subject in self._doubted:
            return
        with _sound(None), self._database:
            self._database.execute("delete from shield where subject = ?", (subject,))

    def _note_marks(self, marks: Iterable[bytes]) -> None:
        """Note marks so that rows without any cost no query; of more than MARKS_AT_ONCE, the database tells."""
        for mark in marks:
            if len(self._marks) >= MARKS_AT_ONCE:
                return
            self._marks.add(mark)

    def _kept_marks(self) -> Iterator[bytes]:
        with _sound(None):
            for (mark,) in self._database.execute(
                "select household from shield union all select mark from protecting"
            ):
                yield mark

    def members(self, household: bytes) -> int:
        """How many members of the household are remembered."""
        row = self._fetched("select count(*) from subject where household = ?", household)
        return int(row[0]) if row else 0

    def remember(self, delivered: Iterable[Sent]) -> None:
        """Keep events that the broker has confirmed, in a single transaction, in the order given."""
        batch = list(delivered)
        self._under_way.difference_update(sent.event_id for sent in batch)
        settled = [latest for latest in self._latest.values() if latest.event_id not in self._under_way]
        with _sound(None), self._database:
            self._database.executemany(
                "insert or ignore into sent values (?)", [(sent.event_id,) for sent in batch]
            )
            confirmed = [sent.fingerprint for sent in batch if sent.fingerprint]
            self._database.executemany(_WRITE, [_row(latest) for latest in (*confirmed, *settled)])
            self._database.executemany(
                "delete from shield where subject = ?",
                [
                    (fingerprint.subject,)
                    for fingerprint in confirmed
                    if fingerprint.subject not in self._doubted
                ],
            )
            self._database.executemany(
                "delete from protecting where subject = ?",
                [(fingerprint.subject,) for fingerprint in confirmed if not fingerprint.protected],
            )
            self._database.executemany("insert or ignore into protecting values (?, ?)", _protecting(batch))
        for latest in settled:
            del self._latest[latest.subject]

    def forget(self, event_id: bytes) -> None:
        """Forget an event that intake or the router has refused, so that its row can be published again."""
        with _sound(None), self._database:
            self._database.execute("delete from sent where event_id = ?", (event_id,))
            self._database.execute("delete from subject where event_id = ?", (event_id,))

    def close(self) -> None:
        try:
            self.remember([])
        finally:
            self._database.close()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fetched(self, query: str, *values: bytes) -> tuple[Any, ...] | None:
        with _sound(None):
            row: tuple[Any, ...] | None = self._database.execute(query, values).fetchone()
        return row


def _protecting(batch: Iterable[Sent]) -> Iterator[tuple[bytes, bytes]]:
    for sent in batch:
        if sent.fingerprint:
            for mark in sent.protecting:
                yield mark, sent.fingerprint.subject


def _row(fingerprint: Fingerprint) -> tuple[Any, ...]:
    return tuple(getattr(fingerprint, name) for name in _NAMES)


@contextmanager
def _sound(home: Path | None) -> Iterator[None]:
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


def _database(file: Path) -> sqlite3.Connection:
    file.touch(mode=0o600)
    database = sqlite3.connect(file, check_same_thread=False)
    try:
        # A power cut may undo the last transactions of WAL without a sync each; they are then sent again, same ids.
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = normal")
        database.execute("pragma cache_size = -65536")
        database.executescript(_TABLES)
        there = {column[1] for column in database.execute("pragma table_info(subject)")}
        for name in _ADDED:
            if name not in there:
                database.execute(f"alter table subject add column {name}")
    except sqlite3.Error:
        database.close()
        raise
    return database


def _secret(file: Path) -> bytes:
    """The secret. A new secret is written whole under another name and then renamed, so nobody ever finds half a secret."""
    if not file.exists():
        fresh = file.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(32))
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)
    secret = file.read_bytes()
    if len(secret) < 32:
        raise PlatformError(f"{file} is not a publisher's secret; put back the one that was there before.")
    return secret
