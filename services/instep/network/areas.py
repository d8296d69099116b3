"""The authorities that an event concerns: those whose area held an address of the event on the day of the event.

The `authority_gss` of an address places the address; without a code, the postcode does. The caller passes two days:

- *the day of the event* decides in whose area an address lay, and under which county: the councils of that day;
- *today* decides who acts for those councils. A council that has ended by today has no inbox and no reader, so its
  successors are concerned in its place. (A council that began after the day of the event stands for itself: postcode files
  hold only present codes, and the predecessors of the council lead to the council anyway.)

Counties that ended were often split. Of the successors of a county, those count that are also the district concerned or
succeed the district; only where there are none do all successors count. So a move within Eden in 2022 concerns Westmorland
and Furness, and not Cumberland.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Protocol

from instep.network.authorities import Authority
from instep.network.network import Network

REMEMBERED = 65_536
"""Pairs of a place and a day that the cache holds: about 15 MB, as all places of an authority share one set."""


class PostcodeSource(Protocol):
    """GSS codes by postcode. `postcodes.Postcodes` is the real source; tests bring their own."""

    codes: frozenset[str]

    def gss(self, postcode: str) -> str | None:
        """The GSS code of the postcode's authority; "" for a postcode of no authority, None for an unknown postcode."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Concerned:
    """The authorities concerned. `unknown`: no address could be placed, so nobody can say whom the event concerns."""

    authorities: frozenset[str]
    unknown: bool


class Areas:
    """The areas of a network on a day, `today`. A new generation or a new day needs new `Areas`; creation costs nothing."""

    def __init__(self, network: Network, postcodes: PostcodeSource, today: date) -> None:
        self._network = network
        self._postcodes = postcodes
        self._today = today
        # Called for every address of every event: the least-recently-used cache, which is written in C, answers in 0.1 µs.
        self._placed = lru_cache(maxsize=REMEMBERED)(self._place)
        self._of_code = lru_cache(maxsize=REMEMBERED)(self._of_authority)

    def concerned(self, addresses: Iterable[Mapping[str, Any] | None], on: date) -> Concerned:
        """The authorities that an event of the day `on` with these Address records concerns.

        An address is not placed when it lies abroad, has neither code nor postcode, or has an unknown code or postcode. An
        address of a council outside the network is placed, and concerns nobody here.
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
            return self._acting(authority, on)
        return frozenset() if gss in self._postcodes.codes else None

    def _acting(self, authority: Authority, on: date) -> frozenset[str]:
        """Who acts today for the councils that held the area on the day, and for their counties."""
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
