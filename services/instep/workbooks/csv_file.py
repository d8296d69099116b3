"""Writes a table as CSV, and reads such a file again.

UTF-8 with a byte order mark, since Excel takes a file without the mark for an old code page. Lines end with CR LF
(RFC 4180).

A spreadsheet takes a cell that begins with `= + - @`, a tab or CR for a formula. Such a text gets an apostrophe in front
(OWASP, "CSV injection"). Reading takes the apostrophe away. A text that has apostrophes in front of such a character gets
another, so that each text comes back as it was.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from instep.workbooks.tables import Column, Value

# Invisible characters in front do not count: a spreadsheet may strip them. Full-width signs are operators in some editions.
_FORMULA = re.compile(r"'*(?:[\t\r\n]|[\s\x00-\x1f\x7f-\xa0\u200b-\u200f\u2060\ufeff]*[=+\-@|%＝＋－＠])")
MARK = "\ufeff"


def protected(text: str) -> str:
    """The text as a cell of CSV that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def original(cell: str) -> str:
    """The text of a cell that `protected` made."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


class SupportsWrite(Protocol):
    """Takes text: a file that was opened with `newline=""` and encoding UTF-8, or the like."""

    def write(self, text: str, /) -> object:
        """Take some text."""


class CsvTable:
    """Writes rows to a stream."""

    def __init__(self, stream: SupportsWrite, columns: Sequence[Column]) -> None:
        self._writer = csv.writer(stream, lineterminator="\r\n")
        self._headings = [column.heading for column in columns]
        stream.write(MARK)
        self._writer.writerow(map(protected, self._headings))

    def write(self, row: Mapping[str, Value]) -> None:
        """Write a row, by heading; an absent value is an empty cell. Dates are ISO 8601 (`2026-04-01`)."""
        self._writer.writerow([_cell(row.get(heading)) for heading in self._headings])


def read_csv(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a file that `CsvTable` wrote, by heading."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        yield from read_lines(stream)


def read_lines(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """The rows of such lines, read without the byte order mark."""
    rows = csv.reader(lines)
    headings = [original(cell) for cell in next(rows, [])]
    for row in rows:
        yield dict(zip(headings, map(original, row), strict=True))


def _cell(value: Value) -> str:
    match value:
        case None:
            return ""
        case str():
            return protected(value)
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case date():
            return value.isoformat()
        case int():
            return str(value)
