"""Reads Excel workbooks with openpyxl, row by row.

Why openpyxl, and not the faster python-calamine: openpyxl reads row by row, tells a formula from its value, and has a
single wheel for every platform (MIT licence). Calamine lays out a whole sheet in memory, as large as the file claims.
`package` has made sure before that the file is sound and bounded.
"""

import itertools
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from instep.errors import FileFormatError
from instep.workbooks.excel import MOST_ROWS
from instep.workbooks.package import check_package, content_of
from instep.workbooks.tables import Value

# ECMA-376, ST_Xstring: characters that XML cannot hold. openpyxl leaves them as they are.
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


@dataclass(frozen=True, slots=True)
class Formula:
    """A cell that holds a formula in place of a value."""


Cell = Value | Formula


class ReadSheet:
    """A sheet of a workbook that is being read."""

    def __init__(self, path: Path, sheet: Any) -> None:
        self._path = path
        self._sheet = sheet
        self.name: str = sheet.title

    def rows(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        """Each row as its number in Excel and its cells; raises FileFormatError where the sheet is damaged."""
        try:
            # A file may claim any size; each row then has as many cells as it holds.
            self._sheet.reset_dimensions()
            rows = itertools.islice(self._sheet.iter_rows(), MOST_ROWS + 1)
            for number, row in enumerate(rows, start=1):
                yield number, [_cell(cell) for cell in row]
        except Exception as error:  # the library raises whatever a damaged file makes it stumble over
            raise damaged(self._path) from error


@contextmanager
def open_workbook(path: Path) -> Iterator[Sequence[ReadSheet]]:
    """The sheets of a workbook; raises FileFormatError for a file that is no sound .xlsx."""
    with opened_book(path, content_of(path)) as book:
        yield [ReadSheet(path, sheet) for sheet in book.worksheets]


@contextmanager
def opened_book(path: Path, content: bytes) -> Iterator[Any]:
    """openpyxl's workbook of a file's content; raises FileFormatError for no sound .xlsx."""
    check_package(path, content, ".xlsx")
    with warnings.catch_warnings():
        # About parts of a workbook that openpyxl leaves out, none of which holds a cell.
        warnings.simplefilter("ignore")
        try:
            book = load_workbook(BytesIO(content), read_only=True, keep_links=False)
        except Exception as error:
            raise damaged(path) from error
        try:
            yield book
        finally:
            book.close()


def unescaped(text: str) -> str:
    """The text with the characters that XML cannot hold, which Excel writes as `_x000D_`."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def damaged(path: Path) -> FileFormatError:
    """The error for a workbook that openpyxl cannot read."""
    return FileFormatError(f"{path} is damaged: open it in Excel, save it anew and try again.")


def _cell(cell: Any) -> Cell:
    value = cell.value
    if cell.data_type == "f":
        return Formula()
    match value:
        case None:
            return None
        case str():
            return unescaped(value)
        case bool():
            return str(value).upper()
        case float() if value.is_integer():
            return int(value)
        case int() | datetime() | date():
            return value
        case _:
            return str(value)
