"""Reads moves from a council-tax system's CSV file, for `resident-moved`.

COLUMNS are the columns; a file must have the REQUIRED columns. `protected` is among them, because a file without the column
must not be read as "no". A row becomes a plain event; `triage` decides whether the event is new, a correction or a repeat.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from instep.adapters.csv_headings import headings
from instep.adapters.csv_text import DELIMITERS, TOTAL, Headings, Lines, records
from instep.adapters.households import Survey
from instep.adapters.line import Line, Note
from instep.adapters.move_rows import RowReader, further_households
from instep.adapters.settings import Settings
from instep.adapters.snapshot import shown
from instep.adapters.surveying import survey
from instep.adapters.text import open_file, physical_lines
from instep.errors import FileFormatError

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
REASON = "instep_reason"
"""A column of files with refused rows, for people; reading passes over the column."""


def read_moves(path: Path, settings: Settings) -> Iterator[Line]:
    """Every row of the file; raises FileFormatError at once where the file is no CSV of moves."""
    stream = open_file(path, "CSV")
    return read_table(partial(physical_lines, stream), shown(path), settings)


def read_table(
    source: Lines,
    name: object,
    settings: Settings,
    hidden_columns: Collection[int] = (),
    *,
    delimiters: Sequence[str] = DELIMITERS,
) -> Iterator[Line]:
    """Every row of a table's lines; `name` is the file's, for messages; `hidden_columns` are places from 0."""
    columns = headings(
        source,
        name,
        columns=COLUMNS,
        required=REQUIRED,
        renamed=settings.columns,
        delimiters=delimiters,
    )
    _require_households(columns, name)
    return _read(source, columns, settings, hidden_columns)


def _read(
    source: Lines, columns: Headings, settings: Settings, hidden_columns: Collection[int]
) -> Iterator[Line]:
    _remark_on(columns, settings, hidden_columns)
    # The survey needs no look-ups: they would only add notes.
    bare = replace(settings, known_postcode=None, has_authority=None, is_elsewhere=None)
    reader = RowReader(columns, settings, survey(source, columns, RowReader(columns, bare, Survey())))
    if not reader.survey.households and "household_reference" in columns.places:
        settings.remark(columns.last_line, Note(column="household_reference", reason="no-households"))
    before, ahead = "", reader.survey.ahead
    for record in records(source, columns):
        if record.unreadable == TOTAL:
            settings.remark(record.line, Note(column="", reason=TOTAL))
            continue
        line = reader.line(record, before)
        yield replace(line, ahead=ahead) if ahead else line
        ahead = frozenset()
        before = reader.recorded_at(record) or before


def _require_households(columns: Headings, name: object) -> None:
    if heading := columns.household_like:
        raise FileFormatError(
            f"{name} has no column household_reference, without which nobody's household can be protected:"
            f" did you mean '{heading}'? A mapping file says what your own headings mean."
        )


def _remark_on(columns: Headings, settings: Settings, hidden_columns: Collection[int]) -> None:
    for line in columns.titles:
        settings.remark(line, Note(column="", reason="above-headings"))
    for column, place in columns.places.items():
        if place in hidden_columns:
            settings.remark(columns.last_line, Note(column=columns.named[column], reason="hidden-column"))
    further = further_households(columns).values()
    for heading in columns.unread:
        if heading.casefold() == REASON:
            continue
        reason = "further-households" if heading in further else "unread-column"
        settings.remark(columns.last_line, Note(column=heading, reason=reason))
    if "household_reference" not in columns.places:
        settings.remark(columns.last_line, Note(column="household_reference", reason="no-households"))
