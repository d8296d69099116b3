"""Reads moves from a council-tax system's CSV file, for `resident-moved`.

COLUMNS are the columns; a file must have the REQUIRED columns. `protected` is among them, because a file without the column
must not be read as "no". A row becomes a plain event; `triage` decides whether the event is new, a correction or a repeat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import BinaryIO

from instep.adapters import normalise
from instep.adapters.cells import Cells, present
from instep.adapters.csv_text import Headings, Record, headings, records
from instep.adapters.households import Survey, Widths, applicant, described, placed_people
from instep.adapters.line import Line, Note, Plain, Refused, Row
from instep.adapters.settings import Settings
from instep.adapters.text import open_file
from instep.errors import FileFormatError, RowError

COLUMNS = (
    "reference",
    "title",
    "given_names",
    "family_name",
    "date_of_birth",
    "old_uprn",
    "old_address_line_1",
    "old_address_line_2",
    "old_town",
    "old_postcode",
    "new_uprn",
    "new_address_line_1",
    "new_address_line_2",
    "new_town",
    "new_postcode",
    "move_date",
    "residence_kind",
    "reason",
    "household_reference",
    "protected",
    "recorded_at",
)
REQUIRED = (
    "reference",
    "family_name",
    "old_postcode",
    "new_postcode",
    "move_date",
    "protected",
    "recorded_at",
)
SYSTEM = "council-tax"

_RESIDENCE = {"main": "MAIN", "secondary": "SECONDARY", "temporary": "TEMPORARY"}
_REASON = {
    "move": "MOVE",
    "placement": "PLACEMENT",
    "renumbering": "RENUMBERED",
    "renumbered": "RENUMBERED",
    "boundary-change": "BOUNDARY_CHANGE",
}


def read_moves(path: Path, settings: Settings) -> Iterator[Line]:
    """Every row of the file; raises FileFormatError at once where the file is no CSV of moves."""
    stream = open_file(path, "CSV")
    try:
        columns = headings(stream, path, columns=COLUMNS, required=REQUIRED, renamed=settings.columns)
    except FileFormatError:
        stream.close()
        raise
    return _read(stream, columns, settings)


def _read(stream: BinaryIO, columns: Headings, settings: Settings) -> Iterator[Line]:
    with stream:
        reader = _Reader(columns, settings, Survey())
        reader = _Reader(columns, settings, reader.survey(stream))
        before = ""
        for record in records(stream, columns.delimiter):
            yield reader.line(record, before)
            before = reader.recorded_at(record) or before


class _Reader:
    def __init__(self, columns: Headings, settings: Settings, survey: Survey) -> None:
        self._headings = columns
        self._places = tuple(columns.places.items())
        self._settings = settings
        self._survey = survey
        self._system = settings.source_system or SYSTEM

    def survey(self, stream: BinaryIO) -> Survey:
        """The first reading: a few columns of each row, and placements whole."""
        references, households, uprns = Widths(), Widths(), Counter[bool]()
        protected: set[str] = set()
        placements: list[Row] = []
        for record in records(stream, self._headings.delimiter):
            raw = self._raw(record)
            references.see(raw.get("reference", "").strip())
            household = normalise.clean(raw.get("household_reference", ""))
            households.see(household)
            for column in ("old_uprn", "new_uprn"):
                if (value := raw.get(column, "").strip()).isdecimal():
                    uprns[len(value) == 12] += 1
            if household and normalise.clean(raw.get("protected", "")).casefold() not in (
                "no",
                "n",
                "false",
                "0",
            ):
                protected.add(normalise.key_of(household))
            if raw.get("reason", "").strip().casefold() == "placement":
                line = self.line(record, "")
                if isinstance(line, Row):
                    placements.append(line)
        return Survey(
            reference_width=references.width,
            household_width=households.width,
            twelve_digit_uprns=uprns[True] > 9 * uprns[False],
            protected=frozenset(protected),
            placed=placed_people(placements),
        )

    def recorded_at(self, record: Record) -> str:
        place = self._headings.places["recorded_at"]
        return record.cells[place].strip() if place < len(record.cells) else ""

    def _raw(self, record: Record) -> dict[str, str]:
        cells = record.cells
        return {column: cells[place] for column, place in self._places if place < len(cells)}

    def line(self, record: Record, before: str) -> Line:
        """A record's row. `before` is the `recorded_at` of the row before: it shows whether a last row was cut off."""
        try:
            return self._row(record, before)
        except RowError as error:
            return Refused(
                line=record.line, column=error.column, reason=error.reason, position=record.position
            )

    def _row(self, record: Record, before: str) -> Row:
        self._require_whole(record, before)
        settings, survey = self._settings, self._survey
        cells = Cells(self._raw(record), self._headings.named, settings.today, settings.known_postcode)
        reference = cells.reference("reference", survey.reference_width)
        if not reference:
            cells.needed("reference")
        household = cells.reference("household_reference", survey.household_width)
        key = normalise.key_of(household) if household else ""
        protected = cells.yes("protected")
        moved_on = cells.day("move_date")
        if moved_on is None:
            raise RowError(cells.heading("move_date"), "missing-move-date")
        person = self._person(cells)
        recorded = cells.moment("recorded_at")
        body = self._body(cells, person, moved_on)
        people = survey.placed.get(key, {}) if body.get("reason") == "PLACEMENT" else {}
        if body.get("reason") == "PLACEMENT":
            body["placement"] = _placement(body, people)
        return Row(
            line=record.line,
            position=record.position,
            event_type="resident-moved",
            recorded=normalise.milliseconds(recorded),
            header={"occurred_on": moved_on, "recorded_at": normalise.iso(recorded)},
            body=body,
            system=self._system,
            reference=reference,
            household=key,
            person="\n".join(person.get(name, "") for name in ("given_names", "family_name", "born_on")),
            protected=protected,
            shielded=key in survey.protected,
            household_size=len(people),
            notes=(*cells.notes, *self._notes_of_record(record)),
        )

    def _body(self, cells: Cells, person: Plain, moved_on: str) -> Plain:
        return present({
            "person": person,
            "old_address": self._address(cells, "old"),
            "new_address": self._address(cells, "new"),
            "moved_on": moved_on,
            "residence": cells.choice("residence_kind", _RESIDENCE),
            "reason": cells.choice("reason", _REASON),
            "status": "CONFIRMED",
        })  # fmt: skip

    def _require_whole(self, record: Record, before: str) -> None:
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
            raise RowError("", "missing-cells")
        if any(cell and not cell.isspace() for cell in record.cells[self._headings.width :]):
            raise RowError("", "extra-content")

    def _notes_of_record(self, record: Record) -> Iterator[Note]:
        if record.windows:
            yield Note(column="", reason="windows-1252")
        if len(record.cells) > self._headings.width:
            yield Note(column="", reason="extra-cells")

    def _person(self, cells: Cells) -> Plain:
        return present({
            "title": cells.text("title"),
            "given_names": cells.text("given_names"),
            "family_name": cells.needed("family_name"),
            "born_on": cells.day("date_of_birth", birth=True),
        })  # fmt: skip

    def _address(self, cells: Cells, side: str) -> Plain | None:
        return cells.address(
            (f"{side}_address_line_1", f"{side}_address_line_2"),
            town=f"{side}_town",
            postcode=f"{side}_postcode",
            uprn=f"{side}_uprn",
            padded=self._survey.twelve_digit_uprns,
        )


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
