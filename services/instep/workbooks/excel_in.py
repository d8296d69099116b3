"""Reads Excel workbooks with openpyxl, row by row.

Why openpyxl, and not the faster python-calamine: openpyxl reads row by row, tells a formula from its value, and has a
single wheel for every platform (MIT licence). Calamine lays out a whole sheet in memory, as large as the file claims.

A workbook from outside may be anything. The file is read once, so no program changes the content meanwhile. Its unpacked
sizes are bounded before anything is unpacked.
"""

import itertools
import re
import warnings
import zipfile
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
from instep.workbooks.tables import Value

LARGEST_FILE = 128 << 20
LARGEST_SHEET = 1 << 30
"""Bytes of a sheet, unpacked; sheets are read row by row."""
LARGEST_PART = 256 << 20
"""Bytes of all the other parts together, unpacked; openpyxl holds them in memory."""

MOST_TIMES_SMALLER = 100
"""How much smaller a large part may be in the file; the parts of real workbooks are 10 to 30 times smaller."""
_LARGE = 16 << 20

_LOCKED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SHEETS = "xl/worksheets/"
_MACROS = "vbaproject.bin"
# ECMA-376, ST_Xstring: characters that XML cannot hold. openpyxl leaves them as they are.
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


@dataclass(frozen=True, slots=True)
class Formula:
    """A cell that holds a formula in place of a value."""


Cell = Value | Formula


class Sheet:
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
            raise _damaged(self._path) from error


@contextmanager
def open_workbook(path: Path) -> Iterator[Sequence[Sheet]]:
    """The sheets of a workbook; raises FileFormatError for a file that is no sound .xlsx."""
    content = _content(path)
    _check_parts(path, content)
    with warnings.catch_warnings():
        # About parts of a workbook that openpyxl leaves out, none of which holds a cell.
        warnings.simplefilter("ignore")
        try:
            book = load_workbook(BytesIO(content), read_only=True, keep_links=False)
        except Exception as error:
            raise _damaged(path) from error
        try:
            yield [Sheet(path, sheet) for sheet in book.worksheets]
        finally:
            book.close()


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise FileFormatError(f"{path} is not there, or is no file.")
    with path.open("rb") as stream:
        content = stream.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise FileFormatError(f"{path} is larger than {LARGEST_FILE >> 20} MB: split the list.")
    if content.startswith(_LOCKED):
        raise FileFormatError(
            f"{path} is locked with a password, or an old .xls: save it as .xlsx without a password."
        )
    return content


def _check_parts(path: Path, content: bytes) -> None:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise FileFormatError(
            f"{path} is no Excel workbook, or is damaged: save it as .xlsx and try again."
        ) from error
    if any(part.filename.lower().endswith(_MACROS) for part in parts):
        raise FileFormatError(f"{path} holds macros: save it as .xlsx, which has none.")
    others = sum(part.file_size for part in parts if not part.filename.startswith(_SHEETS))
    if others > LARGEST_PART or any(map(_too_large, parts)):
        raise FileFormatError(f"{path} would be too large unpacked: split the list.")


def _too_large(part: zipfile.ZipInfo) -> bool:
    """Whether a part is too large, or holds so much in so few bytes that nobody has written it by work."""
    dense = part.file_size > _LARGE and part.file_size > MOST_TIMES_SMALLER * part.compress_size
    return dense or part.file_size > LARGEST_SHEET


def _damaged(path: Path) -> FileFormatError:
    return FileFormatError(f"{path} is damaged: open it in Excel, save it anew and try again.")


def _cell(cell: Any) -> Cell:
    value = cell.value
    if cell.data_type == "f":
        return Formula()
    match value:
        case None:
            return None
        case str():
            return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), value)
        case bool():
            return str(value).upper()
        case float() if value.is_integer():
            return int(value)
        case int() | datetime() | date():
            return value
        case _:
            return str(value)
