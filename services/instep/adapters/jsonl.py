"""Reads plain events from JSON lines: a JSON object on each line.

The object is a plain event (`events.plain`): a `header` and the fields of its schema. Besides:

- `event_type` ("resident-moved", "business-registered") may name the type; otherwise the fields decide.
- `reference` stands in for `header.subject_ref`, and `household_reference` for `group_ref`. Both are local references: the
  pseudonyms are derived from them, and they go no further.
- The header needs `occurred_on` and `recorded_at`. `event_id`, `source`, `published_at` and `sequence` are filled where
  absent. Where `change_kind` is absent, `triage` decides `change_kind` and `replaces` from the subject's published events,
  as for a row of a CSV file. An absent `handling` is PROTECTED.
- A PROTECTED event makes every event of the file with its `group_ref` or `household_reference` PROTECTED.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from instep.adapters import normalise
from instep.adapters.line import Line, Plain, Refused, Row
from instep.adapters.settings import Settings
from instep.adapters.text import PhysicalLine, open_file, physical_lines
from instep.errors import FileFormatError, RowError

_OWN_FIELDS = {
    "resident-moved": frozenset({"person", "old_address", "new_address", "moved_on", "placement"}),
    "business-registered": frozenset({"registration_ref", "operator", "establishment", "activities"}),
}


def read_events(path: Path, settings: Settings) -> Iterator[Line]:
    """Every event of the file; raises FileFormatError at once where the file is not JSON lines."""
    stream = open_file(path, "JSON lines")
    first = next((line for line in physical_lines(stream) if line.text.strip()), None)
    if first is None or not first.text.lstrip().startswith("{"):
        stream.close()
        raise FileFormatError(f"{path} is not JSON lines: its first line is not a JSON object.")
    return _read(stream, settings)


def _read(stream: BinaryIO, settings: Settings) -> Iterator[Line]:
    with stream:
        protected = frozenset(
            row.household
            for row in _rows(stream, settings, frozenset())
            if isinstance(row, Row) and row.protected
        )
        yield from _rows(stream, settings, protected - {""})


def _rows(stream: BinaryIO, settings: Settings, protected: frozenset[str]) -> Iterator[Line]:
    for line in physical_lines(stream):
        if line.unreadable or line.text.strip():
            try:
                yield _row(line, _object(line), settings, protected)
            except RowError as error:
                yield Refused(
                    line=line.number, column=error.column, reason=error.reason, position=line.position
                )


def _object(line: PhysicalLine) -> Plain:
    if line.unreadable or line.windows:
        raise RowError("", line.unreadable or "bad-encoding")
    try:
        event = json.loads(line.text)
    except (ValueError, RecursionError):
        raise RowError("", "not-json" if line.ended else "cut-off") from None
    if not isinstance(event, dict):
        raise RowError("", "not-json")
    return event


def _row(line: PhysicalLine, event: Plain, settings: Settings, protected: frozenset[str]) -> Row:
    event_type = _text(event, "event_type") or _guessed_type(event)
    reference, household = _text(event, "reference"), _text(event, "household_reference")
    header = event.pop("header", None)
    if not isinstance(header, dict):
        raise RowError("header", "missing-header")
    header = {name: value for name, value in header.items() if value is not None}
    for name in ("occurred_on", "recorded_at"):
        if not isinstance(header.get(name), str):
            raise RowError(f"header.{name}", f"missing-{name.replace('_', '-')}")
    if not isinstance(header.get("subject_ref", reference or None), str):
        raise RowError("header.subject_ref", "missing-subject-ref")
    recorded, _ = normalise.moment("header.recorded_at", header["recorded_at"], settings.today)
    group = event.get("group_ref")
    system = header.get("source_system", settings.source_system)
    household = normalise.key_of(household) if household else group if isinstance(group, str) else ""
    return Row(
        line=line.number,
        position=line.position,
        event_type=event_type,
        recorded=normalise.milliseconds(recorded),
        header=header,
        body=event,
        system=system if isinstance(system, str) else "",
        reference=reference,
        household=household,
        protected=header.get("handling", "PROTECTED") != "ORDINARY",
        shielded=household in protected,
    )


def _guessed_type(event: Plain) -> str:
    fitting = [name for name, fields in _OWN_FIELDS.items() if fields & event.keys()]
    if len(fitting) != 1:
        raise RowError("event_type", "not-an-event")
    return fitting[0]


def _text(event: Plain, name: str) -> str:
    value: Any = event.pop(name, None)
    if value is not None and not isinstance(value, str):
        raise RowError(name, "wrong-type")
    return normalise.clean(value or "")
