"""Keeps what became of each row of the files that a publisher has sent: a small SQLite file for each authority.

    <home>/rows.sqlite      names of files, lines, ids, pseudonyms, reasons: no value of a row

So a council finds the row behind an event, and the reason for which a row never left. A row that is unchanged since it was
published keeps its first entry. Rows are kept for as long as the network keeps answers: 35 days.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from instep.errors import PlatformError

KEPT_MS = 35 * 86_400_000

_TABLE = """
create table if not exists row (
    file text not null, line integer not null, entry text not null, outcome text not null, event_id text not null,
    subject_ref text not null, column_name text not null, reason text not null, problem text not null, at integer not null
);
create unique index if not exists row_of_event on row (event_id) where event_id <> '';
create index if not exists row_of_line on row (file, line);
create index if not exists row_of_subject on row (subject_ref) where subject_ref <> '';
create index if not exists row_at on row (at);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledRow:
    """A row of a file, and what became of it.

    The words are those of `LineResult`. `file` is the file's name without its directory, `at` is epoch milliseconds.
    `event_id` is "" for a row that was not published, `subject_ref` where nobody can tell whose row it is.
    """

    file: str
    line: int
    entry: str = ""
    outcome: str
    event_id: str = ""
    subject_ref: str = ""
    column: str = ""
    reason: str = ""
    problem: str = ""
    at: int

    @property
    def place(self) -> str:
        """`moves.csv line 3`."""
        return f"{self.file} line {self.line}"


_MARKS = ", ".join("?" * len(fields(FiledRow)))
_WRITE = f"insert or replace into row values ({_MARKS})"  # noqa: S608 -- our own words
_NAMES = "file, line, entry, outcome, event_id, subject_ref, column_name, reason, problem, at"


class FiledRows:
    """The rows of an authority; made by `opened` or `reading_rows`.

    Every method raises PlatformError where the file cannot be used.
    """

    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        self._connection = connection
        self._file = file

    def keep(self, rows: Iterable[FiledRow]) -> None:
        """Keep rows in a single transaction. Of the outcomes of a line that was not published, only the last is kept."""
        batch = list(rows)
        lines = [(row.file, row.line) for row in batch]
        with _usable(self._file), self._connection:
            self._connection.executemany(
                "delete from row where file = ? and line = ? and event_id = ''", lines
            )
            self._connection.executemany(_WRITE, [astuple(row) for row in batch])

    def of_event(self, event_id: str) -> FiledRow | None:
        """The row that an event was published from."""
        rows = self._read("event_id = ?", event_id)
        return rows[-1] if rows else None

    def of_subject(self, subject_ref: str) -> Sequence[FiledRow]:
        """The rows about a subject, in the order of their publication."""
        return self._read("subject_ref = ?", subject_ref)

    def of_line(self, file: str, line: int) -> Sequence[FiledRow]:
        """What became of a line of a file, or of files of the same name, in the order of publication."""
        return self._read("file = ? and line = ?", file, line)

    def _read(self, condition: str, *values: str | int) -> list[FiledRow]:
        query = f"select {_NAMES} from row where {condition} order by at, rowid"  # noqa: S608 -- our own words
        with _usable(self._file):
            found = self._connection.execute(query, values).fetchall()
        return [FiledRow(**dict(zip(_FIELDS, row, strict=True))) for row in found]


_FIELDS = tuple(field.name for field in fields(FiledRow))


@contextmanager
def opened(home: Path, *, now_ms: int | None = None) -> Iterator[FiledRows]:
    """The rows in an authority's directory, to be added to; older rows are forgotten.

    Raises PlatformError where the file is unusable.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = home / "rows.sqlite"
    file.touch(mode=0o600)
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    with _usable(file), closing(sqlite3.connect(file, check_same_thread=False)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        connection.executescript(_TABLE)
        with connection:
            connection.execute("delete from row where at < ?", (now - KEPT_MS,))
        yield FiledRows(connection, file)


@contextmanager
def reading_rows(home: Path | None) -> Iterator[FiledRows | None]:
    """The rows in an authority's directory, to be read; None where nothing was published from this machine."""
    file = home / "rows.sqlite" if home else None
    if file is None or not file.is_file():
        yield None
        return
    with _usable(file), closing(sqlite3.connect(file)) as connection:
        connection.executescript(_TABLE)
        yield FiledRows(connection, file)


@contextmanager
def _usable(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise PlatformError(
            f"{file} cannot be used ({error}). Move it away: publishing goes on without it, and only the lines of earlier"
            " files are no longer named."
        ) from error
