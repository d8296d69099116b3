"""Surveys a whole file of moves before its first row is read: protected households, placed people, widths of references.

A protected member makes the whole household protected, in any row, even in a row that cannot be read; a placement's notice
counts the other members; and only many rows show the number of digits in references. So the file is read twice. The first
reading keeps little: households, placed people, hashes and counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from instep.adapters.doubt import Traces
from instep.adapters.line import Plain, Row
from instep.adapters.normalise import key_of
from instep.adapters.odd_households import OddHouseholds


@dataclass(kw_only=True, slots=True)
class Widths:
    """The number of digits in the file's references, taken from references that begin with a zero."""

    padded: Counter[int] = field(default_factory=Counter)

    def see(self, value: str) -> None:
        if value[:1] == "0" and value.isascii() and value.isdecimal():
            self.padded[len(value)] += 1

    @property
    def width(self) -> int:
        return self.padded.most_common(1)[0][0] if self.padded else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """Keys are `normalise.key_of` the household reference; people are by reference, in the file's order.

    `said` are the marks that protected rows say, `doubted` those of rows that cannot be read (`marks`), each
    with the line of such a row. `mentioned` are the
    households that the text of such a row mentions, by its line. `strangers` are households whose members share nothing.
    `lengths` are the lengths of household keys. `crowded` is the line from which on so many rows cannot be read that every
    other row of the file is in doubt, 0 for none. `ahead` are systems and references of people whom a row protects without
    naming their household. `protected_people` are as in `People`. `repeated` are people who move on a day under several
    references (`person_key`), with the first.
    """

    reference_width: int = 0
    household_width: int = 0
    twelve_digit_uprns: bool = False
    said: Mapping[str, int] = field(default_factory=dict, repr=False)
    doubted: Mapping[str, int] = field(default_factory=dict, repr=False)
    mentioned: Mapping[int, frozenset[str]] = field(default_factory=dict, repr=False)
    households: frozenset[str] = frozenset()
    lengths: frozenset[int] = frozenset()
    crowded: int = 0
    strangers: frozenset[str] = frozenset()
    traces: Traces = field(default_factory=Traces, repr=False)
    odd: OddHouseholds = field(default_factory=OddHouseholds, repr=False)
    ahead: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)
    protected_people: Mapping[int, int] = field(default_factory=dict)
    repeated: Mapping[int, int] = field(default_factory=dict)
    placed: dict[str, dict[str, Plain]] = field(default_factory=dict, repr=False)

    def knows(self, mark: str) -> bool:
        """Whether any row of the file says a mark."""
        return mark in self.said or mark in self.doubted

    def protector(self, heard: Iterable[str]) -> int:
        """The line of the row that protects whoever hears these marks; 0 for none."""
        return _first(self.said, heard)

    def cause(self, heard: Iterable[str]) -> int:
        """The line of the row that cannot be read and may protect whoever hears these marks; 0 for none."""
        return _first(self.doubted, heard)


def _first(lines: Mapping[str, int], heard: Iterable[str]) -> int:
    return min((lines[mark] for mark in heard if mark in lines), default=0) if lines else 0


@dataclass(kw_only=True, slots=True)
class Members:
    """What the members of each household share, in hashes: groups of rows without anything in common stay apart."""

    groups: dict[str, list[set[int]]] = field(default_factory=dict)

    def see(self, household: str, shared: set[int]) -> None:
        """Add a row with what it may share with others: its reference, names and addresses."""
        apart = []
        for group in self.groups.get(household, ()):
            if group & shared:
                shared |= group
            else:
                apart.append(group)
        self.groups[household] = [*apart, shared]

    def strangers(self) -> frozenset[str]:
        """The households with rows that nothing joins to the others."""
        return frozenset(household for household, groups in self.groups.items() if len(groups) > 1)


@dataclass(kw_only=True, slots=True)
class People:
    """Who moves under which reference, in hashes."""

    protected: dict[int, int] = field(default_factory=dict)
    """The lines of protected people, by `name_key`: with a household, and (negated) without one."""
    first: dict[int, int] = field(default_factory=dict)
    repeated: dict[int, int] = field(default_factory=dict)
    """People who come under several references: the first of them."""

    def see(self, row: Row) -> None:
        person, reference = person_key(row), reference_key(row)
        if row.protected and (name := name_key(row)) is not None:
            self.protected.setdefault(name if row.household else ~name, row.line)
        if person is not None and self.first.setdefault(person, reference) != reference:
            self.repeated[person] = self.first[person]


def name_key(row: Row) -> int | None:
    """A hash of a person; None where the date of birth is not known."""
    return hash(tuple(map(str.casefold, row.person))) if len(row.person) == 3 and all(row.person) else None


def protector_of_person(row: Row, protected: Mapping[int, int]) -> int:
    """The line on which the row's person is protected under another reference; 0 for none.

    Where both rows have households, the households tell; they may tell two people of one name apart.
    """
    name = name_key(row) if protected else None
    if name is None:
        return 0
    return protected.get(~name, 0) or (protected.get(name, 0) if not row.household else 0)


def person_key(row: Row) -> int | None:
    """A hash of a person and the day of the move; None where the date of birth is not known."""
    if len(row.person) != 3 or not all(row.person):
        return None
    return hash((*map(str.casefold, row.person), row.body["moved_on"]))


def reference_key(row: Row) -> int:
    """A hash of a row's reference."""
    return hash(("reference", key_of(row.reference)))


def shared_by(row: Row) -> set[int]:
    """Hashes of all that a row may share with other members of its household."""
    names = row.body["person"]["family_name"].casefold().replace("-", " ").split()
    return {
        reference_key(row),
        *(hash(("name", name)) for name in names),
        *addresses_of(row),
    }


def addresses_of(row: Row) -> set[int]:
    """Hashes of the addresses of a move, each by its UPRN, and by its postcode and first line."""
    hashes = set()
    for side in ("old_address", "new_address"):
        address = row.body.get(side, {})
        if "uprn" in address:
            hashes.add(hash((side, address["uprn"])))
        if "postcode" in address and "lines" in address:
            hashes.add(hash((side, address["postcode"], address["lines"][0].casefold())))
    return hashes


def placed_people(rows: Iterable[Row]) -> dict[str, dict[str, Plain]]:
    """The people of each placed household; a later row of a reference replaces the earlier row."""
    households: dict[str, dict[str, Plain]] = {}
    for row in rows:
        if row.household:
            households.setdefault(row.household, {})[key_of(row.reference)] = row.body["person"]
    return households


def applicant(people: Iterable[Plain], on: date) -> Plain | None:
    """The first of a household who is old enough to apply as homeless: 16 (Housing Act 1996 s.189, priority need)."""
    for person in people:
        age = age_on(person, on)
        if age is None or age >= 16:
            return person
    return None


def described(people: Iterable[Plain], on: date) -> str | None:
    """People without their names: "1 adult, 2 children"; None where there are none or an age is not known."""
    ages = [age_on(person, on) for person in people]
    if not ages or None in ages:
        return None
    children = sum(age is not None and age < 18 for age in ages)
    adults = len(ages) - children
    parts = [(adults, "adult", "adults"), (children, "child", "children")]
    return ", ".join(
        f"{number} {singular if number == 1 else plural}" for number, singular, plural in parts if number
    )


def age_on(person: Plain, on: date) -> int | None:
    """Whole years on a day."""
    if "born_on" not in person:
        return None
    born = date.fromisoformat(person["born_on"])
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
