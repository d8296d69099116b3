"""Reads a file of any of the formats, line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from instep.adapters.csv_moves import read_moves
from instep.adapters.fsa import read_registrations
from instep.adapters.jsonl import is_event, read_events
from instep.adapters.line import Line
from instep.adapters.settings import Settings
from instep.errors import FileFormatError

_READERS: Mapping[str, Callable[[Path, str, Settings], Iterator[Line]]] = MappingProxyType(
    {
        "jsonl": lambda path, authority, settings: read_events(path, settings),
        "csv": lambda path, authority, settings: read_moves(path, settings),
        "fsa-json": read_registrations,
    }
)
FORMATS = tuple(_READERS)
_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".json": "fsa-json"}


def read(path: Path, format: str | None = None, *, authority: str, settings: Settings) -> Iterator[Line]:  # noqa: A002
    """The lines of a file as reading goes on; `format` is among FORMATS, and follows from the file if left out.

    Raises FileFormatError at once where the file is plainly of another format, and later where the file proves to be cut
    off.
    """
    kind = format or _SUFFIXES.get(path.suffix.lower())
    if format is None and kind == "fsa-json" and is_event(path):
        kind = "jsonl"  # an event on its own, as the catalogue's examples are
    if kind is None or kind not in _READERS:
        raise FileFormatError(
            f"The name of {path} does not show its format; the formats are {', '.join(FORMATS)}."
        )
    return _READERS[kind](path, authority, settings)
