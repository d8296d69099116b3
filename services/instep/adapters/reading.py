"""Reads a file of any of the formats, line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from instep.adapters import sheets
from instep.adapters.csv_moves import read_moves
from instep.adapters.fsa import read_registrations
from instep.adapters.jsonl import is_event, read_events
from instep.adapters.line import Line
from instep.adapters.settings import Settings
from instep.adapters.sheets import read_sheet
from instep.adapters.snapshot import STANDARD_INPUT, shown
from instep.errors import FileFormatError

_READERS: Mapping[str, Callable[[Path, str, Settings], Iterator[Line]]] = MappingProxyType(
    {
        "jsonl": lambda path, authority, settings: read_events(path, settings),
        "csv": lambda path, authority, settings: read_moves(path, settings),
        "fsa-json": read_registrations,
        "xlsx": lambda path, authority, settings: read_sheet(path, "xlsx", settings),
        "ods": lambda path, authority, settings: read_sheet(path, "ods", settings),
    }
)
FORMATS = tuple(_READERS)
_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".json": "fsa-json",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".ods": "ods",
}
_OLD = frozenset({".xls", ".xlsb", ".xlt", ".numbers"})


def read(path: Path, format: str | None = None, *, authority: str, settings: Settings) -> Iterator[Line]:  # noqa: A002
    """The lines of a file as reading goes on; `format` is among FORMATS, and follows from the file if left out.

    Raises FileFormatError at once where the file is plainly of another format, and later where the file proves to be cut
    off.
    """
    kind = format or format_of(path)
    if format is None and kind == "fsa-json" and is_event(path):
        kind = "jsonl"  # an event on its own, as the catalogue's examples are
    if kind is None or kind not in _READERS:
        if path == STANDARD_INPUT:
            raise FileFormatError(
                f"Standard input has no name that shows its format: say it with --format {' | '.join(FORMATS)}."
            )
        if path.suffix.lower() in _OLD:
            raise FileFormatError(f"{path} is no workbook that can be read: save it as .xlsx or .ods.")
        raise FileFormatError(
            f"The name of {path} does not show its format; the formats are {', '.join(FORMATS)}."
        )
    if settings.sheet and kind not in sheets.FORMATS:
        raise FileFormatError(f"{shown(path)} has no sheets, so leave out --sheet '{settings.sheet}'.")
    return _READERS[kind](path, authority, settings)


def format_of(path: Path) -> str | None:
    """The format that a file's name shows."""
    return _SUFFIXES.get(path.suffix.lower())
