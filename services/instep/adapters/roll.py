"""Keeps who stands in a council's exports: for each published subject the last file and line, and the run that read them.

    roll    subject (digest) -> pseudonym, event type, system, name of the file, line, number of the run

So a row that has been deleted from an export can be shown, and annulled when somebody asks for that. An export is known by
its system and event type. The roll holds no local reference and no value of a row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from instep.adapters.identity import Identity
from instep.adapters.line import Line, Row
from instep.errors import PlatformError

NOTED_AT_ONCE = 1000
"""Rows of a file that are noted in a single transaction."""

_TABLE = """
create table if not exists roll (
    subject blob primary key, subject_ref text not null, event_type text not null, system text not null,
    file text not null, line integer not null, run integer not null
) without rowid
"""
_STANDING = """
select roll.subject, subject_ref, event_type, system, file, line, roll.run from roll join subject using (subject)
where event_type = ? and system = ?
"""

Scope = tuple[str, str]
"""The event type and the system of an export's rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RollEntry:
    """A published subject's place in the last export that held a row of it. `run` is the number of that run."""

    subject: bytes
    subject_ref: str
    event_type: str
    system: str
    file: str
    line: int
    run: int


class Roll:
    """The roll of a memory; made by `Memory.roll`. Raises PlatformError where the database cannot be used."""

    def __init__(self, database: sqlite3.Connection, run: int) -> None:
        self._database = database
        self._run = run
        self._pending: list[tuple[bytes, str, str, str, str, int, int]] = []
        self.scopes: set[Scope] = set()
        """The exports to which this run's rows belong."""
        self.unread = 0
        """Lines of this run that are no rows."""
        self._execute(_TABLE)

    def noting(self, lines: Iterable[Line], file: str, identity: Identity) -> Iterator[Line]:
        """The lines as they are; each row's subject is noted as standing in `file`."""
        for line in lines:
            if isinstance(line, Row):
                self._note(line, file, identity)
            else:
                self.unread += 1
            yield line
        self._keep()

    def missing(self) -> list[RollEntry]:
        """The published subjects of this run's exports that no row of this run names, in the order of their last lines."""
        self._keep()
        standing = (each for scope in sorted(self.scopes) for each in self._of(scope))
        return sorted(
            (each for each in standing if each.run != self._run),
            key=lambda each: (each.file, each.line, each.subject_ref),
        )

    def size(self) -> int:
        """How many published subjects are known of this run's exports."""
        self._keep()
        return sum(1 for scope in self.scopes for _ in self._of(scope))

    def of(self, subject: bytes) -> RollEntry | None:
        """Where a subject stood last; None where no file has named it since the roll was begun."""
        query = "select subject, subject_ref, event_type, system, file, line, run from roll where subject = ?"
        row = self._execute(query, subject).fetchone()
        return None if row is None else _standing(row)

    def systems(self) -> Collection[str]:
        """The systems of all files so far."""
        return [system for (system,) in self._execute("select distinct system from roll")]

    def _of(self, scope: Scope) -> Iterator[RollEntry]:
        return map(_standing, self._execute(_STANDING, *scope))

    def _note(self, row: Row, file: str, identity: Identity) -> None:
        subject_ref = identity.subject_of(row)
        subject = identity.digest("memory", subject_ref)
        self.scopes.add((row.event_type, row.system))
        self._pending.append((subject, subject_ref, row.event_type, row.system, file, row.line, self._run))
        if len(self._pending) >= NOTED_AT_ONCE:
            self._keep()

    def _keep(self) -> None:
        batch, self._pending = self._pending, []
        if batch:
            try:
                with self._database:
                    self._database.executemany(
                        "insert or replace into roll values (?, ?, ?, ?, ?, ?, ?)", batch
                    )
            except sqlite3.Error as error:
                raise _unusable(error) from None

    def _execute(self, query: str, *values: bytes | str) -> sqlite3.Cursor:
        try:
            return self._database.execute(query, values)
        except sqlite3.Error as error:
            raise _unusable(error) from None


def _standing(row: tuple[bytes, str, str, str, str, int, int]) -> RollEntry:
    subject, subject_ref, event_type, system, file, line, run = row
    return RollEntry(
        subject=subject,
        subject_ref=subject_ref,
        event_type=event_type,
        system=system,
        file=file,
        line=line,
        run=run,
    )


def _unusable(error: sqlite3.Error) -> PlatformError:
    return PlatformError(f"The publisher's memory cannot be used ({error}).")
