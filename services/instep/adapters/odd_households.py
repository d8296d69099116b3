"""Finds households' references that are sound to every eye and fit the other rows of the file badly.

A spreadsheet or a hand may have rewritten, cut, emptied or exchanged such a reference. Protection travels by marks all the
same (`marks`); the note tells people which line to look at. Keeps hashes alone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from instep.adapters.line import Plain, Row
from instep.adapters.marks import loosely
from instep.adapters.normalise import key_of


@dataclass(kw_only=True, slots=True)
class OddHouseholds:
    """What the rows of a file say of each other's households, in hashes.

    `spelt` is the first spelling of each household, `varied` are the households with several. `movers` are pairs of
    addresses between which a household moves, `longer` such pairs with the household but for its last character.
    """

    spelt: dict[int, int] = field(default_factory=dict, repr=False)
    varied: set[int] = field(default_factory=set, repr=False)
    movers: set[int] = field(default_factory=set, repr=False)
    longer: set[int] = field(default_factory=set, repr=False)

    def see(self, row: Row, written: str) -> None:
        """Add a row, and its household as the file writes the reference."""
        if not row.household:
            return
        key, spelling = hash(loosely(row.household)), hash(written)
        if self.spelt.setdefault(key, spelling) != spelling:
            self.varied.add(key)
        if (pair := _pair(row.body)) is not None:
            self.movers.add(pair)
            self.longer.add(hash((pair, row.household[:-1])))

    def reason(self, row: Row, households: Collection[str]) -> str:
        """Why somebody has to look at a row's household; "" for nothing. `households` are the keys of the file."""
        pair = _pair(row.body)
        if not row.household:
            return "household-empty" if pair in self.movers else ""
        if (reference := key_of(row.reference)) != row.household and reference in households:
            return "household-exchanged"
        if pair is not None and hash((pair, row.household)) in self.longer:
            return "household-cut"
        return "household-spelling" if self.varied and hash(loosely(row.household)) in self.varied else ""


def _pair(body: Plain) -> int | None:
    """A hash of the addresses of a move; None where either is not known."""
    old, new = body.get("old_address", {}), body.get("new_address", {})
    if not (old.get("postcode") and old.get("lines") and new.get("postcode") and new.get("lines")):
        return None
    return hash((old["postcode"], old["lines"][0].casefold(), new["postcode"], new["lines"][0].casefold()))
