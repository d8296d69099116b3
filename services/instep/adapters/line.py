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
        "household-protected": "protected, as a member of the household is or may be",
        "invisible-characters": "characters that nobody sees, taken out",
        "accents": "accents that were written apart, put together",
        "placeholder": "a word or sign that stands for nothing; read as empty",
        "spreadsheet-text": "a spreadsheet's own marks around the text, taken off",
        "reference-form": "a reference as a spreadsheet or keyboard rewrote it, put back into its one form",
        "digits-form": "spaces, commas or a decimal point taken out of the digits",
        "identifier-form": "the identifier put into its one spelling",
        "capitals": "put into capitals",
        "day-number": "a spreadsheet's day number, read as the day that it stands for",
        "on-behalf": "neither address is in your area; sent on behalf of another council, as you asked",
        "abolished-council": "registered with a council that has been replaced, by you among others",
    }
)
# For a file as a whole, said once.
ABOUT_FILES: Mapping[str, str] = MappingProxyType(
    {
        "unread-column": "a column that nobody reads; left out",
        "further-households": "a second column of household references; read for protection alone,"
        " so a household under either is protected",
        "not-carried": "no event has a place for it; left out",
        "other-sheet": "another sheet of the workbook; not read",
        "hidden-row": "a row that the sheet hides, by a filter or by hand; read like the others",
        "hidden-column": "a column that the sheet hides; read like the others",
        "above-headings": "stands above the headings; not read",
        "total": "a total, or a remark about the table, and no row; not read",
        "no-households": "no household references, so nobody's household is protected with them;"
        " people who leave the same address with a protected person, or go to the same, are protected too",
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
        "forces-address": "a forces address (BFPO), which is in no authority's area; this side is not routed",
        "abroad": "outside the United Kingdom, so in no authority's area; this side is not routed",
        "no-authority": "a postcode that is in no authority's area; this side is not routed",
        "birth-default": "a date of birth that systems write where none is known; left out",
        "same-person": "the same person moves on the same day under an earlier reference of this file",
        "stray-quote": "a quotation mark stands in the text, perhaps of a cell that was never closed",
        "household-of-strangers": "members of this household share neither a name nor an address",
        "household-spelling": "other rows write this household's reference otherwise; all are protected together",
        "household-empty": "empty, while others who move between the same addresses have a household",
        "household-cut": "others who move between the same addresses have this household with a character more",
        "household-exchanged": "the reference is the household of other rows; the two cells may be exchanged",
        "unknown-code": "not a code of the Food Standards Agency's list; published as it is",
        "no-primary-partner": "no partner is the primary contact",
        "two-primary-partners": "more than one partner is the primary contact",
        "operator-name-missing": "the operator has no name of the kind that this type of operator has",
        "council-and-postcode-disagree": "the postcode is in another council's area; recipients are found by the postcode",
    }
)
# Reasons not to publish a row.
REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "birth-century": "the year has two digits, and both centuries are possible; write all four",
        "born-after-move": "born after the move",
        "spreadsheet-error": "a spreadsheet's error, not a value; mend the sheet and export again",
        "formula-without-value": "a formula whose value the file does not hold; open it in a spreadsheet and save it again",
        "merged-cells": "merged with a cell above; undo the merging, fill in each cell and save the sheet again",
        "control-character": "holds control characters, which drive a terminal or reverse the reading order",
        "heading-again": "the headings again, in the middle of the file",
        "other-headings": "stands below headings of another order, in the middle of the file; publish that part by itself",
        "cells-exchanged": "says yes or no, and is no reference: the row's cells stand under each other's headings",
        "strange-name": "a name within is none that events have: small letters, digits and underscores",
        "repeated-name": "a name comes twice in an object, with two values perhaps",
        "household-in-doubt": "a row that cannot be read names this household and may protect it; mend that row first",
        "elsewhere": "neither address is in your area; with --on-behalf, you send it for the council whose record it is",
        "council-disagrees": "the council's name and its local_council_url name two councils",
        "unknown-council": "registered with a council that this network does not know",
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
        "row-in-quotes": "the row stands between quotation marks as a whole, so its cells run together; take them off",
        "extra-content": "the row has more cells than the heading, and they are not empty",
        "unclosed-quote": "a quotation mark is opened and never closed",
        "bad-quoting": "text stands outside the quotation marks of its cell",
        "bad-encoding": "neither UTF-8 nor Windows-1252",
        "line-too-long": "longer than 64 KiB",
        "whole-records": "a cell that spans lines holds whole rows: a quotation mark is not closed",
        "cut-off": "the file ends in the middle of this row",
        "broken-json": "its text breaks JSON's rules; export it again, or mend the text",
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
    tables = (CORRECTIONS, REVIEWS, REFUSALS, ABOUT_FILES)
    return next((table[reason] for table in tables if reason in table), reason)


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A remark on a cell: a repair, or (`review`) something for somebody to look at.

    `cause` is the line that made it so, 0 where it is the row's own or nobody can tell.
    """

    column: str
    reason: str
    cause: int = 0

    @property
    def review(self) -> bool:
        return self.reason in REVIEWS

    @property
    def meaning(self) -> str:
        """The reason in plain English, with the line that made it so."""
        return f"{explain(self.reason)} (line {self.cause})" if self.cause else explain(self.reason)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shield:
    """Protection that a row speaks of and that must outlive the row: the row itself is not sent.

    `marks` are those of households that are protected, or that the unreadable text of the row mentions (`marks`).
    `reference` is of the row itself, "" where nobody can tell. The protection ends when a row of that reference is
    published.
    """

    system: str
    reference: str = field(repr=False)
    marks: frozenset[str] = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A fault of a row: where, why, and what the cell may hold ("" where there is nothing to choose)."""

    column: str
    reason: str
    remedy: str = ""

    @property
    def meaning(self) -> str:
        """The reason and the remedy in plain English."""
        return f"{explain(self.reason)}; {self.remedy}" if self.remedy else explain(self.reason)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """A line that cannot be put right. `column` is "" where the whole line is at fault.

    `problem` says in English how an event breaks intake's rules; "" where `explain` has the words for `reason`. `entry` says
    which record of the file it is, where lines do not tell: "registration 3 (ABCDEF-123456-GHJKLM)". `system` and
    `reference` are those of a `Row`, "" where nobody can tell. `ahead`: as in `Row`.
    """

    line: int
    column: str
    reason: str
    problem: str = ""
    position: int = 0
    entry: str = ""
    shield: Shield | None = None
    system: str = ""
    reference: str = field(repr=False, default="")
    faults: tuple[Fault, ...] = ()
    ahead: frozenset[tuple[str, str]] = field(repr=False, default=frozenset())


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A line with an event, before triage decides whether the event is new or a correction.

    `line` is the physical line of its beginning, `position` the bytes of the file read so far (for a progress bar). `header`
    holds the header fields that the line itself decides; `body` the rest of the plain event. `system` names the numbering of
    `reference` and `household`. `person` tells people apart where references clash: given names, family name, date of birth
    (() = never compared). `protected` is this row's own flag; `shielded` says whether any row of the household in this file
    has the flag. `household_size` counts the household's members in this file, where a placement needs the number.
    `precision` is the milliseconds within which `recorded` may lie. `held` is the reason for not sending the row before
    somebody has looked, "" for none. `elsewhere`: neither address is in the publisher's area. `entry`: as in `Refused`.
    `others` are keys of further cells that may name the household. `cause` is the line that has to be mended before a held
    row can be sent, or that makes a row `shielded`; 0 where nobody can tell.
    `ahead` comes with a file's first line: systems and
    references of people whom a row of the file protects without naming their household.
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
    others: tuple[str, ...] = field(repr=False, default=())
    person: tuple[str, ...] = field(repr=False, default=())
    protected: bool = False
    shielded: bool = False
    household_size: int = 0
    precision: int = 1
    held: str = ""
    cause: int = 0
    elsewhere: bool = False
    entry: str = ""
    notes: tuple[Note, ...] = ()
    ahead: frozenset[tuple[str, str]] = field(repr=False, default=frozenset())


Line = Row | Refused
