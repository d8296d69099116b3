"""Reads a delimited file as records of cells: quoted line breaks, and broken rows.

Every line of the file is accounted for. A quotation mark that is never closed would swallow the rows that follow, and a mark
in a later row would close the cell, with another person's row inside. So lines are joined only where the joined record is
sound: it has the cells of the headings, spans at most `LONGEST_RECORD` lines, and no cell holds whole rows. Otherwise the
first line is refused alone, and reading goes on with the next line.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from instep.adapters.normalise import clean
from instep.adapters.text import PhysicalLine
from instep.adapters.title_rows import is_total

Lines = Callable[[], Iterator[PhysicalLine]]
"""Gives the lines of a file or sheet, from the first."""

LONGEST_RECORD = 20
TOTAL = "total"
"""What `unreadable` says of a total or remark below the rows."""
DELIMITERS = (",", ";", "\t", "|")
DELIMITER_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_FEW = 4
"""Delimiters that a text within one cell may well hold: "Flat 2, The Mill, Mill Lane, Leeds"."""
_HOUSEHOLD_WORDS = frozenset(
    {"household", "house_hold", "hh", "hhid", "family_id", "family_ref", "group_ref"}
)


class CsvRecord(NamedTuple):
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
        return nearest_heading("household_reference", self.unread)


def records(source: Lines, headings: Headings) -> Iterator[CsvRecord]:
    """Every record after the headings, without blank records (every cell is empty)."""
    lines = LineReader(source, headings.last_line)
    own, ours = tuple(map(heading_name, headings.cells)), True
    known = frozenset(own) - {""}
    while first := lines.next():
        record = read_record(first, lines, headings.delimiter, headings.width)
        names = _headings_again(record, known)
        if names:  # files put one after the other; the rows of a file of other headings are nobody's to guess
            ours = names == own
            record = record._replace(unreadable="heading-again")
        elif not ours and any(cell and not cell.isspace() for cell in record.cells):
            record = record._replace(cells=(), unreadable="other-headings")
        elif is_total(record.cells, headings.places):
            record = record._replace(unreadable=TOTAL)
        if record.unreadable or any(cell and not cell.isspace() for cell in record.cells):
            yield record


def _headings_again(record: CsvRecord, known: Collection[str]) -> tuple[str, ...]:
    """The names of a record that is headings again, in whatever order; () for any other record."""
    if not record.cells or heading_name(record.cells[0]) not in known:
        return ()
    names = tuple(map(heading_name, record.cells))
    return names if 2 * sum(name in known for name in names) > len(known) else ()


class LineReader:
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


def read_record(first: PhysicalLine, lines: LineReader, delimiter: str, width: int) -> CsvRecord:
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
    return CsvRecord(first.number, cells, last.position, windows, last.ended, "", text, last.number)


def _refused(line: PhysicalLine, reason: str) -> CsvRecord:
    return CsvRecord(line.number, (), line.position, line.windows, True, reason, line.text, line.number)


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


def nearest_heading(wanted: str, unread: Sequence[str]) -> str:
    """The unread heading nearest to a wanted one; "" for none."""
    by_name = {heading_name(heading): heading for heading in unread}
    close = get_close_matches(heading_name(wanted), by_name, n=1)
    if not close and wanted == "household_reference":
        close = [name for name in by_name if name in _HOUSEHOLD_WORDS or "household" in name][:1]
    return by_name[close[0]] if close else ""


def heading_name(heading: str) -> str:
    """The one form of a heading, for comparing: no capitals, `_` for blanks."""
    return clean(heading.replace("\r", " ").replace("\n", " ")).casefold().replace(" ", "_")
