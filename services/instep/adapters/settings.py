"""Defines how `read` reads a file: the date of today, columns, source system, lookups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The way to read a file.

    `today`: dates after today lie in the future. `columns`: the council's headings by our columns (`load_mapping`).
    `source_system`: the system of the file's origin. The name goes into the header and into every derived reference, so the
    name must stay the same from day to day ("" = council-tax for CSV, register-a-food-business for the FSA's JSON).
    `known_postcode`: whether a well-formed postcode exists; without the function, postcodes that do not exist pass without a
    note. `council_of`: the authority id of an FSA registration, or None where unknown.
    """

    today: date
    columns: Mapping[str, str] = field(default_factory=dict)
    source_system: str = ""
    known_postcode: Callable[[str], bool] | None = None
    council_of: Callable[[Mapping[str, Any]], str | None] | None = None
