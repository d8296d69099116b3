"""Writes the refused rows of a file to a new file of the same format, to be corrected and published.

A CSV file gets the same headings after the column REASON, which reading passes over. The column stands first, so a damaged
row keeps the number of its missing or additional cells: uncorrected, the row is refused again. Rows that might be read
otherwise in another file (`BY_HAND`) are not carried over.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TextIO

from instep.adapters.csv_headings import headings
from instep.adapters.csv_moves import COLUMNS, REASON, REQUIRED
from instep.adapters.csv_text import CsvRecord, records
from instep.adapters.text import open_file, physical_lines

BY_HAND = frozenset({"bad-encoding", "line-too-long", "cut-off", "heading-again", "other-headings"})
"""Reasons of rows that are not carried over.

The bytes mean no text, the row's end is missing, or the row's headings are not the file's.
"""


class RefusalCause(NamedTuple):
    """Why a row is refused: the reason's code, and a sentence without values."""

    reason: str
    sentence: str


def write_moves(
    source: Path, target: Path, causes: Mapping[int, RefusalCause], renamed: Mapping[str, str]
) -> None:
    """Write the rows of a CSV file that begin on these lines; `renamed` gives the council's headings by our columns.

    The target is UTF-8 with a byte order mark, for Excel. Raises FileFormatError where the source is no such file.
    """
    stream = open_file(source, "CSV")
    with stream, target.open("x", encoding="utf-8-sig", newline="") as out:
        lines = partial(physical_lines, stream)
        columns = headings(lines, source, columns=COLUMNS, required=REQUIRED, renamed=renamed)
        old = next((place for place, cell in enumerate(columns.cells) if cell.casefold() == REASON), None)
        table = csv.writer(out, delimiter=columns.delimiter)
        table.writerow([REASON, *_without(columns.cells, old)])
        for record in records(lines, columns):
            cause = causes.get(record.line)
            if cause is not None and cause.reason not in BY_HAND:
                _write_record(out, record, cause, columns.delimiter, old)


def _write_record(
    out: TextIO, record: CsvRecord, cause: RefusalCause, delimiter: str, old: int | None
) -> None:
    if record.unreadable:
        text = record.text.rstrip("\r\n")
        # A row without sound cells has its earlier reason at its beginning still.
        line = text if old == 0 else _row([cause.sentence], delimiter) + delimiter + text
    else:
        line = _row([cause.sentence, *_without(record.cells, old)], delimiter)
    # Without a line break the last row of a file may be cut off, and reading has a rule for such a row.
    out.write(line + ("\r\n" if record.ended else ""))


def _without(cells: Sequence[str], place: int | None) -> list[str]:
    return [cell for number, cell in enumerate(cells) if number != place]


def _row(cells: list[str], delimiter: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="").writerow(cells)
    return out.getvalue()


def write_events(source: Path, target: Path, causes: Mapping[int, RefusalCause]) -> None:
    """Write the lines of a file of JSON lines, as they are."""
    stream = open_file(source, "JSON lines")
    with stream, target.open("x", encoding="utf-8", newline="") as out:
        for line in physical_lines(stream):
            cause = causes.get(line.number)
            if cause is not None and cause.reason not in BY_HAND:
                out.write(line.text.rstrip("\r\n") + "\n")
