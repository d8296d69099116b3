"""Reads a delimited file as records of cells: headings, quoted line breaks, and broken rows.

Every line of the file is accounted for. A quotation mark that is never closed would swallow the rows that follow, and a mark
in a later row would close the cell, with another person's row inside. So lines are joined only where the joined record is
sound: it has the cells of the headings, spans at most `LONGEST_RECORD` lines, and no cell holds whole rows. Otherwise the
first line is refused alone, and reading goes on with the next line.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import NamedTuple

from instep.adapters.normalise import clean
from instep.adapters.text import PhysicalLine
from instep.adapters.title_rows import is_title, is_total
from instep.errors import FileFormatError

Lines = Callable[[], Iterator[PhysicalLine]]
"""Gives the lines of a file or sheet, from the first."""

LONGEST_RECORD = 20
LOOKED_AT = 30
"""Lines in which the headings are looked for."""
TOTAL = "total"
"""What `unreadable` says of a total or remark below the rows."""
DELIMITERS = (",", ";", "\t", "|")
_DELIMITER_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_FEW = 4
"""Delimiters that a text within one cell may well hold: "Flat 2, The Mill, Mill Lane, Leeds"."""
_HOUSEHOLD_WORDS = frozenset(
    {"household", "house_hold", "hh", "hhid", "family_id", "family_ref", "group_ref"}
)


class Record(NamedTuple):
    """Cells as written, and the physical line of their beginning; `unreadable` is "", or the reason for having no cells.

    `text` is the text of all of the record's lines, `last_line` the number of the last of them.
    """

    line: int
    cells: Sequence[str]
    position: int
    windows: bool
    ended: bool
    unreadable: str
    text: str
    last_line: int


class Headings(NamedTuple):
    """The place of each of our columns. `named` gives each column's heading in this file, for messages.

    `last_line` is the last line of the headings; `unread` are the headings that nobody reads; `titles` are the lines above
    the headings that hold anything.
    """

    delimiter: str
    width: int
    places: Mapping[str, int]
    named: Mapping[str, str]
    cells: tuple[str, ...]
    last_line: int
    unread: tuple[str, ...]
    titles: tuple[int, ...]

    @property
    def household_like(self) -> str:
        """The unread heading that seems to mean the household, where the file has no such column; "" for none."""
        if "household_reference" in self.places:
            return ""
        return _nearest("household_reference", self.unread)


def records(source: Lines, headings: Headings) -> Iterator[Record]:
    """Every record after the headings, without blank records (every cell is empty)."""
    lines = _Lines(source, headings.last_line)
    own, ours = tuple(map(heading_name, headings.cells)), True
    while first := lines.next():
        record = _record(first, lines, headings.delimiter, headings.width)
        names = _headings_again(record, own)
        if names:  # files put one after the other; the rows of a file of other headings are nobody's to guess
            ours = names == own
            record = record._replace(unreadable="heading-again")
        elif not ours and any(cell and not cell.isspace() for cell in record.cells):
            record = record._replace(cells=(), unreadable="other-headings")
        elif is_total(record.cells, headings.places):
            record = record._replace(unreadable=TOTAL)
        if record.unreadable or any(cell and not cell.isspace() for cell in record.cells):
            yield record


def _headings_again(record: Record, own: tuple[str, ...]) -> tuple[str, ...]:
    """The names of a record that is headings again, in whatever order; () for any other record."""
    known = set(own) - {""}
    if not record.cells or heading_name(record.cells[0]) not in known:
        return ()
    names = tuple(map(heading_name, record.cells))
    return names if 2 * sum(name in known for name in names) > len(known) else ()


class _Lines:
    """The lines after a line, which can be put back."""

    def __init__(self, source: Lines, after: int) -> None:
        self._lines = source()
        self._put_back: deque[PhysicalLine] = deque()
        self._after = after

    def next(self) -> PhysicalLine | None:
        if self._put_back:
            return self._put_back.popleft()
        return next((line for line in self._lines if line.number > self._after), None)

    def put_back(self, lines: Sequence[PhysicalLine]) -> None:
        self._put_back.extendleft(reversed(lines))


def _record(first: PhysicalLine, lines: _Lines, delimiter: str, width: int) -> Record:
    """The record that begins on a line. `width` is the number of headings, 0 for the headings themselves."""
    if first.unreadable:
        return _refused(first, first.unreadable)
    text, span = first.text, [first]
    cells, unreadable = _cells(text, delimiter)
    while unreadable == "unclosed-quote":
        following = lines.next()
        if following is not None:
            span.append(following)
        if following is None or following.unreadable or len(span) > LONGEST_RECORD:
            cut = following is None and len(span) == 1 and not first.ended
            unreadable = "cut-off" if cut else unreadable
            break
        text += following.text
        cells, unreadable = _cells(text, delimiter)
    if (
        len(span) > 1 or "\n" in text[:-2] or "\r" in text[:-2]
    ):  # a row of a sheet is one line, whatever its cells hold
        unreadable = (unreadable and "unclosed-quote") or _unsound(cells, delimiter, width)
    if unreadable:
        lines.put_back(span[1:])
        return _refused(first, unreadable)
    last = span[-1]
    windows = any(line.windows for line in span)
    return Record(first.number, cells, last.position, windows, last.ended, "", text, last.number)


def _refused(line: PhysicalLine, reason: str) -> Record:
    return Record(line.number, (), line.position, line.windows, True, reason, line.text, line.number)


def _unsound(cells: Sequence[str], delimiter: str, width: int) -> str:
    """The reason why lines must not be joined to these cells; "" where they may."""
    if not width:
        return ""
    if len(cells) < width or any(cell and not cell.isspace() for cell in cells[width:]):
        return "unclosed-quote"
    most = max(_FEW, width // 2)
    spanning = [cell for cell in cells if "\n" in cell or "\r" in cell]
    between = (
        DELIMITERS if delimiter == "\t" else (delimiter,)
    )  # a sheet's cells were between tabs in no other file
    return "whole-records" if any(cell.count(mark) >= most for cell in spanning for mark in between) else ""


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


def has_headings(
    cells: Sequence[str], *, columns: Sequence[str], required: Sequence[str], renamed: Mapping[str, str]
) -> bool:
    """Whether the cells of a row are headings that have every required column."""
    wanted = wanted_names(columns, renamed)
    return _completeness(cells, wanted, required)[0]


def wanted_names(columns: Sequence[str], renamed: Mapping[str, str]) -> dict[str, str]:
    """Our columns by the names of the headings that a file is to have."""
    return {heading_name(renamed.get(column, column)): column for column in columns}


def heading_cells(record: Record) -> tuple[str, ...]:
    """The headings as people write them, without blanks at their ends."""
    return tuple(clean(cell.replace("\r", " ").replace("\n", " ")) for cell in record.cells)


class Found(NamedTuple):
    """The record of the headings, its delimiter, and the records above that are not blank."""

    record: Record
    delimiter: str
    above: tuple[Record, ...]


def find_headings(
    source: Lines,
    name: object,
    wanted: Mapping[str, str],
    required: Sequence[str],
    delimiters: Sequence[str] = DELIMITERS,
) -> Found:
    """The first record that has every required column; without such a record, the one that has the most columns."""
    best: tuple[Record, str] | None = None
    most = (False, -1)
    for first in islice(source(), LOOKED_AT):
        if hint := _DELIMITER_LINE.fullmatch(first.text):
            delimiters = (hint[1],)
            continue
        if first.unreadable or not first.text.strip():
            continue
        for delimiter in delimiters:
            record = _record(first, _Lines(source, first.number), delimiter, 0)
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


def _above(source: Lines, line: int, delimiter: str) -> tuple[Record, ...]:
    """The records before a line that hold anything."""
    lines, above = _Lines(source, 0), []
    while (first := lines.next()) is not None and first.number < line:
        if first.text.strip() and not _DELIMITER_LINE.fullmatch(first.text):
            above.append(_record(first, _Lines(source, first.number), delimiter, 0))
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
    near = _nearest(wanted, unread)
    return f" (did you mean '{near}'?)" if near else ""


def _nearest(wanted: str, unread: Sequence[str]) -> str:
    """The unread heading nearest to a wanted one; "" for none."""
    by_name = {heading_name(heading): heading for heading in unread}
    close = get_close_matches(heading_name(wanted), by_name, n=1)
    if not close and wanted == "household_reference":
        close = [name for name in by_name if name in _HOUSEHOLD_WORDS or "household" in name][:1]
    return by_name[close[0]] if close else ""


def heading_name(heading: str) -> str:
    return clean(heading.replace("\r", " ").replace("\n", " ")).casefold().replace(" ", "_")
