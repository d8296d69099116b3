"""Reads a delimited file as records of cells: headings, quoted line breaks, and broken rows.

A quotation mark that is never closed would swallow the rest of the file. So a record may span at most `LONGEST_RECORD`
physical lines. The first line of a longer record is refused, and reading goes on with the line after.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from instep.adapters.normalise import clean
from instep.adapters.text import PhysicalLine, physical_lines
from instep.errors import FileFormatError

LONGEST_RECORD = 20
_DELIMITERS = (",", ";", "\t")


class Record(NamedTuple):
    """Cells as written, and the physical line of their beginning; `unreadable` is "", or the reason for having no cells."""

    line: int
    cells: Sequence[str]
    position: int
    windows: bool
    ended: bool
    unreadable: str


class Headings(NamedTuple):
    """The place of each of our columns. `named` gives each column's heading in this file, for messages."""

    delimiter: str
    width: int
    places: Mapping[str, int]
    named: Mapping[str, str]


def records(stream: BinaryIO, delimiter: str) -> Iterator[Record]:
    """Every record after the heading, without blank records (every cell is empty)."""
    lines = physical_lines(stream)
    next(lines, None)
    pushed_back: deque[PhysicalLine] = deque()
    while first := pushed_back.popleft() if pushed_back else next(lines, None):
        record = _record(first, lines, pushed_back, delimiter)
        if record.unreadable or any(cell and not cell.isspace() for cell in record.cells):
            yield record


def _record(
    first: PhysicalLine, lines: Iterator[PhysicalLine], pushed_back: deque[PhysicalLine], delimiter: str
) -> Record:
    text, last, windows, span = first.text, first, first.windows, [first]
    if first.unreadable:
        return Record(first.number, (), first.position, windows, True, first.unreadable)
    while True:
        cells, unreadable = _cells(text, delimiter)
        if unreadable != "unclosed-quote":
            return Record(first.number, cells, last.position, windows, last.ended, unreadable)
        following = pushed_back.popleft() if pushed_back else next(lines, None)
        if following is not None:
            span.append(following)
        if following is None or following.unreadable or len(span) > LONGEST_RECORD:
            pushed_back.extendleft(reversed(span[1:]))
            cut = following is None and len(span) == 1 and not first.ended
            return Record(
                first.number, (), first.position, windows, True, "cut-off" if cut else "unclosed-quote"
            )
        text, last, windows = text + following.text, following, windows or following.windows


def _cells(text: str, delimiter: str) -> tuple[Sequence[str], str]:
    if '"' not in text:
        return text.rstrip("\r\n").split(delimiter), ""
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), []), ""
    except csv.Error:
        return (), "unclosed-quote" if _is_closed_by_a_quote(text, delimiter) else "bad-quoting"


def _is_closed_by_a_quote(text: str, delimiter: str) -> bool:
    """Whether a quotation mark at the end makes the text sound. If so, the last cell was opened and never closed."""
    try:
        next(csv.reader([text + '"'], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return False
    return True


def headings(
    stream: BinaryIO,
    path: Path,
    *,
    columns: Sequence[str],
    required: Sequence[str],
    renamed: Mapping[str, str],
) -> Headings:
    """The headings in the first line; raises FileFormatError where a required column is missing, or a column comes twice.

    A heading is the name of a column, in any capitals and spaces, or the name that `renamed` gives to the column.
    """
    first = next(physical_lines(stream))
    if first.unreadable:
        raise FileFormatError(f"{path} has no line of headings that can be read.")
    wanted = {_name(renamed.get(column, column)): column for column in columns}
    delimiter, cells = max(
        ((mark, _cells(first.text, mark)[0]) for mark in _DELIMITERS),
        key=lambda choice: sum(_name(cell) in wanted for cell in choice[1]),
    )
    places: dict[str, int] = {}
    for place, cell in enumerate(cells):
        column = wanted.get(_name(cell))
        if column in places:
            raise FileFormatError(f"{path} has the heading of {column} twice.")
        if column:
            places[column] = place
    if not places:
        raise FileFormatError(
            f"{path} is not a file of moves: its first line holds none of the headings, such as {required[0]}."
        )
    if missing := [column for column in required if column not in places]:
        raise FileFormatError(
            f"{path} has no column {', '.join(missing)}; a mapping file says what your own headings mean."
        )
    named = {column: renamed.get(column, column) for column in columns}
    return Headings(delimiter, len(cells), places, named)


def _name(heading: str) -> str:
    return clean(heading).casefold().replace(" ", "_")
