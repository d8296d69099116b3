"""Keeps the outcomes of work lists, until receipts are made of them: a small SQLite file for each authority.

    <directory>/<authority>/answers.sqlite      references, ids and outcomes: no value of a record, and no note

A later answer about the same record takes the place of the earlier one. A list is kept whole, or not at all.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from instep.client.worklist import Key, RowOutcome
from instep.errors import PlatformError

_TABLE = """
create table if not exists answer (
    purpose text not null, source text not null, subject_ref text not null, event_id text not null,
    withdrawal integer not null, outcome text not null, at text not null,
    primary key (purpose, source, subject_ref, event_id, withdrawal)
) without rowid
"""
_READ = """
select outcome from answer where (purpose, source, subject_ref, event_id, withdrawal) = (?, ?, ?, ?, ?)
"""


@contextmanager
def opened(directory: Path, authority: str) -> Iterator["KeptOutcomes"]:
    """The answers of an authority, in a directory that is made where it is missing.

    Raises PlatformError where the file cannot be used.
    """
    home = directory / authority
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = home / "answers.sqlite"
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute(_TABLE)
            yield KeptOutcomes(connection)
    except sqlite3.Error as error:
        raise PlatformError(f"The file of kept outcomes, {file}, cannot be used: {error}.") from error


class KeptOutcomes:
    """The kept answers of an authority; made by `opened`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def keep(self, answers: Iterable[RowOutcome], at: str) -> Counter[str]:
        """Keep all of them in a single transaction; returns how many are `new`, `changed` and `unchanged`.

        `at` is the time of the answers, ISO 8601. An answer that says the same again keeps its time.
        """
        counts: Counter[str] = Counter()
        self._connection.execute("begin immediate")
        try:
            for answer in answers:
                counts[self._keep(answer, at)] += 1
            self._connection.execute("commit")
        except BaseException:
            self._connection.execute("rollback")
            raise
        return counts

    def _keep(self, answer: RowOutcome, at: str) -> str:
        key = _columns(answer.key)
        row = self._connection.execute(_READ, key).fetchone()
        if row is not None and row[0] == answer.outcome:
            return "unchanged"
        self._connection.execute(
            "insert or replace into answer values (?, ?, ?, ?, ?, ?, ?)", (*key, answer.outcome, at)
        )
        return "new" if row is None else "changed"

    def __iter__(self) -> Iterator[RowOutcome]:
        """All kept answers, in the order of their keys."""
        for purpose, source, subject_ref, event_id, withdrawal, outcome in self._connection.execute(
            "select purpose, source, subject_ref, event_id, withdrawal, outcome from answer"
        ):
            key = Key(
                purpose=purpose,
                source=source,
                subject_ref=subject_ref,
                event_id=event_id,
                withdrawal=bool(withdrawal),
            )
            yield RowOutcome(key=key, outcome=outcome)


def _columns(key: Key) -> tuple[str, str, str, str, int]:
    return (key.purpose, key.source, key.subject_ref, key.event_id, int(key.withdrawal))
