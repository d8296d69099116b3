"""Authorities: the councils of a network, past and present, with the GSS codes of their areas.

`authorities.csv` has a row for each authority. `valid_to` is the last day in force; `replaced_by` names the successors,
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

TIERS = (
    "county",
    "district",
    "unitary",
    "metropolitan",
    "london-borough",
    "city-corporation",
    "ni-district",
)
RESERVED = "instep"
GSS = re.compile(r"[ENSW][0-9]{8}")

_NATIONS = {"E": "england", "N": "northern-ireland", "S": "scotland", "W": "wales"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Authority:
    """A council, past or present.

    `gss` is "" for the few councils that never had a code. `valid_to` is the last day in force, None for no known end.
    """

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
class RowFinding:
    """A finding in a line of a CSV file. `about` is the id of the authority concerned, "" for a finding about none."""

    line: int
    message: str
    about: str = ""


def read_rows(
    text: str, columns: tuple[str, ...]
) -> tuple[list[tuple[int, dict[str, str]]], list[RowFinding]]:
    """The rows of a CSV text with exactly these columns, each with the number of its last line; and every error."""
    rows: list[tuple[int, dict[str, str]]] = []
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        if tuple(next(reader, [])) != columns:
            return [], [RowFinding(line=1, message=f"the columns must be {', '.join(columns)}")]
        errors = []
        for values in reader:
            if len(values) == len(columns):
                rows.append((reader.line_num, dict(zip(columns, values, strict=True))))
            else:
                words = f"{len(values)} columns where there should be {len(columns)}"
                errors.append(RowFinding(line=reader.line_num, message=words))
    except csv.Error as error:
        return rows, [RowFinding(line=reader.line_num, message=f"this is not CSV: {error}")]
    return rows, errors


def read_authorities(text: str) -> tuple[dict[str, tuple[int, Authority]], list[RowFinding]]:
    """The authorities of `authorities.csv` by id, each with its line; and an error for each unreadable row."""
    rows, errors = read_rows(text, COLUMNS)
    authorities: dict[str, tuple[int, Authority]] = {}
    for line, values in rows:
        try:
            council = authority(values)
        except NetworkError as error:
            errors.append(RowFinding(line=line, message=str(error)))
            continue
        if council.id in authorities:
            words = f"{council.id} is on line {authorities[council.id][0]} already"
            errors.append(RowFinding(line=line, message=words))
        else:
            authorities[council.id] = (line, council)
    return authorities, errors


def read_aliases(text: str) -> tuple[dict[str, tuple[int, str, str]], list[RowFinding]]:
    """From `gss_aliases.csv`, by former code: line, authority and current code; and an error for each unreadable row."""
    rows, errors = read_rows(text, ALIAS_COLUMNS)
    aliases: dict[str, tuple[int, str, str]] = {}
    for line, values in rows:
        former = values["former_gss"]
        if former in aliases:
            errors.append(RowFinding(line=line, message=f"{former} is on line {aliases[former][0]} already"))
        else:
            aliases[former] = (line, values["authority"], values["current_gss"])
    return aliases, errors


def mentioned(text: str) -> frozenset[str]:
    """The first cell of every line of a CSV text, in lower case: the ids of the rows, unreadable rows included."""
    return frozenset(line.partition(",")[0].strip(' "').lower() for line in text.splitlines())


def identifier_errors(role: str, id: str) -> Iterator[str]:
    """Why a text can be no id; `role` says whose id the text would be."""
    if not IDENTIFIER.fullmatch(id):
        yield f"{role} {id!r} must be 2 to 41 lower-case letters, digits and hyphens, the first a letter"
    elif id == RESERVED:
        yield f"{role} {id!r} is reserved"


def authority(values: Mapping[str, str]) -> Authority:
    """The authority of a row of text. Raises NetworkError for a value that should be a date and is none."""
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
    """The row of an authority, as text: the inverse of `authority`."""
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
    if re.fullmatch(r"\d{4}-\d\d-\d\d", values[column]):
        try:
            return date.fromisoformat(values[column])
        except ValueError:
            pass
    raise NetworkError(f"{column} is {values[column]!r}, which is not a date such as 2026-04-01")
