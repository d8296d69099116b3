"""Opens a file of moves of any format as a table's lines, for readers that want its cells and not its events."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

from instep.adapters import sheets
from instep.adapters.csv_text import DELIMITERS, Lines
from instep.adapters.settings import Settings
from instep.adapters.snapshot import shown
from instep.adapters.text import open_file, physical_lines
from instep.errors import FileFormatError


class OpenedTable(NamedTuple):
    """The lines of a table, the file's name for messages, and the delimiters that may stand between cells.

    `headings` of `csv_headings` and `records` of `csv_text` read such lines. The cells of a workbook are texts, and dates
    are ISO 8601.
    """

    lines: Lines
    name: str
    delimiters: tuple[str, ...]


def open_table(path: Path, kind: str, settings: Settings, *, first_rows: int | None = None) -> OpenedTable:
    """The table of a CSV file or of a workbook, whole or (of a workbook) as many of its first rows.

    Raises FileFormatError where the file cannot be read, or its format has no table.
    """
    if kind == "csv":
        return OpenedTable(partial(physical_lines, open_file(path, "CSV")), str(shown(path)), DELIMITERS)
    if kind not in sheets.FORMATS:
        raise FileFormatError(f"{shown(path)} has no headings: CSV files and workbooks have.")
    table, _ = sheets.load_table(path, kind, settings, first_rows=first_rows)
    return OpenedTable(table.lines, table.full_name, (sheets.DELIMITER,))
