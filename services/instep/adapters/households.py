"""Surveys a whole file of moves before its first row is read: protected households, placed people, widths of references.

A protected member makes the whole household protected, in any row; a placement's notice counts the other members; and only
many rows show the number of digits in references. So the file is read twice. The first reading keeps little: protected
households, placed people, and counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from instep.adapters.line import Plain, Row
from instep.adapters.normalise import key_of


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
    """Keys are `normalise.key_of` the household reference; people are by reference, in the file's order."""

    reference_width: int = 0
    household_width: int = 0
    twelve_digit_uprns: bool = False
    protected: frozenset[str] = frozenset()
    placed: dict[str, dict[str, Plain]] = field(default_factory=dict, repr=False)


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
