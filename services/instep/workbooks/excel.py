"""Writes Excel workbooks with XlsxWriter, row by row in constant memory.

Every text is written as a text: XlsxWriter's own guesses (formulas, links, numbers) are off. Columns of texts have Excel's
format "Text", so that a reference typed by hand stays a text too.
"""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError, FileSizeError
from xlsxwriter.worksheet import Worksheet

from instep.errors import FileFormatError
from instep.workbooks.tables import Column, ColumnKind, Value

MOST_ROWS = 1_048_576 - 1
"""The rows of a sheet of Excel, without the headings."""
LONGEST_TEXT = 32_767
"""The characters that Excel keeps of a cell, in UTF-16."""
CUT = " … (longer than a cell of Excel: see --format jsonl)"
# Excel's calendar begins in 1900, and its first two months are a day off.
_FIRST_DAY = date(1900, 3, 1)
_LARGEST_NUMBER = 10**15
_FORMATS = {
    ColumnKind.TEXT: "@",
    ColumnKind.NUMBER: "0",
    ColumnKind.DATE: "yyyy-mm-dd",
    ColumnKind.MOMENT: "yyyy-mm-dd hh:mm",
}


def excel_value(value: Value) -> Value:
    """The value as a cell of Excel can hold it.

    A text that is too long is cut. A date before March 1900 and a number of more than 15 digits become texts.
    """
    match value:
        case int() if abs(value) >= _LARGEST_NUMBER:
            return str(value)
        case str() if len(value) > LONGEST_TEXT // 2:
            return _cut(value)
        case datetime() if value.date() < _FIRST_DAY:
            return value.isoformat(sep=" ", timespec="seconds")
        case date() if not isinstance(value, datetime) and value < _FIRST_DAY:
            return value.isoformat()
        case _:
            return value


def _cut(text: str) -> str:
    units = text.encode("utf-16-le")
    if len(units) <= 2 * LONGEST_TEXT:
        return text
    return units[: 2 * (LONGEST_TEXT - len(CUT))].decode("utf-16-le", errors="ignore") + CUT


# ECMA-376, ST_Xstring: `_x000D_` stands for CR, so an underscore that begins such a text is itself written `_x005F_`.
_UNFIT = r"[\x00-\x08\x0b-\x1f\ufffe\uffff]"
_UNFIT_FOR_XML = re.compile(_UNFIT)
_LIKE_AN_ESCAPE = re.compile(rf"_(?=x[0-9A-Fa-f]{{4}}(?:_|{_UNFIT}))")


class _TextWorksheet(Worksheet):  # type: ignore[misc]  # the library has no types
    """Writes any text as that text. The library is pinned: two of its private methods are replaced."""

    def _xml_rich_inline_string(self, string: str, attributes: Any = ()) -> None:
        # XXX: XlsxWriter puts a text from `<r>` to `</r>` into the sheet's XML as it is, since its own rich strings look so.
        # Such a text of another council's could bring a formula with it.
        self._xml_inline_string(string, True, attributes)

    @staticmethod
    def _escape_control_characters(data: Any) -> Any:
        # XXX: XlsxWriter's own misses an escape that begins with the last underscore of another: `_x005F_x000D_`.
        if not isinstance(data, str):
            return data
        literal = _LIKE_AN_ESCAPE.sub("_x005F_", data)
        return _UNFIT_FOR_XML.sub(lambda unfit: f"_x{ord(unfit[0]):04X}_", literal)


class Workbook:
    """A workbook that is being written; made by `new_workbook`."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._sheets: list[WrittenSheet] = []

    def sheet(
        self, name: str, columns: Sequence[Column], *, rows: int = 0, frozen: int = 0
    ) -> "WrittenSheet":
        """A new sheet with bold headings that stay in view, beside the first `frozen` columns. Empty columns are hidden.

        `rows` is the number of rows to come: choices are offered and filters work on as many. Write a sheet whole before
        the next is begun.
        """
        worksheet = self._book.add_worksheet(name, worksheet_class=_TextWorksheet)
        sheet = WrittenSheet(self._book, worksheet, columns, rows, frozen)
        self._sheets.append(sheet)
        return sheet

    def finish(self) -> None:
        """Called once every sheet is written."""
        for sheet in self._sheets:
            sheet.hide_empty_columns()


class WrittenSheet:
    """A sheet that is being written."""

    def __init__(self, book: Any, sheet: Any, columns: Sequence[Column], rows: int, frozen: int) -> None:
        self._sheet = sheet
        self._formats = [
            book.add_format({"num_format": _FORMATS[column.kind], "valign": "top"}) for column in columns
        ]
        self._columns = columns
        self._filled = {number for number, column in enumerate(columns) if column.to_fill}
        self._next = 1
        heading = book.add_format({"bold": True, "bottom": 1, "num_format": "@"})
        for number, column in enumerate(columns):
            sheet.set_column(number, number, column.width, self._formats[number])
            if column.choices and rows:
                sheet.data_validation(1, number, rows, number, _choosing(column))
        for number, column in enumerate(columns):
            _put(sheet, 0, number, column.heading, heading)
        sheet.freeze_panes(1, frozen)
        if rows:
            sheet.autofilter(0, 0, rows, len(columns) - 1)

    def write(self, row: Mapping[str, Value]) -> None:
        """Write the next row, by heading; an absent value is an empty cell."""
        if self._next > MOST_ROWS:
            raise FileFormatError(f"A sheet of Excel holds {MOST_ROWS:,} rows: ask for fewer days.")
        for number, column in enumerate(self._columns):
            value = row.get(column.heading)
            if value is not None and value != "":
                self._filled.add(number)
                _put(self._sheet, self._next, number, excel_value(value), self._formats[number])
        self._next += 1

    def hide_empty_columns(self) -> None:
        """Hide the columns without a value, unless people are to fill them."""
        for number, column in enumerate(self._columns):
            if self._next > 1 and number not in self._filled:
                self._sheet.set_column(number, number, column.width, self._formats[number], {"hidden": True})


def _choosing(column: Column) -> dict[str, Any]:
    return {
        "validate": "list",
        "source": list(column.choices),
        "error_title": column.heading,
        "error_message": f"Choose one of the words in the list: {', '.join(column.choices)}."[:255],
    }


def _put(sheet: Any, row: int, column: int, value: Value, form: Any) -> None:
    match value:
        case str():
            done = sheet.write_string(row, column, value, form)
        case datetime() | date():
            done = sheet.write_datetime(row, column, value, form)
        case _:
            done = sheet.write_number(row, column, value, form)
    if done != 0:  # XlsxWriter leaves a cell out and says so by a number alone
        raise FileFormatError(f"Excel cannot hold a cell of row {row + 1} (XlsxWriter's code {done}).")


@contextmanager
def new_workbook(path: Path, title: str) -> Iterator[Workbook]:
    """A workbook at `path`; complete when the block ends well. What the disk refuses is an OSError."""
    # The rows wait there until the end: in a directory that only this user may read, which goes whatever happens.
    with tempfile.TemporaryDirectory(prefix="instep-") as waiting:
        book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "tmpdir": waiting,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        book.set_properties({"title": title, "author": "Instep"})
        workbook = Workbook(book)
        try:
            yield workbook
            workbook.finish()
            _close(book)
        finally:
            for sheet in book.worksheets():
                sheet.row_data_fh.close()  # XlsxWriter closes them only when it has written the file


def _close(book: Any) -> None:
    try:
        book.close()
    except FileSizeError as error:
        raise FileFormatError("The Excel file would be larger than 4 GB: ask for fewer days.") from error
    except FileCreateError as error:
        if isinstance(error.args[0] if error.args else None, OSError):
            raise error.args[0] from error
        raise FileFormatError("The Excel file cannot be written.") from error
