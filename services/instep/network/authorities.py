"""Authorities: the councils of a network, those in force and those that are gone, with their areas' codes.

`authorities.csv` has one row an authority. `valid_to` is the last day in force; `replaced_by` names the successors,
joined with `|`. `gss_aliases.csv` (optional) maps the former codes of councils that still exist.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from instep.errors import NetworkError

COLUMNS = ("authority", "name", "gss", "tier", "parent", "valid_from", "valid_to", "replaced_by")
ALIAS_COLUMNS = ("former_gss", "authority", "current_gss")
IDENTIFIER = re.compile(r"[a-z][a-z0-9-]{1,40}")
"""The form of an authority's, a purpose's and an agreement's id; `instep` is reserved."""

_NATIONS = {"E": "england", "N": "northern-ireland", "S": "scotland", "W": "wales"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Authority:
    """A council. `gss` is "" for the few that never had a code; `valid_to` is the last day in force, None while open."""

    id: str
    name: str
    gss: str
    tier: str
    parent: str | None
    valid_from: date
    valid_to: date | None = None
    replaced_by: tuple[str, ...] = ()

    def in_force(self, day: date) -> bool:
        """Whether the authority exists on that day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    @property
    def nation(self) -> str:
        """england, northern-ireland, scotland or wales, by the first letter of the code."""
        # The councils of Northern Ireland before 2015 are the only ones that never had a code.
        return _NATIONS.get(self.gss[:1], "northern-ireland")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A row of a CSV file and the line on which it ends (1 is the heading)."""

    line: int
    values: Mapping[str, str]


def rows(text: str, columns: tuple[str, ...]) -> Iterator[Row]:
    """The rows of a CSV text with exactly these columns; raises NetworkError, naming the line."""
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        heading = next(reader, [])
        if tuple(heading) != columns:
            raise NetworkError(f"line 1: the columns must be {', '.join(columns)}")
        for values in reader:
            if len(values) != len(columns):
                raise NetworkError(
                    f"line {reader.line_num}: {len(values)} columns where there should be {len(columns)}"
                )
            yield Row(line=reader.line_num, values=dict(zip(columns, values, strict=True)))
    except csv.Error as error:
        raise NetworkError(f"line {reader.line_num}: {error}") from error


def authority(values: Mapping[str, str]) -> Authority:
    """An authority from its row, all text; raises NetworkError when a date is not a date."""
    return Authority(
        id=values["authority"],
        name=values["name"],
        gss=values["gss"],
        tier=values["tier"],
        parent=values["parent"] or None,
        valid_from=_day(values, "valid_from"),
        valid_to=_day(values, "valid_to") if values["valid_to"] else None,
        replaced_by=tuple(values["replaced_by"].split("|")) if values["replaced_by"] else (),
    )


def row(authority: Authority) -> dict[str, str]:
    """The row of an authority, all text: the inverse of `authority`."""
    return {
        "authority": authority.id,
        "name": authority.name,
        "gss": authority.gss,
        "tier": authority.tier,
        "parent": authority.parent or "",
        "valid_from": authority.valid_from.isoformat(),
        "valid_to": authority.valid_to.isoformat() if authority.valid_to else "",
        "replaced_by": "|".join(authority.replaced_by),
    }


def _day(values: Mapping[str, str], column: str) -> date:
    try:
        return date.fromisoformat(values[column])
    except ValueError:
        raise NetworkError(
            f"{column} is {values[column]!r}, which is not a date such as 2026-04-01"
        ) from None
