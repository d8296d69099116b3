"""What `read` is told besides the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How a file is to be read.

    `today`: what "in the future" is measured by. `columns`: our column to their heading (`load_mapping`).
    `source_system`: the system the file comes from; it goes into the header and into every derived reference,
    so it must stay the same from one day to the next ("" = council-tax for CSV, register-a-food-business for
    the FSA's JSON). `known_postcode`: whether a well-formed postcode exists; without it nobody is told of one
    that does not. `council_of`: the authority id of an FSA registration, where it can be told.
    """

    today: date
    columns: Mapping[str, str] = field(default_factory=dict)
    source_system: str = ""
    known_postcode: Callable[[str], bool] | None = None
    council_of: Callable[[Mapping[str, Any]], str | None] | None = None
