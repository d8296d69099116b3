"""Defines how `read` reads a file: the date of today, columns, source system, lookups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from instep.adapters.line import Note, Plain


def _alone(council: str) -> frozenset[str]:
    return frozenset({council})


def _as_written(line: int, raw: dict[str, str]) -> dict[str, str]:
    return raw


def _unsaid(line: int, note: Note) -> None:
    """For callers that say nothing about a file as a whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The way to read a file.

    `today`: dates after today lie in the future. `columns`: the council's headings by our columns (`load_mapping`).
    `source_system`: the system of the file's origin. The name goes into the header and into every derived reference, so
    the name must stay the same from day to day ("" = council-tax for CSV, register-a-food-business for the FSA's JSON).
    `known_postcode`: whether a well-formed postcode exists; without the function, postcodes that do not exist pass
    without a note. `has_authority`: whether an existing postcode is in any authority's area. `council_of`: the
    authority id of an FSA registration, or None where unknown; may raise RowError. `acting_for`: who acts today for a
    council: the council or its successors. `holds`: whether the publisher's area holds a postcode (None: nobody can
    tell). `is_elsewhere`: whether a move (its plain body) is surely at neither end in the publisher's area. `sheet` names
    the sheet of a workbook to be read ("" = the one sheet that holds moves). `day_zero`: where a file is a workbook, the
    day that its day numbers count from. `remark` gets each note about the file as a whole, with the line that shows it.
    `edit` gives the cells of a table's row, by our columns, as they are to be read: changed by hand (`edits`), or as they
    are written.
    """

    today: date
    columns: Mapping[str, str] = field(default_factory=dict)
    source_system: str = ""
    known_postcode: Callable[[str], bool] | None = None
    has_authority: Callable[[str], bool] | None = None
    council_of: Callable[[Mapping[str, Any]], str | None] | None = None
    acting_for: Callable[[str], frozenset[str]] = _alone
    holds: Callable[[str], bool | None] | None = None
    is_elsewhere: Callable[[Plain], bool] | None = None
    sheet: str = ""
    day_zero: date | None = None
    remark: Callable[[int, Note], None] = _unsaid
    edit: Callable[[int, dict[str, str]], dict[str, str]] = _as_written
