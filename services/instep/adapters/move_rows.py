"""Reads a record of a file of moves as a row: a plain event for `resident-moved`, or a refusal by column and reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date

from instep.adapters import normalise
from instep.adapters.cells import NO, YES, Cells, present
from instep.adapters.csv_text import CsvRecord, Headings
from instep.adapters.cut_rows import marks_of_columns, marks_of_cut
from instep.adapters.doubt import marks_of_addresses, marks_of_glued, marks_of_text
from instep.adapters.faults import REASON, RESIDENCE, fault, faults
from instep.adapters.households import (
    Survey,
    applicant,
    described,
    person_key,
    protector_of_person,
    reference_key,
)
from instep.adapters.line import Fault, Line, Note, Plain, Refused, Row, Shield
from instep.adapters.marks import folded, heard_by, lost, spellings, with_signs
from instep.adapters.settings import Settings
from instep.errors import RowError
from instep.events import identifiers

SYSTEM = "council-tax"

_NO_REFERENCES = frozenset({"yes", "no", "y", "n", "true", "false"})
_HOUSEHOLD_HEADING = re.compile(
    r".*\b(house[_ -]?hold|hh|family|group)[_ -]?(ref(erence)?|id|no|num(ber)?|key|code)\b.*|hhid"
)


class RowReader:
    """Reads records as rows, given what the whole file says."""

    def __init__(self, columns: Headings, settings: Settings, survey: Survey) -> None:
        self._headings = columns
        # By place: a further heading may have the name of our own column, where a mapping gives ours to another.
        self._further = {f"column {place}": place for place in further_households(columns)}
        self._places = (*columns.places.items(), *self._further.items())
        self._settings = settings
        self.survey = survey
        self._system = settings.source_system or SYSTEM

    def recorded_at(self, record: CsvRecord) -> str:
        place = self._headings.places["recorded_at"]
        return record.cells[place].strip() if place < len(record.cells) else ""

    def raw(self, record: CsvRecord) -> dict[str, str]:
        """The cells by our columns, with changes by hand."""
        cells = record.cells
        raw = {column: cells[place] for column, place in self._places if place < len(cells)}
        return self._settings.edit(record.line, raw)

    def line(self, record: CsvRecord, before: str) -> Line:
        """A record's row. `before` is the `recorded_at` of the row before: it shows whether a last row was cut off."""
        try:
            return self._row(record, before)
        except RowError as error:
            return Refused(
                line=record.line,
                column=error.column,
                reason=error.reason,
                position=record.position,
                shield=self._shield(record),
                system=self._system,
                reference=self._reference(record),
                faults=self._all_faults(record, error),
            )

    def _reference(self, record: CsvRecord) -> str:
        """The reference of a refused row; "" where its cells may stand under other headings."""
        if record.unreadable or len(record.cells) < self._headings.width:
            return ""
        return self._padded(normalise.reference(self.raw(record).get("reference", "")))

    def _padded(self, reference: str) -> str:
        width = self.survey.reference_width
        return reference.zfill(width) if len(reference) < width and reference.isdecimal() else reference

    def _all_faults(self, record: CsvRecord, error: RowError) -> tuple[Fault, ...]:
        """The row's first fault, and the others where its cells stand under their own headings."""
        named = self._headings.named
        first = fault(error, named)
        if not error.column:
            return (first,)
        others = faults(self.raw(record), named, self._settings)
        return (first, *(other for other in others if other.column != first.column))

    def _shield(self, record: CsvRecord) -> Shield | None:
        """What a refused row may say of protection."""
        marks = self.marks(record) | self.survey.mentioned.get(record.line, frozenset())
        if not marks:
            return None
        return Shield(system=self._system, reference=self.person_of(record)[1], marks=marks)

    def marks(self, record: CsvRecord) -> frozenset[str]:
        """The marks of all whom a refused row may protect."""
        if 0 < self.survey.crowded <= record.line:
            return with_signs(marks_of_columns(self._first_cells(record)))
        return with_signs(self._marks(record))

    def _marks(self, record: CsvRecord) -> frozenset[str]:
        if record.unreadable == "heading-again":
            return frozenset()
        raw = self.raw(record)
        if self.is_aligned(record):
            return frozenset() if says_no(raw) else self._marks_of_cells(raw)
        marks = marks_of_text(record.text)
        cells = record.text.rstrip("\r\n").split(self._headings.delimiter)
        missing = self._headings.width - len(cells)
        place = self._headings.places.get("household_reference")
        if place is not None and missing > 0:
            marks |= marks_of_glued(cells, place, missing)
        if missing > 0:
            marks |= marks_of_cut(cells, self._headings.places)
        # Control characters may stand within the household's reference, as a terminal's codes do.
        unsure = missing > 0 or normalise.has_control(record.text)
        return marks | marks_of_addresses(record.text, "any" if unsure else "lone")

    def _marks_of_cells(self, raw: Mapping[str, str]) -> frozenset[str]:
        """The marks of a row whose cells stand under their own headings, and which does not say that nobody is protected."""
        household = household_of(raw)
        keys = spellings((household, *self._others(raw)))
        keys |= {f"ref:{mark}" for mark in spellings((reference_of(raw),))}
        text = ", ".join(raw.values())
        if household:
            return keys | marks_of_addresses(text, "lone")
        written = normalise.reference(raw.get("household_reference", ""))
        return (
            keys
            | frozenset(lost(written, [folded(raw.get("family_name", "").strip())]))
            | marks_of_addresses(text)
        )

    def _others(self, raw: Mapping[str, str]) -> tuple[str, ...]:
        """The keys of cells under further headings of households."""
        keys = (household_of({"household_reference": raw.get(column, "")}) for column in self._further)
        return tuple(key for key in keys if key)

    def person_of(self, record: CsvRecord) -> tuple[str, str]:
        """The system and reference of a refused row; "" where nobody can tell the reference."""
        reference = normalise.reference(
            self.raw(record).get("reference", self._first_cells(record).get("reference", ""))
        )
        if self._may_hold_two_rows(record):
            reference = ""  # the first row's reference must not lift what the second row says
        return self._system, self._padded(reference)

    def _may_hold_two_rows(self, record: CsvRecord) -> bool:
        """Whether a line has the cells of two rows: a line break has been lost."""
        return record.text.count(self._headings.delimiter) >= 2 * (self._headings.width - 1)

    def _first_cells(self, record: CsvRecord) -> dict[str, str]:
        """The cells of a row that is no record, as far as delimiters alone show them."""
        cells = record.text.rstrip("\r\n").split(self._headings.delimiter)
        return {column: cells[place] for column, place in self._places if place < len(cells)}

    def is_aligned(self, record: CsvRecord) -> bool:
        """Whether the cells of a refused row stand under their own headings, as far as one can see.

        At most one of them is at fault, and `protected` is said clearly.
        """
        if record.unreadable or not record.ended or len(record.cells) < self._headings.width:
            return False
        if any(cell and not cell.isspace() for cell in record.cells[self._headings.width :]):
            return False
        raw = self.raw(record)
        said = normalise.clean(raw.get("protected", "")).casefold()
        if said not in YES | NO or normalise.has_control(raw.get("household_reference", "")):
            return False
        return self._faults(raw) < 2

    def _faults(self, raw: dict[str, str]) -> int:
        cells = Cells(raw, self._headings.named, self._settings)
        checks: tuple[Callable[[], object], ...] = (
            lambda: cells.day("move_date"),
            lambda: cells.birth("date_of_birth"),
            lambda: cells.moment("recorded_at"),
            lambda: cells.choice("residence_kind", RESIDENCE),
            lambda: cells.choice("reason", REASON),
            lambda: _postcode_or_nothing(cells, "old_postcode"),
            lambda: _postcode_or_nothing(cells, "new_postcode"),
        )
        return sum(_fails(check) for check in checks)

    def _row(self, record: CsvRecord, before: str) -> Row:
        self._require_whole(record, before)
        settings, survey = self._settings, self.survey
        raw = self.raw(record)
        cells = Cells(raw, self._headings.named, settings)
        reference = cells.reference("reference", survey.reference_width)
        if not reference:
            raise RowError(cells.heading("reference"), "missing-reference")
        household = cells.reference("household_reference", survey.household_width)
        if household.casefold() in _NO_REFERENCES:
            raise RowError(cells.heading("household_reference"), "cells-exchanged")
        key = normalise.key_of(household) if household else ""
        protected = cells.yes("protected")
        moved_on = cells.day("move_date")
        if moved_on is None:
            raise RowError(cells.heading("move_date"), "missing-move-date")
        person = self._person(cells)
        if person.get("born_on", "") > moved_on:
            raise RowError(cells.heading("date_of_birth"), "born-after-move")
        recorded, precision = cells.moment("recorded_at")
        body = self._body(cells, person, moved_on)
        people = survey.placed.get(key, {}) if body.get("reason") == "PLACEMENT" else {}
        if body.get("reason") == "PLACEMENT":
            body["placement"] = _placement(body, people)
        row = Row(
            line=record.line,
            position=record.position,
            event_type="resident-moved",
            recorded=normalise.milliseconds(recorded),
            header={"occurred_on": moved_on, "recorded_at": normalise.iso(recorded)},
            body=body,
            system=self._system,
            reference=reference,
            household=key,
            person=tuple(person.get(name, "") for name in ("given_names", "family_name", "born_on")),
            protected=protected,
            others=self._others(raw),
            household_size=len(people),
            precision=precision,
            elsewhere=settings.is_elsewhere is not None and settings.is_elsewhere(body),
        )
        return self._judged(row, (*cells.notes, *self._notes_of_record(record)))

    def _judged(self, row: Row, notes: tuple[Note, ...]) -> Row:
        """The row with what the whole file says of it."""
        survey = self.survey
        heard = heard_by(row, survey.knows) if survey.said or survey.doubted else frozenset()
        protector = survey.protector(heard) or protector_of_person(row, survey.protected_people)
        held, cause = "", survey.crowded or survey.cause(heard) or survey.traces.cause(row.body)
        if cause:
            held = "household-in-doubt"
        elif row.household in survey.strangers:
            held = "household-of-strangers"
        if held and (row.protected or protector):  # goes out protected: that exposes nobody
            note = Note(column=self._headings.named["household_reference"], reason=held, cause=cause)
            notes, held = (*notes, note), ""
        if reason := survey.odd.reason(row, survey.households):
            column = "reference" if reason == "household-exchanged" else "household_reference"
            notes = (*notes, Note(column=self._headings.named[column], reason=reason))
        person = person_key(row) if survey.repeated else None
        if person is not None and survey.repeated.get(person, reference_key(row)) != reference_key(row):
            notes = (*notes, Note(column=self._headings.named["reference"], reason="same-person"))
        if (protector, held, notes) == (0, "", ()):
            return row
        return replace(
            row, shielded=protector > 0, held=held, notes=notes, cause=cause if held else protector
        )

    def _body(self, cells: Cells, person: Plain, moved_on: str) -> Plain:
        return present({
            "person": person,
            "old_address": self._address(cells, "old"),
            "new_address": self._address(cells, "new"),
            "moved_on": moved_on,
            "residence": cells.choice("residence_kind", RESIDENCE),
            "reason": cells.choice("reason", REASON),
            "status": "CONFIRMED",
        })  # fmt: skip

    def _require_whole(self, record: CsvRecord, before: str) -> None:
        if record.unreadable:
            raise RowError("", record.unreadable)
        short = len(record.cells) < self._headings.width
        if not record.ended:
            # A row cut off within its last cell has all of its cells: only the shape of the last cell shows the cut.
            last = self.recorded_at(record)
            if short or (
                before[-1:] == "Z" and len(before) == 20 and len(last) < 20 and last == last.strip()
            ):
                raise RowError("", "cut-off")
        if short:
            whole = len(record.cells) == 1 and record.cells[0].count(self._headings.delimiter) > 1
            raise RowError("", "row-in-quotes" if whole else "missing-cells")
        if any(cell and not cell.isspace() for cell in record.cells[self._headings.width :]):
            raise RowError("", "extra-content")

    def _notes_of_record(self, record: CsvRecord) -> Iterator[Note]:
        if record.windows:
            yield Note(column="", reason="windows-1252")
        if len(record.cells) > self._headings.width:
            yield Note(column="", reason="extra-cells")
        if '"' not in record.text:
            return
        for column, place in self._places:
            if _is_stray(record.cells[place]):
                yield Note(
                    column=self._headings.named.get(column, self._headings.cells[place]), reason="stray-quote"
                )

    def _person(self, cells: Cells) -> Plain:
        return present({
            "title": cells.text("title"),
            "given_names": cells.text("given_names"),
            "family_name": cells.needed("family_name"),
            "born_on": cells.birth("date_of_birth"),
        })  # fmt: skip

    def _address(self, cells: Cells, side: str) -> Plain | None:
        return cells.address(
            (f"{side}_address_line_1", f"{side}_address_line_2"),
            town=f"{side}_town",
            postcode=f"{side}_postcode",
            uprn=f"{side}_uprn",
            padded=self.survey.twelve_digit_uprns,
        )


def further_households(columns: Headings) -> dict[int, str]:
    """The headings that seem to mean the household too, beside the column of households, by their places."""
    read = set(columns.places.values()) if "household_reference" in columns.places else range(columns.width)
    return {
        place: heading
        for place, heading in enumerate(columns.cells)
        if place not in read and _HOUSEHOLD_HEADING.fullmatch(heading.casefold())
    }


def reference_of(raw: Mapping[str, str]) -> str:
    """The key of the reference in a row's cells."""
    return normalise.key_of(normalise.reference(raw.get("reference", "")))


def household_of(raw: Mapping[str, str]) -> str:
    """The key of the household in a row's cells; "" where there is none, or its digits are lost."""
    household = normalise.reference(raw.get("household_reference", ""))
    unusable = (
        normalise.is_placeholder(household)
        or normalise.is_damaged_reference(household)
        or normalise.is_spreadsheet_error(household)
    )
    return "" if unusable else normalise.key_of(household)


def says_no(raw: Mapping[str, str]) -> bool:
    """Whether a row's cells say clearly that the person is not protected."""
    return normalise.plain_text(normalise.clean(raw.get("protected", ""))).casefold() in NO


def _fails(check: Callable[[], object]) -> bool:
    try:
        check()
    except RowError:
        return True
    return False


def _postcode_or_nothing(cells: Cells, column: str) -> None:
    value = cells.text(column)
    if value and identifiers.postcode(value) is None:
        raise RowError(column, "malformed-postcode")


def _is_stray(cell: str) -> bool:
    """Whether the cell holds an odd number of quotation marks, and the last of them is no sign for inches."""
    text = cell.strip()
    before, _, after = text.rpartition('"')
    inches = before[-1:].isdecimal() and not after[:1].isalnum()
    return text.count('"') % 2 == 1 and not inches


def _placement(body: Plain, people: dict[str, Plain]) -> Plain:
    """A household's notice under section 208; each member's event carries the notice."""
    household = list(people.values()) or [body["person"]]
    on = date.fromisoformat(body["moved_on"])
    who = applicant(household, on)
    others = [person for person in household if person is not who]
    return present({
        "applicant": who,
        "others_number": len(others) if who else None,
        "others_description": described(others, on) if who else None,
        "address": body.get("new_address"),
        "made_available_on": body["moved_on"],
    })  # fmt: skip
