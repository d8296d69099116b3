"""Reads the sheets of an OpenDocument workbook (.ods) as rows of texts, one row at a time.

Own code, since the libraries for .ods (odfpy, ezodf, python-calamine) lay out a whole sheet in memory: a cell that claims to
be repeated a billion times would end the process. The format is OpenDocument 1.3, part 3, chapter 9.
"""

import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import IO, Any
from xml.parsers import expat

from instep.errors import FileFormatError
from instep.workbooks.cell_texts import MERGED, NO_VALUE, SheetRow, moment_text, number_text, trimmed
from instep.workbooks.excel_in import Cell, Formula
from instep.workbooks.package import check_package
from instep.workbooks.tag_search import tags

MOST_COLUMNS = 16_384
MOST_ROWS = 1_048_576
DAY_ZERO = date(1899, 12, 30)

_CHUNK = 1 << 16

_TABLE, _OFFICE, _TEXT = (
    f"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0 " for name in ("table", "office", "text")
)
_SHEET, _COLUMN, _ROW = f"{_TABLE}table", f"{_TABLE}table-column", f"{_TABLE}table-row"
_CELL, _COVERED = f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"
_PARAGRAPH = f"{_TEXT}p"
_RUNS = frozenset({f"{_TEXT}span", f"{_TEXT}a"})
_BLANKS = {f"{_TEXT}s": " ", f"{_TEXT}tab": "\t", f"{_TEXT}line-break": "\n"}
_HIDDEN = frozenset({"collapse", "filter"})
_VALUE_TYPE = f"{_OFFICE}value-type"
_OWN_VALUE_TYPE = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0 value-type"
"""LibreOffice's own: tells an error from a text."""
_DECLARED = re.compile(rb"<(?:\w+:)?(table|style|table-properties)(\s[^<>]*)>")
_ATTRIBUTE = re.compile(rb"""(?<![\w:.-])(?:[\w.-]+:)?([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


CellOf = Callable[[dict[str, str], str], Cell]
"""Makes a cell of its attributes and of the text that the sheet shows."""


class OdsSheet:
    """A sheet. `hidden_columns` are places from 0, known once the rows have been read."""

    def __init__(self, path: Path, content: bytes, name: str, *, hidden: bool) -> None:
        self.name, self.hidden = name, hidden
        self.hidden_columns: Sequence[int] = ()
        self._path, self._content = path, content

    def rows(self) -> Iterator[SheetRow]:
        """Every row with a cell that is not empty, as texts; raises FileFormatError where the sheet is damaged."""
        return self._rows(_text)

    def cells(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        """The same rows as numbers and cells, where dates and formulas are no texts."""
        return ((row.number, row.cells) for row in self._rows(_cell))

    def _rows(self, cell_of: CellOf) -> Iterator[SheetRow]:
        try:
            with zipfile.ZipFile(BytesIO(self._content)) as archive, archive.open("content.xml") as stream:
                reading = _Reading(self.name, cell_of)
                yield from reading.rows(stream)
                self.hidden_columns = reading.hidden_columns
        except FileFormatError:
            raise
        except Exception as error:  # a damaged file makes the parsers of ZIP, XML and numbers stumble
            raise _damaged(self._path) from error


@contextmanager
def open_ods(path: Path, content: bytes) -> Iterator[tuple[Sequence[OdsSheet], date]]:
    """The sheets, and the day that a day number counts from; raises FileFormatError for no sound .ods."""
    check_package(path, content, ".ods")
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive, archive.open("content.xml") as stream:
            tables = list(_tables(stream))
    except Exception as error:
        raise _damaged(path) from error
    yield [OdsSheet(path, content, name, hidden=hidden) for name, hidden in tables], DAY_ZERO


def _tables(stream: IO[bytes]) -> Iterator[tuple[str, bool]]:
    """The name of each sheet, and whether it is hidden."""
    unseen: set[str] = set()
    style = ""
    for match in tags(stream, _DECLARED):
        attributes = {
            name.decode(): unescape((double or single).decode())
            for name, double, single in _ATTRIBUTE.findall(match[2])
        }
        match match[1]:
            case b"style":
                style = attributes.get("name", "")
            case b"table-properties" if attributes.get("display") == "false":
                unseen.add(style)
            case b"table":
                yield attributes.get("name", ""), attributes.get("style-name", "") in unseen


class _Reading:
    """One reading of the sheet of a name."""

    def __init__(self, name: str, cell_of: CellOf) -> None:
        self.hidden_columns: list[int] = []
        self._name, self._cell_of = name, cell_of
        self._is_open = self._ended = False
        self._ready: list[SheetRow] = []
        self._columns = self._row = self._ignored = 0
        self._spans: dict[int, int] = {}
        """The last row of a cell that spans rows, by column."""
        self._hidden, self._repeats = False, 1
        self._cells: list[Any] = []
        self._place = 0
        self._cell: dict[str, str] | None = None
        self._shown: list[str] = []
        self._paragraphs = 0

    def rows(self, stream: IO[bytes]) -> Iterator[SheetRow]:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._characters
        while not self._ended and (chunk := stream.read(_CHUNK)):
            parser.Parse(chunk, False)
            yield from self._ready
            self._ready.clear()
        if not self._ended:
            raise ValueError("The sheet has no end.")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._ignored:
            self._ignored += 1
        elif self._cell is not None:
            self._within(tag, attributes)
        elif tag == _SHEET:
            self._is_open = attributes.get(f"{_TABLE}name", "") == self._name
        elif not self._is_open:
            return
        elif tag in (_CELL, _COVERED):
            self._cell, self._shown, self._paragraphs = attributes, [], 0
        elif tag == _ROW:
            self._hidden = attributes.get(f"{_TABLE}visibility") in _HIDDEN
            self._repeats = _repeats(attributes, "rows")
            self._cells, self._place = [], 0
        elif tag == _COLUMN:
            self._column(attributes)

    def _within(self, tag: str, attributes: dict[str, str]) -> None:
        """An element within a cell: a text's, or nothing of the cell's own (an annotation, a picture)."""
        if tag == _PARAGRAPH:
            if self._paragraphs:
                self._shown.append("\n")
            self._paragraphs += 1
        elif tag in _BLANKS:
            self._shown.append(_BLANKS[tag] * min(int(attributes.get(f"{_TEXT}c", 1)), 1_000))
        elif tag not in _RUNS:
            self._ignored = 1

    def _characters(self, text: str) -> None:
        if self._cell is not None and self._paragraphs and not self._ignored:
            self._shown.append(text)

    def _end(self, tag: str) -> None:
        if self._ignored:
            self._ignored -= 1
        elif not self._is_open:
            return
        elif self._cell is not None and tag in (_CELL, _COVERED):
            self._end_cell(self._cell, is_covered=tag == _COVERED)
            self._cell = None
        elif tag == _ROW:
            self._end_row()
        elif tag == _SHEET and self._cell is None:
            self._ended, self._is_open = True, False

    def _column(self, attributes: dict[str, str]) -> None:
        first = self._columns
        self._columns = min(first + _repeats(attributes, "columns"), MOST_COLUMNS)
        if attributes.get(f"{_TABLE}visibility") in _HIDDEN:
            self.hidden_columns += range(first, self._columns)

    def _end_cell(self, cell: dict[str, str], *, is_covered: bool) -> None:
        first, self._place = self._place, self._place + _repeats(cell, "columns")
        text = "" if is_covered else self._cell_of(cell, "".join(self._shown))
        if text:
            if self._place > MOST_COLUMNS:
                raise ValueError("A cell lies beyond the last column.")
            self._cells += [""] * (first - len(self._cells)) + [text] * (self._place - first)
        elif is_covered and self._spans:
            for column in range(first, min(self._place, MOST_COLUMNS)):
                if self._spans.get(column, 0) > self._row:
                    self._cells += [""] * (column - len(self._cells)) + [MERGED]
        if (rows := int(cell.get(f"{_TABLE}number-rows-spanned", 1))) > 1:
            columns = int(cell.get(f"{_TABLE}number-columns-spanned", 1))
            for column in range(first, min(first + columns, MOST_COLUMNS)):
                self._spans[column] = self._row + rows

    def _end_row(self) -> None:
        first, self._row = self._row + 1, self._row + self._repeats
        cells = trimmed(self._cells)
        if any(cell != MERGED for cell in cells):
            if self._row > MOST_ROWS:
                raise ValueError("A row lies beyond the last row.")
            self._ready += [SheetRow(number, cells, self._hidden) for number in range(first, self._row + 1)]


def _repeats(attributes: dict[str, str], what: str) -> int:
    return max(int(attributes.get(f"{_TABLE}number-{what}-repeated", 1)), 1)


def _text(cell: dict[str, str], shown: str) -> str:
    """A cell as text; `shown` is what the sheet shows."""
    kind = cell.get(_VALUE_TYPE, "")
    if cell.get(_OWN_VALUE_TYPE) == "error":
        return shown or "#VALUE!"
    match kind:
        case "float" | "percentage" | "currency":
            return _number(cell.get(f"{_OFFICE}value", ""), shown)
        case "date":
            return _moment(cell.get(f"{_OFFICE}date-value", ""))
        case "boolean":
            return "TRUE" if cell.get(f"{_OFFICE}boolean-value") == "true" else "FALSE"
        case "string":
            return cell.get(f"{_OFFICE}string-value", shown)
        case "" if not shown and f"{_TABLE}formula" in cell:
            return NO_VALUE
        case _:  # "time" is a length of time
            return shown


def _cell(cell: dict[str, str], shown: str) -> Cell:
    """A cell with its kind; numbers are texts."""
    if f"{_TABLE}formula" in cell:
        return Formula()
    if cell.get(_VALUE_TYPE) == "date":
        return datetime.fromisoformat(cell.get(f"{_OFFICE}date-value", ""))
    return _text(cell, shown)


def _number(value: str, shown: str) -> str:
    """A number; where the sheet shows it with zeros in front, as shown."""
    text = number_text(value)
    padded = shown[:1] == "0" and shown.isascii() and shown.isdecimal() and text.isdecimal()
    return shown if padded and int(shown) == int(text) else text


def _moment(value: str) -> str:
    moment = datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    return "00/01/1900" if moment == DAY_ZERO else moment_text(moment)


def _damaged(path: Path) -> FileFormatError:
    return FileFormatError(f"{path} is damaged: open it in LibreOffice, save it anew and try again.")
