"""The first reading of a file of moves: what has to be known of the whole file before its first row is read.

A row that cannot be read counts too. Where the cells stand under their own headings, `protected` holds for the row's
household; otherwise every household that the text mentions is in doubt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from instep.adapters import normalise
from instep.adapters.csv_text import TOTAL, CsvRecord, Headings, Lines, records
from instep.adapters.doubt import Traces, mentioned
from instep.adapters.households import (
    Members,
    People,
    Survey,
    Widths,
    placed_people,
    shared_by,
)
from instep.adapters.line import Refused, Row
from instep.adapters.marks import said_by
from instep.adapters.move_rows import RowReader, household_of
from instep.adapters.odd_households import OddHouseholds


def survey(source: Lines, columns: Headings, reader: RowReader) -> Survey:
    """Read the file once; `reader` is to know nothing of the whole file yet."""
    seen = _Seen(columns, reader)
    for record in records(source, columns):
        seen.see(record)
    return seen.survey()


MANY = 5_000
"""Rows that cannot be read and may protect somebody: about 60 MB of marks. After so many, the file's other rows are held."""


class _Seen:
    def __init__(self, columns: Headings, reader: RowReader) -> None:
        self._columns = columns
        self._reader = reader
        self._references, self._widths = Widths(), Widths()
        self._uprns = Counter[bool]()
        self._households: set[str] = set()
        self._said: dict[str, int] = {}
        self._doubted: dict[str, int] = {}
        self._ahead: set[tuple[str, str]] = set()
        self._placements: list[Row] = []
        self._unreadable: list[tuple[int, str]] = []
        self._members, self._people, self._traces = Members(), People(), Traces()
        self._odd = OddHouseholds()
        self._unread, self._crowded = 0, 0

    def see(self, record: CsvRecord) -> None:
        if record.unreadable == TOTAL:
            return
        raw = self._reader.raw(record)
        self._references.see(raw.get("reference", "").strip())
        self._widths.see(normalise.clean(raw.get("household_reference", "")))
        for column in ("old_uprn", "new_uprn"):
            if (value := raw.get(column, "").strip()).isdecimal():
                self._uprns[len(value) == 12] += 1
        line = self._reader.line(record, "")
        if isinstance(line, Refused):
            self._refused(record, raw)
        else:
            self._row(line)
            self._odd.see(line, normalise.reference(raw.get("household_reference", "")))

    def _row(self, row: Row) -> None:
        if row.household:
            self._households.add(row.household)
            self._members.see(row.household, shared_by(row))
        if row.protected:
            self._say(said_by(row), row.line)
            if not row.household:
                self._ahead.add((row.system, row.reference))
        self._people.see(row)
        if row.body.get("reason") == "PLACEMENT":
            self._placements.append(row)

    def _refused(self, record: CsvRecord, raw: dict[str, str]) -> None:
        if self._crowded:
            self._ahead.add(self._reader.person_of(record))
            return
        marks = self._reader.marks(record)
        if marks:
            self._ahead.add(self._reader.person_of(record))
            self._unread += 1
            self._crowded = record.line if self._unread > MANY else 0
        self._speak(record, raw, marks)

    def _speak(self, record: CsvRecord, raw: dict[str, str], marks: frozenset[str]) -> None:
        """Note what a row that cannot be read says."""
        if not self._reader.is_aligned(record):
            self._unreadable.append((record.line, record.text))
            # Rows without a household go out, protected: in a file without households, nothing else could be sent.
            alone = {mark for mark in marks if mark.startswith("lone:")}
            self._say(alone, record.line)
            self._doubt(marks - alone, record.line)
            if len(record.text.split(self._columns.delimiter)) < self._columns.width:
                self._traces.add(record.text, record.line)
        elif household_of(raw):
            self._say(marks, record.line)
        elif marks:
            self._doubt(marks, record.line)
            self._traces.add(record.text, record.line)

    def _say(self, marks: Iterable[str], line: int) -> None:
        for mark in marks:
            self._said.setdefault(mark, line)

    def _doubt(self, marks: Iterable[str], line: int) -> None:
        for mark in marks:
            self._doubted.setdefault(mark, line)

    def survey(self) -> Survey:
        lengths = frozenset(map(len, self._households))
        mentions = {line: mentioned(text, self._households, lengths) for line, text in self._unreadable}
        for line, households in mentions.items():
            self._doubt(households, line)
        return Survey(
            reference_width=self._references.width,
            household_width=self._widths.width,
            twelve_digit_uprns=self._uprns[True] > 9 * self._uprns[False],
            said=self._said,
            doubted=self._doubted,
            mentioned={line: households for line, households in mentions.items() if households},
            households=frozenset(self._households),
            lengths=lengths,
            strangers=self._members.strangers(),
            traces=self._traces,
            odd=self._odd,
            crowded=self._crowded,
            ahead=frozenset(person for person in self._ahead if person[1]),
            protected_people=self._people.protected,
            repeated=self._people.repeated,
            placed=placed_people(self._placements),
        )
