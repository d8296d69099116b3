"""Writes a move's event as the cells of a row, so that a change by hand goes by the rules for files without the file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from instep.adapters.csv_moves import COLUMNS
from instep.adapters.csv_text import Lines
from instep.adapters.faults import REASON, RESIDENCE
from instep.adapters.line import Plain
from instep.adapters.text import PhysicalLine


def cells_of(event: Plain) -> dict[str, str]:
    """The cells of a plain `resident-moved` event by our columns; "" where the event has no value.

    `reference`, `household_reference` and `protected` are "": no event has them.
    """
    header, person = event["header"], event.get("person") or {}
    cells = dict.fromkeys(COLUMNS, "") | {
        "title": person.get("title"),
        "given_names": person.get("given_names"),
        "family_name": person.get("family_name"),
        "date_of_birth": person.get("born_on"),
        "move_date": event.get("moved_on") or header["occurred_on"],
        "residence_kind": _word(RESIDENCE, event.get("residence")),
        "reason": _word(REASON, event.get("reason")),
        "recorded_at": header["recorded_at"],
        **_address("old", event.get("old_address") or {}),
        **_address("new", event.get("new_address") or {}),
    }
    return {column: value or "" for column, value in cells.items()}


def _address(side: str, address: Mapping[str, Any]) -> dict[str, Any]:
    lines: list[str] = address.get("lines") or []
    first, second, *_ = [*lines, "", ""]
    return {
        f"{side}_uprn": address.get("uprn"),
        f"{side}_address_line_1": first,
        f"{side}_address_line_2": second,
        f"{side}_town": address.get("town"),
        f"{side}_postcode": address.get("postcode"),
    }


def _word(symbols: Mapping[str, str], symbol: object) -> str:
    """The word of a file for a symbol of the schema; "" where there is none."""
    return next((word for word, each in symbols.items() if each == symbol), "")


def table_of(cells: Mapping[str, str]) -> Lines:
    """A table with our headings and a row, as the lines of a CSV file."""

    def lines() -> Iterator[PhysicalLine]:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        for number, values in enumerate((list(cells), list(cells.values())), start=1):
            text.seek(0)
            text.truncate()
            writer.writerow(values)
            yield PhysicalLine(number, text.getvalue(), 0, False, True, "")

    return lines


def holds(row: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether a row's body says everything that an event's body says: nothing of the event would be lost."""
    return all(_holds(row.get(name), value) for name, value in event.items())


def _holds(said: Any, value: Any) -> bool:
    if value is None or value == [] or value == {}:
        return True
    if isinstance(value, Mapping):
        return holds(said if isinstance(said, Mapping) else {}, value)
    return bool(said == value)
