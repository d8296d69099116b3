"""Reads a sheet of a workbook (.xlsx, .ods) as the lines of a table, so that a workbook means what the same CSV file means.

Each row of the sheet becomes a line of cells with tabs between them, under the row's own number. Everything that is known of
CSV files then holds: headings, households, repairs, refusals. The sheet is kept as texts before its first row is read, since
a file is read twice.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from instep.adapters.csv_headings import LOOKED_AT, find_headings, has_headings, wanted_names
from instep.adapters.csv_moves import COLUMNS, REQUIRED, read_table
from instep.adapters.line import Line, Note
from instep.adapters.settings import Settings
from instep.adapters.snapshot import shown, snapshot
from instep.adapters.text import LONGEST_KEPT, LONGEST_LINE, PhysicalLine
from instep.errors import FileFormatError
from instep.workbooks.cell_texts import SheetRow
from instep.workbooks.excel_rows import open_excel
from instep.workbooks.ods_rows import open_ods
from instep.workbooks.package import LARGEST_FILE, bounded

MOST_ROWS = 250_000
MOST_TEXT = 128 << 20
"""Characters of a sheet."""
DELIMITER = "\t"
_BREAKING = frozenset('\t"\r\n')


class Sheet(Protocol):
    """A sheet of an open workbook; `hidden_columns` are places from 0, known once the rows have been read."""

    name: str
    hidden: bool
    hidden_columns: Sequence[int]

    def rows(self) -> Iterator[SheetRow]:
        """Every row with a cell that is not empty."""


Opened = AbstractContextManager[tuple[Sequence[Sheet], date]]
_OPENERS: Mapping[str, Callable[[Path, bytes], Opened]] = MappingProxyType(
    {"xlsx": open_excel, "ods": open_ods}
)
FORMATS = tuple(_OPENERS)


def read_sheet(path: Path, kind: str, settings: Settings) -> Iterator[Line]:
    """Every row of a sheet of moves; `kind` is among FORMATS.

    Raises FileFormatError at once where the file is no sound workbook, or has no such sheet of moves.
    """
    table, zero = load_table(path, kind, settings)
    table.remark(settings)
    return read_table(
        table.lines,
        table.full_name,
        replace(settings, day_zero=zero),
        table.hidden_columns,
        delimiters=(DELIMITER,),
    )


def load_table(
    path: Path, kind: str, settings: Settings, *, first_rows: int | None = None
) -> tuple[Table, date]:
    """The sheet that is meant, whole or as many of its first rows, and the day that its day numbers count from."""
    with snapshot(path, text=False) as stream:
        path = shown(path)
        content = bounded(path, stream.read(LARGEST_FILE + 1))
    if not content:
        raise FileFormatError(f"{path} is empty.")
    with _OPENERS[kind](path, content) as (sheets, zero):
        sheet = _chosen(path, sheets, settings)
        others = [each.name for each in sheets if each.name != sheet.name]
        table = Table(path, sheet, islice(sheet.rows(), first_rows), others, len(content))
    wanted = wanted_names(COLUMNS, settings.columns)
    table.width = len(
        find_headings(table.lines, table.full_name, wanted, REQUIRED, (DELIMITER,)).record.cells
    )
    return table, zero


class Table:
    """The texts of a sheet. `size` is the bytes of the file, for a progress bar.

    A sheet has no last cell, so each row has at least `width` cells, the last ones empty where need be.
    """

    def __init__(
        self, path: Path, sheet: Sheet, rows: Iterator[SheetRow], others: Sequence[str], size: int
    ) -> None:
        self.full_name = f"{path} (sheet '{sheet.name}')"
        self._others, self._size = others, size
        self.width = 0
        self._rows: list[tuple[int, int, str]] = []
        self._hidden: list[int] = []
        written = 0
        for row in rows:
            text = _line(row.cells)
            written += len(text)
            self._rows.append((row.number, len(row.cells), text))
            if row.hidden:
                self._hidden.append(row.number)
            if len(self._rows) > MOST_ROWS or written > MOST_TEXT:
                raise FileFormatError(
                    f"{path} is too large in the sheet '{sheet.name}': nothing was read; split the sheet into files of"
                    f" at most {MOST_ROWS:,} rows, or save it as CSV."
                )
        self.hidden_columns = tuple(sheet.hidden_columns)
        if not self._rows:
            raise FileFormatError(f"{path} has nothing in the sheet '{sheet.name}'.")

    def lines(self) -> Iterator[PhysicalLine]:
        """The rows as lines."""
        for place, (number, cells, text) in enumerate(self._rows, start=1):
            position = self._size * place // len(self._rows)
            unreadable = "line-too-long" if len(text) > LONGEST_LINE else ""
            padding = DELIMITER * (self.width - cells)
            yield PhysicalLine(number, f"{text}{padding}\n", position, False, True, unreadable)

    def remark(self, settings: Settings) -> None:
        """Say what is hidden, and what is not read."""
        for other in self._others:
            settings.remark(self._rows[0][0], Note(column=f"sheet '{other}'", reason="other-sheet"))
        for number in self._hidden:
            settings.remark(number, Note(column="", reason="hidden-row"))


def _line(cells: Sequence[str]) -> str:
    if sum(map(len, cells)) + len(cells) > LONGEST_KEPT:
        cells = [cell[:LONGEST_LINE] for cell in islice(cells, LONGEST_KEPT // LONGEST_LINE)]
    text = DELIMITER.join(cells)
    if not (text.count(DELIMITER) >= len(cells) or _BREAKING.intersection(text) - {DELIMITER}):
        return text
    quoted = io.StringIO()
    csv.writer(quoted, delimiter=DELIMITER, lineterminator="\r\n").writerow(cells)
    return quoted.getvalue().removesuffix("\r\n")


def _chosen(path: Path, sheets: Sequence[Sheet], settings: Settings) -> Sheet:
    if settings.sheet:
        return _named(path, sheets, settings.sheet)
    visible = [sheet for sheet in sheets if not sheet.hidden]
    if len(visible) == 1:
        return visible[0]
    able = [sheet for sheet in visible if _holds_moves(sheet, settings)]
    if len(able) == 1:
        return able[0]
    if not able:
        filled = [sheet for sheet in visible if next(sheet.rows(), None) is not None]
        if len(filled) == 1:
            return filled[0]
    problem = "has moves in more than one sheet" if able else "has no sheet with the headings of moves"
    raise FileFormatError(f"{path} {problem}: say which with --sheet: {_names(able or sheets)}.")


def _named(path: Path, sheets: Sequence[Sheet], name: str) -> Sheet:
    for like in (str, lambda text: text.strip().casefold()):
        for sheet in sheets:
            if like(sheet.name) == like(name):
                return sheet
    near = get_close_matches(name, [sheet.name for sheet in sheets], n=1, cutoff=0.5)
    hint = f": did you mean '{near[0]}'?" if near else f"; its sheets are {_names(sheets)}."
    raise FileFormatError(f"{path} has no sheet '{name}'{hint}")


def _names(sheets: Sequence[Sheet]) -> str:
    return ", ".join(f"'{sheet.name}'" for sheet in sheets) or "none"


def _holds_moves(sheet: Sheet, settings: Settings) -> bool:
    return any(
        has_headings(row.cells, columns=COLUMNS, required=REQUIRED, renamed=settings.columns)
        for row in islice(sheet.rows(), LOOKED_AT)
    )
