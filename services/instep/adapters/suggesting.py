"""Proposes a mapping for a file of moves, whatever its format."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from instep.adapters.csv_headings import LOOKED_AT
from instep.adapters.csv_moves import REQUIRED
from instep.adapters.opened_table import open_table
from instep.adapters.reading import format_of
from instep.adapters.settings import Settings
from instep.adapters.snapshot import shown
from instep.adapters.usual_headings import mapping_text, propose


def suggested_mapping(path: Path, format: str | None, sheet: str) -> tuple[str, tuple[str, ...]]:  # noqa: A002
    """The text of a mapping file, and the columns on which somebody has to decide first.

    Raises FileFormatError where the file cannot be read, or holds no headings that mean anything.
    """
    settings = Settings(today=date.min, sheet=sheet)
    table = open_table(path, format or format_of(path) or "csv", settings, first_rows=LOOKED_AT)
    proposal = propose(table.lines, table.name, table.delimiters)
    missing = (column for column in proposal.missing if column in REQUIRED)
    doubtful = (column for column in proposal.doubtful if column in (*REQUIRED, "household_reference"))
    return mapping_text(proposal, shown(path).name), (*missing, *doubtful)
