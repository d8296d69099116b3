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
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO, NamedTuple

from instep.adapters.normalise import clean
from instep.adapters.text import PhysicalLine, physical_lines
from instep.errors import FileFormatError

LONGEST_RECORD = 20
_DELIMITERS = (",", ";", "\t", "|")
_DELIMITER_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_FEW = 4
"""Delimiters that a text within one cell may well hold: "Flat 2, The Mill, Mill Lane, Leeds"."""
_HOUSEHOLD_WORDS = frozenset(
    {"household", "house_hold", "hh", "hhid", "family_id", "family_ref", "group_ref"}
)


class Record(NamedTuple):
    """Cells as written, and the physical line of their beginning; `unreadable` is "", or the reason for having no cells.

    `text` is the text of all of the record's lines.
    """

    line: int
    cells: Sequence[str]
    position: int
    windows: bool
    ended: bool
    unreadable: str
    text: str


class Headings(NamedTuple):
    """The place of each of our columns. `named` gives each column's heading in this file, for messages.

    `last_line` is the last line of the headings; `unread` are the headings that nobody reads.
    """

    delimiter: str
    width: int
    places: Mapping[str, int]
    named: Mapping[str, str]
    cells: tuple[str, ...]
    last_line: int
    unread: tuple[str, ...]

    @property
    def household_like(self) -> str:
        """The unread heading that seems to mean the household, where the file has no such column; "" for none."""
        if "household_reference" in self.places:
            return ""
        return _nearest("household_reference", self.unread)


def records(stream: BinaryIO, headings: Headings) -> Iterator[Record]:
    """Every record after the headings, without blank records (every cell is empty)."""
    lines = _Lines(stream, headings.last_line)
    own, ours = tuple(map(_name, headings.cells)), True
    while first := lines.next():
        record = _record(first, lines, headings.delimiter, headings.width)
        names = _headings_again(record, own)
        if names:  # files put one after the other; the rows of a file of other headings are nobody's to guess
            ours = names == own
            record = record._replace(unreadable="heading-again")
        elif not ours and any(cell and not cell.isspace() for cell in record.cells):
            record = record._replace(cells=(), unreadable="other-headings")
        if record.unreadable or any(cell and not cell.isspace() for cell in record.cells):
            yield record


def _headings_again(record: Record, own: tuple[str, ...]) -> tuple[str, ...]:
    """The names of a record that is headings again, in whatever order; () for any other record."""
    known = set(own) - {""}
    if not record.cells or _name(record.cells[0]) not in known:
        return ()
    names = tuple(map(_name, record.cells))
    return names if 2 * sum(name in known for name in names) > len(known) else ()


class _Lines:
    """The lines after a line, which can be put back."""

    def __init__(self, stream: BinaryIO, after: int) -> None:
        self._lines = physical_lines(stream)
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
    if len(span) > 1:
        unreadable = (unreadable and "unclosed-quote") or _unsound(cells, delimiter, width)
    if unreadable:
        lines.put_back(span[1:])
        return _refused(first, unreadable)
    last = span[-1]
    windows = any(line.windows for line in span)
    return Record(first.number, cells, last.position, windows, last.ended, "", text)


def _refused(line: PhysicalLine, reason: str) -> Record:
    return Record(line.number, (), line.position, line.windows, True, reason, line.text)


def _unsound(cells: Sequence[str], delimiter: str, width: int) -> str:
    """The reason why lines must not be joined to these cells; "" where they may."""
    if not width:
        return ""
    if len(cells) < width or any(cell and not cell.isspace() for cell in cells[width:]):
        return "unclosed-quote"
    most = max(_FEW, width // 2)
    spanning = (cell for cell in cells if "\n" in cell or "\r" in cell)
    return "whole-records" if any(cell.count(delimiter) >= most for cell in spanning) else ""


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
    """The headings, in the first line that is not blank; raises FileFormatError where they cannot serve.

    A heading is the name of a column, in any capitals and spaces, or the name that `renamed` gives to the column. A required
    column may not be missing, no column may come twice, and each heading of `renamed` must be in the file.
    """
    wanted = {_name(renamed.get(column, column)): column for column in columns}
    record, delimiter = _heading_record(stream, path, wanted)
    places: dict[str, int] = {}
    for place, cell in enumerate(record.cells):
        column = wanted.get(_name(cell))
        if column in places:
            raise FileFormatError(f"{path} has the heading of {column} twice.")
        if column:
            places[column] = place
    if len(record.cells) == 1 and any(_name(cell) in wanted for cell in record.cells[0].split(",")):
        raise FileFormatError(
            f"{path} has its rows between quotation marks as a whole, so their cells run together; export the file again."
        )
    if not places:
        raise FileFormatError(
            f"{path} is not a file of moves: its first line holds none of the headings, such as {required[0]}."
        )
    cells = tuple(clean(cell.replace("\r", " ").replace("\n", " ")) for cell in record.cells)
    unread = tuple(cell for place, cell in enumerate(cells) if cell and place not in places.values())
    _require(path, places, unread, required, renamed)
    named = {column: renamed.get(column, column) for column in columns}
    last_line = record.line + max(len(record.text.splitlines()) - 1, 0)
    return Headings(delimiter, len(record.cells), places, named, cells, last_line, unread)


def _heading_record(stream: BinaryIO, path: Path, wanted: Mapping[str, str]) -> tuple[Record, str]:
    """The record of headings, and the delimiter under which most of them are known."""
    lines = _Lines(stream, 0)
    while (first := lines.next()) is not None and not first.text.strip():
        pass
    delimiters: Sequence[str] = _DELIMITERS
    if first is not None and (hint := _DELIMITER_LINE.fullmatch(first.text)):
        delimiters = (hint[1],)
        first = lines.next()
    if first is None or first.unreadable:
        raise FileFormatError(f"{path} has no line of headings that can be read.")
    found: list[tuple[Record, str]] = []
    for delimiter in delimiters:
        again = _Lines(stream, first.number)
        found.append((_record(first, again, delimiter, 0), delimiter))
    return max(found, key=lambda choice: sum(_name(cell) in wanted for cell in choice[0].cells))


def _require(
    path: Path,
    places: Mapping[str, int],
    unread: Sequence[str],
    required: Sequence[str],
    renamed: Mapping[str, str],
) -> None:
    for column, heading in renamed.items():
        if column not in places:
            raise FileFormatError(
                f"{path} has no heading '{heading}', which the mapping file gives for {column}{_hint(heading, unread)}."
            )
    if missing := [column for column in required if column not in places]:
        near = "".join(_hint(column, unread) for column in missing[:1])
        raise FileFormatError(
            f"{path} has no column {', '.join(missing)}{near}; a mapping file says what your own headings mean."
        )


def _hint(wanted: str, unread: Sequence[str]) -> str:
    near = _nearest(wanted, unread)
    return f" (did you mean '{near}'?)" if near else ""


def _nearest(wanted: str, unread: Sequence[str]) -> str:
    """The unread heading nearest to a wanted one; "" for none."""
    by_name = {_name(heading): heading for heading in unread}
    close = get_close_matches(_name(wanted), by_name, n=1)
    if not close and wanted == "household_reference":
        close = [name for name in by_name if name in _HOUSEHOLD_WORDS or "household" in name][:1]
    return by_name[close[0]] if close else ""


def _name(heading: str) -> str:
    return clean(heading.replace("\r", " ").replace("\n", " ")).casefold().replace(" ", "_")
