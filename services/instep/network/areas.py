"""Which authorities an event concerns: those whose area, on the day it occurred, held one of its addresses.

An address is placed by its `authority_gss` where given, else by its postcode. Two days count, and both are the caller's:

- *the day the event occurred* says whose area it was, and under which county: the councils of that day;
- *today* says who acts for them. A council that has ended by then has no inbox and nobody to read it, so its successors
  are told in its place. (A council whose time had not come on the day stands for itself: postcode files know only the
  codes of now, and its predecessors lead to it anyway.)

A county that is gone was often split: of its successors only those count which also are, or succeed, the district
concerned, where there are any. So a move within Eden in 2022 concerns Westmorland and Furness, and not Cumberland.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Protocol

from instep.network.authorities import Authority
from instep.network.network import Network

REMEMBERED = 65_536
"""Places and days kept; with a set shared by all places of one authority, about 15 MB."""


class PostcodeSource(Protocol):
    """What `postcodes.Postcodes` offers; tests bring their own."""

    codes: frozenset[str]

    def gss(self, postcode: str) -> str | None:
        """The code of the postcode's authority, "" or None where there is none to be had."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Concerned:
    """The authorities concerned. `unknown`: not one of the addresses could be placed, so that nobody can say."""

    authorities: frozenset[str]
    unknown: bool


class Areas:
    """The areas of one network on one `today`: make another for a new generation or a new day, it costs nothing."""

    def __init__(self, network: Network, postcodes: PostcodeSource, today: date) -> None:
        self._network = network
        self._postcodes = postcodes
        self._today = today
        # Asked for every address of every event: C's own least-recently-used cache answers in 0.1 µs.
        self._placed = lru_cache(maxsize=REMEMBERED)(self._place)
        self._of_code = lru_cache(maxsize=REMEMBERED)(self._of_authority)

    def concerned(self, addresses: Iterable[Mapping[str, Any] | None], on: date) -> Concerned:
        """Whom an event with these Address records concerns, having occurred `on` that day.

        An address abroad, one without code and postcode, and one whose code or postcode nobody knows is not placed. A
        code or postcode of a council outside the network is placed, and concerns nobody here.
        """
        concerned: frozenset[str] | None = None
        for address in addresses:
            if address is None:
                continue
            placed = self._placed(
                address.get("authority_gss"), address.get("postcode"), address.get("country"), on
            )
            if placed is not None:
                concerned = placed if concerned is None else concerned | placed
        return _concerned(concerned)

    def _place(
        self, gss: str | None, postcode: str | None, country: str | None, on: date
    ) -> frozenset[str] | None:
        if gss:
            return self._of_code(gss, on)
        if not postcode or (country and country != "GB"):
            return None
        code = self._postcodes.gss(postcode)
        return self._of_code(code, on) if code else None

    def _of_authority(self, gss: str, on: date) -> frozenset[str] | None:
        authority = self._network.by_gss.get(gss)
        if authority is not None:
            return self._bodies(authority, on)
        return frozenset() if gss in self._postcodes.codes else None

    def _bodies(self, authority: Authority, on: date) -> frozenset[str]:
        """Those who act today for the councils, and their counties, that held the area on the day."""
        bodies: set[str] = set()
        for id in self._network.successors_in_force(authority.id, on):
            district = self._network.authorities[id]
            successors = self._network.successors_in_force(id, self._later(on))
            bodies |= successors
            if district.parent:
                bodies |= self._county(district.parent, successors, on)
        return frozenset(bodies)

    def _county(self, county: str, districts: frozenset[str], on: date) -> frozenset[str]:
        acting = self._network.successors_in_force(county, self._later(on))
        return acting if county in acting else (acting & districts or acting)

    def _later(self, on: date) -> date:
        return max(on, self._today)


@lru_cache(maxsize=REMEMBERED)
def _concerned(authorities: frozenset[str] | None) -> Concerned:
    return Concerned(authorities=authorities or frozenset(), unknown=authorities is None)
