"""The first reading of a file of moves: what has to be known of the whole file before its first row is read.

A row that cannot be read counts too. Where the cells stand under their own headings, `protected` holds for the row's
household; otherwise every household that the text mentions is in doubt.
"""

from __future__ import annotations

from collections import Counter

from instep.adapters import normalise
from instep.adapters.csv_text import TOTAL, Headings, Lines, Record, records
from instep.adapters.doubt import Traces, mentioned, rounded_in, rounds_to
from instep.adapters.households import (
    Members,
    People,
    Survey,
    Widths,
    addresses_of,
    placed_people,
    shared_by,
)
from instep.adapters.line import Refused, Row
from instep.adapters.move_rows import Reader, household_of, says_no


def survey(source: Lines, columns: Headings, reader: Reader) -> Survey:
    """Read the file once; `reader` is to know nothing of the whole file yet."""
    seen = _Seen(columns, reader)
    for record in records(source, columns):
        seen.see(record)
    return seen.survey()


class _Seen:
    def __init__(self, columns: Headings, reader: Reader) -> None:
        self._columns = columns
        self._reader = reader
        self._references, self._widths = Widths(), Widths()
        self._uprns = Counter[bool]()
        self._households: set[str] = set()
        self._protected: set[str] = set()
        self._exchanged: set[str] = set()
        self._beside: set[int] = set()
        self._placements: list[Row] = []
        self._unreadable: list[str] = []
        self._rounded: list[str] = []
        self._members, self._people, self._traces = Members(), People(), Traces()

    def see(self, record: Record) -> None:
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
            if line.protected:
                # Cells may have been exchanged, and the household may stand under another heading.
                for column in ("reference", "protected"):
                    self._exchanged.add(normalise.key_of(normalise.reference(raw.get(column, ""))))
                # Strange characters may have come into the reference: what is left of it may be the household's.
                self._exchanged.add(normalise.key_of("".join(filter(str.isascii, line.household))))

    def _row(self, row: Row) -> None:
        if row.household:
            self._households.add(row.household)
            self._members.see(row.household, shared_by(row))
            if row.protected:
                self._protected.add(row.household)
        elif row.protected and "household_reference" not in self._columns.places:
            self._beside |= addresses_of(row)
        self._people.see(row)
        if row.body.get("reason") == "PLACEMENT":
            self._placements.append(row)

    def _refused(self, record: Record, raw: dict[str, str]) -> None:
        if not self._reader.is_aligned(record):
            self._unreadable.append(record.text)
            self._rounded += rounded_in(record.text)
            if len(record.text.split(self._columns.delimiter)) < self._columns.width:
                self._traces.add(record.text)
        elif not says_no(raw):
            if household := household_of(raw):
                self._protected.add(household)
            elif written := normalise.reference(raw.get("household_reference", "")):
                self._rounded.append(written)
                self._traces.add(record.text)

    def survey(self) -> Survey:
        lengths = frozenset(map(len, self._households))
        in_doubt = {
            household for text in self._unreadable for household in mentioned(text, self._households, lengths)
        }
        in_doubt |= {
            household
            for rounded in set(self._rounded)
            for household in self._households
            if rounds_to(rounded, household)
        }
        return Survey(
            reference_width=self._references.width,
            household_width=self._widths.width,
            twelve_digit_uprns=self._uprns[True] > 9 * self._uprns[False],
            protected=frozenset(self._protected | (self._exchanged & self._households)),
            households=frozenset(self._households),
            lengths=lengths,
            in_doubt=frozenset(in_doubt),
            strangers=self._members.strangers(),
            traces=self._traces,
            beside=frozenset(self._beside),
            protected_people=frozenset(self._people.protected),
            repeated=self._people.repeated,
            placed=placed_people(self._placements),
        )
