"""Remembers which events a publisher has sent: one small SQLite file for each authority, and the authority's secret.

    <directory>/<authority>/secret          32 bytes, made at first use, readable by its owner alone
    <directory>/<authority>/memory.sqlite   digests and ids: nothing that can be read or guessed without the secret
    <directory>/<authority>/lock            held while a file is being published

The memory keeps an event once the broker has confirmed the event, and never before. So an event whose publisher was killed
in between is sent again under the same id, and the router drops the repeat.

Losing `memory.sqlite` costs repeats, and the knowledge of which households are protected: publish a full export next, not an
export of changes only. Losing `secret` makes every reference and id new, so the secret belongs in the backup, and a memory
without its secret is refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock

from instep.adapters.memory_files import acquired, opened, sound
from instep.adapters.roll import Roll
from instep.adapters.secret import key_id

SEEN_AT_ONCE = 1000
"""Repeats of remembered events that are noted in a single transaction."""

MARKS_AT_ONCE = 300_000
"""Marks that a run holds in its own memory: about 30 MB."""


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

_SHIELD_FORGOTTEN = """
insert or replace into shield (household, subject, run) select household, subject, ? from subject
where event_id = ? and protected = 1 and household is not null
"""
_SPEAKERS = "select count(distinct subject) from shield where household in ({places})"
_PROTECTS = "select 1 from protecting where mark in ({places}) and subject <> ? limit 1"
_RELEASED = "select max(run) from released where household in (?, ?)"
_DOUBTS = "select 1 from shield where household in ({places}) and subject <> ? and run > ? limit 1"


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

    def __init__(self, database: sqlite3.Connection, secret: bytes, lock: FileLock) -> None:
        self._database = database
        self._lock = lock
        self._latest: dict[bytes, Fingerprint] = {}  # of this run, by subject, where the database is behind
        self._under_way: set[bytes] = set()
        self._doubted: set[bytes] = set()  # subjects of whom this run has a row that it does not send
        self._protecting: dict[bytes, set[bytes]] = {}  # protected subjects of this run, by mark
        self.secret = secret
        self.key_id = key_id(secret)
        self._marks: set[bytes] = set()
        self._note_marks(self._kept_marks())
        self._has_signs = self._signed()
        last = self._fetched("pragma user_version")
        self.run = 1 + (last[0] if last else 0)
        database.execute(f"pragma user_version = {self.run}")

    @classmethod
    def open(cls, directory: Path, authority: str) -> Self:
        """Open an authority's memory, or begin a new one; raises PlatformError where another publisher has it open."""
        home = directory / authority
        lock = acquired(home, authority)
        try:
            with sound(home):
                database, secret = opened(home)
                try:
                    return cls(database, secret, lock)
                except BaseException:
                    database.close()
                    raise
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

    @property
    def tells_marks(self) -> bool:
        """Whether `knows` is sure: marks of earlier versions come without their signs and places (`marks`)."""
        return self._has_signs and len(self._marks) < MARKS_AT_ONCE

    def knows(self, mark: bytes) -> bool:
        """Whether any row has said a mark, where the memory `tells_marks`."""
        return mark in self._marks

    def _signed(self) -> bool:
        """Whether all kept marks come with their signs; a memory without any mark begins so."""
        with sound(None), self._database:
            if not self._marks:
                self._database.execute("insert or ignore into note values ('signs', 1)")
        return self._fetched("select 1 from note where name = 'signs'") is not None

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

    def is_marked(self, marks: Collection[bytes], subject: bytes, household: bytes | None = None) -> bool:
        """Whether a row of another subject protects whoever has one of the marks, or holds them in doubt.

        Doubts from which `household` or the subject itself has been released do not count.
        """
        # What this run expects is among `_marks`, however many there are.
        if len(self._marks) < MARKS_AT_ONCE and self._marks.isdisjoint(marks):
            return False
        if any(self._protecting.get(mark, _NOBODY) - {subject} for mark in marks):
            return True
        return self._protects(marks, subject) or self._doubts(marks, subject, household or b"")

    def _protects(self, marks: Collection[bytes], subject: bytes) -> bool:
        query = _PROTECTS.format(places=_places(marks))
        return self._fetched(query, *marks, subject) is not None

    def _doubts(self, marks: Collection[bytes], subject: bytes, household: bytes) -> bool:
        query = _DOUBTS.format(places=_places(marks))
        released = self._fetched(_RELEASED, household, subject)
        since = released[0] if released and released[0] is not None else -1
        return self._fetched(query, *marks, subject, since) is not None

    def keeps_protected(self, household: bytes) -> bool:
        """Whether a published row protects the household, whatever unsent rows have said."""
        return self.protected_beside(household, b"") or self._protects([household], b"")

    def marks_of(self, subject: bytes) -> tuple[bytes, ...]:
        """The marks of all whom published rows of the subject protect, this run's included."""
        here = {mark for mark, subjects in self._protecting.items() if subject in subjects}
        with sound(None):
            kept = self._database.execute("select mark from protecting where subject = ?", (subject,))
            return tuple(here.union(mark for (mark,) in kept))

    def shield(self, marks: Iterable[bytes], subject: bytes) -> None:
        """Keep that a row of the subject, which is not sent, speaks of these marks' households as protected or in doubt.

        Another row of the subject in the same file lifts nothing: it may be the older of the two.
        """
        self._doubted.add(subject)
        kept = list(marks)
        self._note_marks(kept)
        with sound(None), self._database:
            self._database.executemany(
                "insert or replace into shield (household, subject, run) values (?, ?, ?)",
                [(mark, subject, self.run) for mark in kept],
            )

    def lift(self, subject: bytes) -> None:
        """Forget what unsent rows of the subject have said: a row of the subject stands published and says all there is."""
        if subject in self._doubted:
            return
        with sound(None), self._database:
            self._database.execute("delete from shield where subject = ?", (subject,))

    def _note_marks(self, marks: Iterable[bytes]) -> None:
        """Note marks so that rows without any cost no query; of more than MARKS_AT_ONCE, the database tells."""
        for mark in marks:
            if len(self._marks) >= MARKS_AT_ONCE:
                return
            self._marks.add(mark)

    def _kept_marks(self) -> Iterator[bytes]:
        with sound(None):
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
        with sound(None), self._database:
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

    @property
    def is_empty(self) -> bool:
        """Whether the memory knows of no event."""
        return self._fetched("select 1 from sent limit 1") is None

    @property
    def checked(self) -> int:
        """The offset up to which the outbox is known to hold no events of another secret."""
        row = self._fetched("select value from note where name = 'checked'")
        return int(row[0]) if row else 0

    def note_checked(self, offset: int) -> None:
        """Keep `checked`."""
        with sound(None), self._database:
            self._database.execute("insert or replace into note values ('checked', ?)", (offset,))

    def roll(self) -> Roll:
        """Who stands in the exports that this memory has seen."""
        return Roll(self._database, self.run)

    def lift_household(self, household: bytes, spoken_of: Collection[bytes] = ()) -> int:
        """Release a household from all that unsent rows have said so far; gives the number of rows that spoke of it.

        `spoken_of` are further marks under which such rows know the household. What the rows say of others stays, and so
        does what they say anew.
        """
        marks = {household, *spoken_of}
        rows = self._fetched(_SPEAKERS.format(places=_places(marks)), *marks)
        with sound(None), self._database:
            self._database.execute("insert or replace into released values (?, ?)", (household, self.run))
            self._database.execute("delete from shield where household = ?", (household,))
        return int(rows[0]) if rows else 0

    def lift_person(self, subject: bytes) -> None:
        """Release a subject alone from all that unsent rows have said so far; what they say anew counts."""
        with sound(None), self._database:
            self._database.execute("insert or replace into released values (?, ?)", (subject, self.run))

    def forget(self, event_id: bytes) -> None:
        """Forget an event that intake or the router has refused, so that its row can be published again.

        A row that protects its household goes on to do so, until a row of the subject is published.
        """
        with sound(None), self._database:
            self._database.execute(_SHIELD_FORGOTTEN, (self.run, event_id))
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

    def _fetched(self, query: str, *values: bytes | int) -> tuple[Any, ...] | None:
        try:  # three queries a row: `sound` is entered only where something is wrong
            row: tuple[Any, ...] | None = self._database.execute(query, values).fetchone()
        except sqlite3.Error:
            with sound(None):
                raise
        return row


def _protecting(batch: Iterable[Sent]) -> Iterator[tuple[bytes, bytes]]:
    for sent in batch:
        if sent.fingerprint:
            for mark in sent.protecting:
                yield mark, sent.fingerprint.subject


def _places(values: Collection[bytes]) -> str:
    return ", ".join("?" * len(values))


def _row(fingerprint: Fingerprint) -> tuple[Any, ...]:
    return tuple(getattr(fingerprint, name) for name in _NAMES)
