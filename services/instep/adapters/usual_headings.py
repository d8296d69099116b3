"""Proposes a meaning for the headings of a council's own file, from the usual names of such headings.

A proposal is for a person to read: nothing is published under a heading without a person's consent. Where two headings may
mean the same column, or a heading is only alike, the proposal says so and decides nothing.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from instep.adapters.csv_headings import find_headings, heading_cells
from instep.adapters.csv_moves import COLUMNS, REQUIRED
from instep.adapters.csv_text import DELIMITERS, Lines, heading_name
from instep.adapters.normalise import has_control
from instep.errors import FileFormatError


def _listed(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


_SIDES = {
    "old": _listed("old, previous, prev, former, from, vacated, moved from, moving from, origin, outgoing"),
    "new": _listed("new, current, present, to, forwarding, moved to, moving to, destination, incoming"),
}
_PARTS = {
    "uprn": _listed("uprn, property uprn, address uprn, uprn number"),
    "address_line_1": _listed(
        "address line 1, address 1, address1, addr 1, add 1, addr1, address line1, address, line 1, street address"
    ),
    "address_line_2": _listed(
        "address line 2, address 2, address2, addr 2, add 2, addr2, address line2, line 2"
    ),
    "town": _listed("town, city, post town, town city, town or city, address town"),
    "postcode": _listed("postcode, post code, pcode, postal code, address postcode, zip"),
}
_USUAL = {
    "reference": _listed(
        "account number, account no, account ref, account reference, acc no, acc ref, account id, account, ct ref,"
        "ct reference, council tax reference, council tax account, council tax ref, council tax account number,"
        "case reference, case ref, ref, ref no, reference number, reference no, our reference, unique reference,"
        "person id, person ref, person reference, party ref, party id, customer ref, customer id, resident id"
    ),
    "title": _listed("salutation, prefix, honorific, person title, name title"),
    "given_names": _listed(
        "forename, forenames, first name, first names, firstname, given name, christian name, fore names, first forename,"
        "forename s, first name s, given name s"
    ),
    "family_name": _listed("surname, last name, lastname, family names, second name, sur name"),
    "date_of_birth": _listed("dob, d o b, birth date, birthdate, born, born on, date born"),
    "move_date": _listed(
        "date of move, moved on, date moved, moving date, move in date, moved in, date moved in, moved in date,"
        "occupation date, date of occupation, effective date, liability start date"
    ),
    "residence_kind": _listed("residence type, residence, type of residence, residency, residence status"),
    "reason": _listed(
        "reason for move, move reason, reason for moving, type of move, move type, reason code"
    ),
    "household_reference": _listed(
        "household, household ref, household id, household no, household number, hh ref, hh id, hhid, hh, hh reference,"
        "family ref, family id, family reference, house hold ref, group ref, group reference"
    ),
    "protected": _listed(
        "protected flag, protected person, is protected, protection, protection flag, sensitive, sensitive flag,"
        "confidential, confidential flag, safeguarding, safeguarding flag, restricted, protected y n, protected yes no,"
        "protected address, sensitive case"
    ),
    "recorded_at": _listed(
        "recorded, recorded on, date recorded, record date, date entered, entered on, entry date, input date, date input,"
        "last updated, last update, updated, updated at, updated on, date updated, last modified, modified, modified at,"
        "modified on, created, created at, created on, date created, timestamp, time stamp, last changed, changed on"
    ),
}


def _plain(heading: str) -> str:
    words = re.sub(r"[^0-9a-z]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading).casefold()).split()
    return " ".join(words)


def _names() -> Iterator[tuple[str, str]]:
    for column in COLUMNS:
        yield column, column
    for column, names in _USUAL.items():
        for name in names:
            yield column, name
    for side, words in _SIDES.items():
        for part, names in _PARTS.items():
            for word in words:
                for name in names:
                    yield f"{side}_{part}", f"{word} {name}"
                    yield f"{side}_{part}", f"{name} {word}"


_COLUMN_OF = {_plain(name): column for column, name in reversed(tuple(_names()))}
_PART_OF = {_plain(name): part for part, names in _PARTS.items() for name in names}
"""The part of an address by a heading that does not say which of the two addresses is meant."""


class _Known(Mapping[str, str]):
    """Our columns by any name that a heading usually has."""

    def __getitem__(self, heading: str) -> str:
        return _COLUMN_OF[_plain(heading)]

    def __iter__(self) -> Iterator[str]:
        return iter(_COLUMN_OF)

    def __len__(self) -> int:
        return len(_COLUMN_OF)


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """What headings may mean.

    `agreed` are columns whose heading is already our name; `proposed` gives a column its heading; `doubtful` gives a column
    several headings, or a heading that is only alike; `repeated` headings come more than once; `unread` are all the others.
    """

    agreed: tuple[str, ...]
    proposed: Mapping[str, str]
    doubtful: Mapping[str, tuple[str, ...]]
    repeated: tuple[str, ...]
    unread: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Columns for which no heading is proposed."""
        return tuple(
            column
            for column in COLUMNS
            if column not in self.agreed and column not in self.proposed and column not in self.doubtful
        )


def propose(source: Lines, name: object, delimiters: Sequence[str] = DELIMITERS) -> Proposal:
    """A proposal for a table; raises FileFormatError where none of its first lines looks like headings."""
    found = find_headings(source, name, _Known(), REQUIRED, delimiters)
    cells = [cell for cell in heading_cells(found.record) if cell and not has_control(cell)]
    if sum(_plain(cell) in _COLUMN_OF for cell in cells) < 2:
        raise FileFormatError(
            f"{name} has no line of headings that mean something to Instep: write the mapping file by hand, with"
            ' `reference = "…"` and so on under [columns].'
        )
    return proposal_for(cells)


def proposal_for(headings: Sequence[str]) -> Proposal:
    """A proposal for headings."""
    counts = Counter(map(_plain, headings))
    single = [heading for heading in headings if counts[_plain(heading)] == 1]
    agreed = tuple(column for column in COLUMNS if column in map(heading_name, single))
    meant: dict[str, list[str]] = {}
    for heading in single:
        column = _COLUMN_OF.get(_plain(heading))
        if column and heading_name(heading) not in COLUMNS and column not in agreed:
            meant.setdefault(column, []).append(heading)
    alike = _alike(single, {*agreed, *meant})
    known = {*agreed, *(heading for choice in (*meant.values(), *alike.values()) for heading in choice)}
    return Proposal(
        agreed=agreed,
        proposed={column: choice[0] for column, choice in meant.items() if len(choice) == 1},
        doubtful={column: tuple(choice) for column, choice in meant.items() if len(choice) > 1} | alike,
        repeated=tuple(dict.fromkeys(heading for heading in headings if counts[_plain(heading)] > 1)),
        unread=tuple(
            heading for heading in single if heading not in known and heading_name(heading) not in agreed
        ),
    )


def _alike(headings: Sequence[str], settled: set[str]) -> dict[str, tuple[str, ...]]:
    """Headings without a known meaning, by the column with the nearest name."""
    alike: dict[str, tuple[str, ...]] = {}
    for heading in headings:
        if _plain(heading) in _COLUMN_OF:
            continue
        if part := _PART_OF.get(_plain(heading)):
            # "Postcode" beside "Previous postcode": likely the other address, but nobody says so.
            for column in (f"{side}_{part}" for side in _SIDES):
                if column not in settled:
                    alike[column] = (*alike.get(column, ()), heading)
            continue
        for name in get_close_matches(_plain(heading), _COLUMN_OF, n=3, cutoff=0.75):
            column = _COLUMN_OF[name]
            if column not in settled:
                alike[column] = (*alike.get(column, ()), heading)
                break
    return alike


def mapping_text(proposal: Proposal, name: str) -> str:
    """The proposal as a mapping file, with a remark wherever somebody has to decide."""
    return "\n".join(_mapping_lines(proposal, name)) + "\n"


def _mapping_lines(proposal: Proposal, name: str) -> Iterator[str]:
    yield f"# Proposed by Instep for the headings of {_quoted(name)}. Nothing was sent. Check each line before you use it."
    yield "[columns]"
    for column in COLUMNS:
        if column in proposal.proposed:
            yield f"{column} = {_quoted(proposal.proposed[column])}"
        elif column in proposal.doubtful:
            yield ""
            yield f"# Instep cannot tell which heading is {column}. Take the # away where the heading is right:"
            for heading in proposal.doubtful[column]:
                yield f"# {column} = {_quoted(heading)}"
            yield ""
    if proposal.agreed:
        yield f"\n# Headings that need no mapping: {', '.join(proposal.agreed)}"
    if needed := [column for column in proposal.missing if column in REQUIRED]:
        yield f"\n# No heading was found for these, and nothing can be published without them: {', '.join(needed)}"
    if others := [column for column in proposal.missing if column not in REQUIRED]:
        yield f"\n# No heading was found for these either: {', '.join(others)}"
    if "household_reference" in others:
        yield "# Without household_reference, nobody is protected as a member of a protected person's household."
    if proposal.repeated:
        yield f"\n# These come more than once; give each a name of its own: {', '.join(map(_quoted, proposal.repeated))}"
    if proposal.unread:
        yield f"\n# Headings that nobody reads: {', '.join(map(_quoted, proposal.unread))}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
