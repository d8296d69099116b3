"""Reads the sheets of an Excel workbook as rows of texts, one row at a time.

Why openpyxl, and not the faster python-calamine: a row that is sent must say whether its cells are formulas without a value,
merged, or hidden. Calamine tells none of these, and lays out a sheet as large as the file claims, which ends the process
where a file claims too much. openpyxl's own parser of sheets does both, in constant memory, and has a single wheel for every
platform. The library is pinned: `_Parser` replaces three of its parser's methods.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, time
from functools import lru_cache
from pathlib import Path
from typing import Any

from openpyxl.styles.numbers import BUILTIN_FORMATS, BUILTIN_FORMATS_MAX_SIZE
from openpyxl.utils import column_index_from_string
from openpyxl.utils.datetime import MAC_EPOCH, from_excel, from_ISO8601
from openpyxl.worksheet._reader import FORMULA_TAG, INLINE_STRING, VALUE_TAG, Text, WorkSheetParser

from instep.errors import FileFormatError
from instep.workbooks.cell_texts import (
    MERGED,
    NO_VALUE,
    Padding,
    SheetRow,
    moment_text,
    number_text,
    padding_of,
    trimmed,
)
from instep.workbooks.excel_in import damaged, opened_book, unescaped
from instep.workbooks.merging import Merged, Merging
from instep.workbooks.tag_search import tags

MOST_COLUMNS = 16_384
_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s[^<>]*?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_RECALCULATE = re.compile(rb'<(?:\w+:)?calcPr\s[^<>]*fullCalcOnLoad="(?:1|true)"')
_MOST_MOMENTS = 50_000
"""Dates that are kept as texts: few days come in a table, and each comes often."""
_TRUE = frozenset({"1", "true"})


class ExcelSheet:
    """A sheet of an open workbook. `hidden_columns` are places from 0, known once the rows have been read."""

    def __init__(self, path: Path, sheet: Any) -> None:
        self.name: str = sheet.title
        self.hidden: bool = sheet.sheet_state != "visible"
        self.hidden_columns: Sequence[int] = ()
        self._path, self._sheet = path, sheet

    def rows(self) -> Iterator[SheetRow]:
        """Every row with a cell that is not empty; raises FileFormatError where the sheet is damaged."""
        try:
            merging = Merging(self._merged())
            with self._sheet._get_source() as source:
                parser = _Parser(source, self._sheet)
                for row in parser.rows():
                    if cells := merging.marked(row.number, row.cells, MERGED):
                        yield row._replace(cells=cells)
                self.hidden_columns = parser.hidden_columns
        except FileFormatError:
            raise
        except Exception as error:  # the library raises whatever a damaged file makes it stumble over
            raise damaged(self._path) from error

    def _merged(self) -> Iterator[Merged]:
        """The merged ranges. They stand behind the rows, so the sheet's bytes are searched first."""
        with self._sheet._get_source() as source:
            for match in tags(source, _MERGE):
                yield Merged(
                    first_row=int(match[2]),
                    last_row=int(match[4]),
                    first=column_index_from_string(match[1].decode()) - 1,
                    last=column_index_from_string(match[3].decode()) - 1,
                )


@contextmanager
def open_excel(path: Path, content: bytes) -> Iterator[tuple[Sequence[ExcelSheet], date]]:
    """The sheets, and the day that a day number counts from; raises FileFormatError for no sound .xlsx."""
    with opened_book(path, content) as book:
        zero = date(1904, 1, 1) if book.epoch == MAC_EPOCH else date(1899, 12, 30)
        yield [ExcelSheet(path, sheet) for sheet in book.worksheets], zero


class _Parser(WorkSheetParser):  # type: ignore[misc]  # the library has no types
    """Gives each cell as text."""

    def __init__(self, source: Any, sheet: Any) -> None:
        book = sheet.parent
        super().__init__(
            source,
            sheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        self.row_counter = self.col_counter = 0
        self.hidden_columns: list[int] = []
        self._moments: dict[tuple[str, int], str] = {}
        # A workbook that no spreadsheet has calculated yet: its formulas have no values, or made-up ones.
        self._uncalculated = _is_uncalculated(book._archive)
        self._paddings = _paddings(book)

    def rows(self) -> Iterator[SheetRow]:
        yield from self.parse()

    def parse_row(self, row: Any) -> SheetRow:
        number, before = row.get("r"), self.row_counter
        self.row_counter = int(number) if number else before + 1
        if self.row_counter <= before:
            raise ValueError("The rows are not in order.")
        self.col_counter = 0
        cells: list[str] = []
        for element in row:
            text = self.parse_cell(element)
            if text:
                if self.col_counter > MOST_COLUMNS:
                    raise ValueError("A cell lies beyond the last column.")
                cells += [""] * (self.col_counter - len(cells))
                cells[self.col_counter - 1] = text
        return SheetRow(self.row_counter, trimmed(cells), row.get("hidden") in _TRUE)

    def parse_cell(self, element: Any) -> str:
        coordinate = element.get("r")
        self.col_counter = _column(coordinate) if coordinate else self.col_counter + 1
        value = formula = inline = None
        for child in element:  # `find` takes three times as long
            tag = child.tag
            if tag == VALUE_TAG:
                value = child.text or ""
            elif tag == FORMULA_TAG:
                formula = child
            elif tag == INLINE_STRING:
                inline = child
        kind = element.get("t", "n")
        if kind == "inlineStr":
            return "" if inline is None else unescaped(Text.from_tree(inline).content or "")
        if formula is not None and (self._uncalculated or value is None or (not value and kind != "str")):
            return NO_VALUE
        return self._text(kind, value, int(element.get("s", 0))) if value else ""

    def _text(self, kind: str, value: str, style: int) -> str:
        match kind:
            case "s":
                return unescaped(self.shared_strings[int(value)] or "")
            case "n" if style in self.date_formats:
                key = value, style
                if key not in self._moments and len(self._moments) < _MOST_MOMENTS:
                    self._moments[key] = self._moment(value, style)
                return self._moments.get(key) or self._moment(value, style)
            case "n":
                return number_text(value, self._paddings.get(style))
            case "b":
                return "TRUE" if value in _TRUE else "FALSE"
            case "d":
                return moment_text(from_ISO8601(value))
            case _:  # "str", the value of a formula, and "e", a spreadsheet's error
                return unescaped(value)

    def _moment(self, value: str, style: int) -> str:
        number = float(value)
        try:
            moment = from_excel(number, self.epoch, timedelta=style in self.timedelta_formats)
        except (OverflowError, ValueError):
            return "#VALUE!"  # as Excel shows such a cell
        # Day number 0 is how a spreadsheet shows that there is no date.
        return "00/01/1900" if moment == time() and not number else moment_text(moment)

    def parse_column_dimensions(self, col: Any) -> None:
        if col.get("hidden") in _TRUE:
            self.hidden_columns += range(int(col.get("min")) - 1, min(int(col.get("max")), MOST_COLUMNS))


@lru_cache(maxsize=MOST_COLUMNS)
def _column_of(letters: str) -> int:
    return int(column_index_from_string(letters))


def _column(coordinate: str) -> int:
    return _column_of(coordinate.rstrip("0123456789"))


def _paddings(book: Any) -> Mapping[int, Padding]:
    """The paddings of styles, by the style's number."""
    paddings = {}
    for number, style in enumerate(book._cell_styles):
        own = style.numFmtId - BUILTIN_FORMATS_MAX_SIZE
        formats = book._number_formats
        code = formats[own] if 0 <= own < len(formats) else BUILTIN_FORMATS.get(style.numFmtId, "General")
        if padding := padding_of(code):
            paddings[number] = padding
    return paddings


def _is_uncalculated(archive: Any) -> bool:
    # XXX: openpyxl's own `CalcProperties` says True wherever the file says nothing.
    books = [name for name in archive.namelist() if name.endswith("workbook.xml")]
    return any(_RECALCULATE.search(archive.read(name)) for name in books)
