"""Finds the headings of a table of moves among its first lines, and makes sure that they can serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from instep.adapters.csv_text import (
    DELIMITER_LINE,
    DELIMITERS,
    CsvRecord,
    Headings,
    LineReader,
    Lines,
    heading_name,
    nearest_heading,
    read_record,
)
from instep.adapters.normalise import clean
from instep.adapters.title_rows import is_title
from instep.errors import FileFormatError

LOOKED_AT = 30
"""Lines in which the headings are looked for."""


def headings(
    source: Lines,
    name: object,
    *,
    columns: Sequence[str],
    required: Sequence[str],
    renamed: Mapping[str, str],
    delimiters: Sequence[str] = DELIMITERS,
) -> Headings:
    """The headings, in one of the first lines; raises FileFormatError where they cannot serve.

    A heading is the name of a column, in any capitals and spaces, or the name that `renamed` gives to the column. A required
    column may not be missing, no column may come twice, and each heading of `renamed` must be in the file. `name` is the
    file's, for messages.
    """
    wanted = wanted_names(columns, renamed)
    found = find_headings(source, name, wanted, required, delimiters)
    places: dict[str, int] = {}
    for place, cell in enumerate(found.record.cells):
        column = wanted.get(heading_name(cell))
        if column in places:
            raise FileFormatError(f"{name} has the heading of {column} twice.")
        if column:
            places[column] = place
    if not places:
        _ensure_apart(name, found.record, wanted, delimiters)
        raise FileFormatError(
            f"{name} is not a file of moves: its beginning holds none of the headings, such as {required[0]}."
            " A mapping file says what your own headings mean; --suggest-mapping proposes one."
        )
    cells = heading_cells(found.record)
    unread = tuple(cell for place, cell in enumerate(cells) if cell and place not in places.values())
    _require(name, places, unread, required, renamed)
    _require_titles(name, found)
    return Headings(
        delimiter=found.delimiter,
        width=len(found.record.cells),
        places=places,
        named={column: renamed.get(column, column) for column in columns},
        cells=cells,
        last_line=found.record.last_line,
        unread=unread,
        titles=tuple(record.line for record in found.above),
    )


def _ensure_apart(
    name: object, record: CsvRecord, wanted: Mapping[str, str], delimiters: Sequence[str]
) -> None:
    """Raise where quotation marks stand around each row as a whole."""
    written = record.cells[0] if len(record.cells) == 1 else ""
    if any(heading_name(cell) in wanted for mark in delimiters for cell in written.split(mark)):
        raise FileFormatError(
            f"{name} has its rows between quotation marks as a whole, so their cells run together; export the file again."
        )


def has_headings(
    cells: Sequence[str], *, columns: Sequence[str], required: Sequence[str], renamed: Mapping[str, str]
) -> bool:
    """Whether the cells of a row are headings that have every required column."""
    wanted = wanted_names(columns, renamed)
    return _completeness(cells, wanted, required)[0]


def wanted_names(columns: Sequence[str], renamed: Mapping[str, str]) -> dict[str, str]:
    """Our columns by the names of the headings that a file is to have."""
    return {heading_name(renamed.get(column, column)): column for column in columns}


def heading_cells(record: CsvRecord) -> tuple[str, ...]:
    """The headings as people write them, without blanks at their ends."""
    return tuple(clean(cell.replace("\r", " ").replace("\n", " ")) for cell in record.cells)


class Found(NamedTuple):
    """The record of the headings, its delimiter, and the records above that are not blank."""

    record: CsvRecord
    delimiter: str
    above: tuple[CsvRecord, ...]


def find_headings(
    source: Lines,
    name: object,
    wanted: Mapping[str, str],
    required: Sequence[str],
    delimiters: Sequence[str] = DELIMITERS,
) -> Found:
    """The first record that has every required column; without such a record, the one that has the most columns."""
    best: tuple[CsvRecord, str] | None = None
    most = (False, -1)
    for first in islice(source(), LOOKED_AT):
        if hint := DELIMITER_LINE.fullmatch(first.text):
            delimiters = (hint[1],)
            continue
        if first.unreadable or not first.text.strip():
            continue
        for delimiter in delimiters:
            record = read_record(first, LineReader(source, first.number), delimiter, 0)
            complete = _completeness(record.cells, wanted, required)
            if complete > most:
                best, most = (record, delimiter), complete
        if most[0]:
            break
    if best is None:
        raise FileFormatError(f"{name} has no line of headings that can be read.")
    record, delimiter = best
    above = _above(source, record.line, delimiter) if most[0] else ()
    return Found(record, delimiter, above)


def _completeness(
    cells: Sequence[str], wanted: Mapping[str, str], required: Sequence[str]
) -> tuple[bool, int]:
    """Whether cells are headings of all required columns, and how many of our columns they have."""
    known = {wanted[own] for cell in cells if (own := heading_name(cell)) in wanted}
    return known.issuperset(required), len(known)


def _above(source: Lines, line: int, delimiter: str) -> tuple[CsvRecord, ...]:
    """The records before a line that hold anything."""
    lines, above = LineReader(source, 0), []
    while (first := lines.next()) is not None and first.number < line:
        if first.text.strip() and not DELIMITER_LINE.fullmatch(first.text):
            above.append(read_record(first, LineReader(source, first.number), delimiter, 0))
    return tuple(above)


def _require_titles(name: object, found: Found) -> None:
    """Raise where a line above the headings may be a row: no row may be passed over."""
    for record in found.above:
        if record.unreadable or not is_title(record.cells):
            raise FileFormatError(
                f"{name} has its headings on line {found.record.line}, and line {record.line} above them is no title: move"
                " the headings to the top."
            )


def _require(
    name: object,
    places: Mapping[str, int],
    unread: Sequence[str],
    required: Sequence[str],
    renamed: Mapping[str, str],
) -> None:
    for column, heading in renamed.items():
        if column not in places:
            raise FileFormatError(
                f"{name} has no heading '{heading}', which the mapping file gives for {column}{_hint(heading, unread)}."
            )
    if missing := [column for column in required if column not in places]:
        near = "".join(_hint(column, unread) for column in missing[:1])
        raise FileFormatError(
            f"{name} has no column {', '.join(missing)}{near}; a mapping file says what your own headings mean,"
            " and --suggest-mapping proposes one."
        )


def _hint(wanted: str, unread: Sequence[str]) -> str:
    near = nearest_heading(wanted, unread)
    return f" (did you mean '{near}'?)" if near else ""
