"""Proposes a mapping for a file of moves, whatever its format."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path

from instep.adapters import sheets
from instep.adapters.csv_moves import REQUIRED
from instep.adapters.csv_text import LOOKED_AT
from instep.adapters.reading import format_of
from instep.adapters.settings import Settings
from instep.adapters.snapshot import shown
from instep.adapters.text import open_file, physical_lines
from instep.adapters.usual_headings import Proposal, mapping_text, propose
from instep.errors import FileFormatError


def suggested_mapping(path: Path, format: str | None, sheet: str) -> tuple[str, tuple[str, ...]]:  # noqa: A002
    """The text of a mapping file, and the columns on which somebody has to decide first.

    Raises FileFormatError where the file cannot be read, or holds no headings that mean anything.
    """
    proposal = _proposal(path, format or format_of(path) or "csv", sheet)
    missing = (column for column in proposal.missing if column in REQUIRED)
    doubtful = (column for column in proposal.doubtful if column in (*REQUIRED, "household_reference"))
    return mapping_text(proposal, shown(path).name), (*missing, *doubtful)


def _proposal(path: Path, kind: str, sheet: str) -> Proposal:
    if kind == "csv":
        with open_file(path, "CSV") as stream:
            return propose(partial(physical_lines, stream), shown(path))
    if kind not in sheets.FORMATS:
        raise FileFormatError(
            f"{shown(path)} has no headings to map: mappings are for CSV files and workbooks."
        )
    settings = Settings(today=date.min, sheet=sheet)
    table, _ = sheets.load_table(path, kind, settings, first_rows=LOOKED_AT)
    return propose(table.lines, f"{shown(path)} (sheet '{table.name}')", (sheets.DELIMITER,))
