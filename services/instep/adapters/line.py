"""Defines the result of a file's line: a `Row` with an event, or a `Refused` with place and reason. Explains every reason.

Both name places and reasons, never values, for they are printed and logged. The `repr` of a `Row` leaves out personal data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

Plain = dict[str, Any]
"""A plain JSON event, as `instep.events.plain.from_plain` takes it."""

# Repairs. The row is as good as if it had been written so.
CORRECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "spaces": "spaces, tabs or no-break spaces taken off",
        "line-break": "a line break inside the cell made a comma",
        "postcode-form": "postcode spacing and capitals put right",
        "date-form": "read as day, month, year",
        "no-zone": "a time without a zone, read as UK time",
        "leading-zeros": "leading zeros, lost in a spreadsheet, allowed for",
        "windows-1252": "the row is in Windows-1252, not UTF-8",
        "extra-cells": "empty cells after the last column left out",
        "household-protected": "protected, as a member of the household is",
    }
)
# For somebody to look at. The row is published all the same, without the unusable values.
REVIEWS: Mapping[str, str] = MappingProxyType(
    {
        "malformed-postcode": "not a postcode; left out, so this side is not routed",
        "pseudo-postcode": "a placeholder that stands for no place; this side is not routed",
        "unknown-postcode": "not in the list of postcodes; this side is not routed",
        "uprn-damaged": "the UPRN's digits are gone; left out, and the postcode decides",
        "company-number-damaged": "not a company number; left out",
        "protected-unclear": "neither yes nor no; treated as protected",
    }
)
# Reasons not to publish a row.
REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "impossible-date": "not a day of the calendar",
        "date-out-of-range": "too far in the past or the future to be true",
        "date-in-future": "in the future",
        "excel-serial-date": "a spreadsheet's day number; format the column as a date and export again",
        "unknown-value": "not one of the values that this column may have",
        "reference-damaged": "the reference's digits are gone, lost in a spreadsheet",
        "reference-conflict": "the same reference as another person in another household; not a correction",
        "temporary-reference": "the register has not given its final reference yet; publish it when it has",
        "other-council": "registered with another council",
        "wrong-source": "the event says that it comes from another authority",
        "wrong-type": "of another kind than this field holds",
        "missing-cells": "the row has fewer cells than the heading",
        "extra-content": "the row has more cells than the heading, and they are not empty",
        "unclosed-quote": "a quotation mark is opened and never closed",
        "bad-quoting": "text stands outside the quotation marks of its cell",
        "bad-encoding": "neither UTF-8 nor Windows-1252",
        "line-too-long": "longer than 64 KiB",
        "cut-off": "the file ends in the middle of this row",
        "not-json": "not a JSON object",
        "too-deep": "nested deeper than any event is",
        "not-a-registration": "not a registration of the FSA's register",
        "not-an-event": "not clearly an event of one type; give `event_type`",
        "bad-identifier": "does not have the shape of such an identifier",
    }
)


def explain(reason: str) -> str:
    """A reason in plain English, `missing-<column>` included; the reason itself where no table has it."""
    if reason.startswith("missing-") and reason not in REFUSALS:
        return "empty, and nothing can be published without it"
    return CORRECTIONS.get(reason) or REVIEWS.get(reason) or REFUSALS.get(reason) or reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A remark on a cell: a repair, or (`review`) something for somebody to look at."""

    column: str
    reason: str

    @property
    def review(self) -> bool:
        return self.reason in REVIEWS


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """A line that cannot be put right. `column` is "" where the whole line is at fault.

    `problem` says in English how an event breaks intake's rules; "" where `explain` has the words for `reason`.
    """

    line: int
    column: str
    reason: str
    problem: str = ""
    position: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A line with an event, before triage decides whether the event is new or a correction.

    `line` is the physical line of its beginning, `position` the bytes of the file read so far (for a progress bar). `header`
    holds the header fields that the line itself decides; `body` the rest of the plain event. `system` names the numbering of
    `reference` and `household`. `person` tells people apart where references clash ("" = never compared). `protected` is
    this row's own flag; `shielded` says whether any row of the household in this file has the flag. `household_size` counts
    the household's members in this file, where a placement needs the number.
    """

    line: int
    position: int = 0
    event_type: str
    recorded: int
    header: Plain = field(repr=False)
    body: Plain = field(repr=False)
    system: str = ""
    reference: str = field(repr=False, default="")
    household: str = field(repr=False, default="")
    person: str = field(repr=False, default="")
    protected: bool = False
    shielded: bool = False
    household_size: int = 0
    notes: tuple[Note, ...] = ()


Line = Row | Refused
