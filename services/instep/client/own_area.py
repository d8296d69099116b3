"""Tells whether addresses lie in an authority's own area: as its county's, as a district's, or as a successor's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from instep.adapters import places
from instep.network.areas import Areas, PostcodeSource
from instep.network.network import Network


class OwnArea:
    """An authority's area on a day, `today`. An address that cannot be placed may be anybody's: nothing is said of it."""

    def __init__(self, network: Network, authority: str, postcodes: PostcodeSource, today: date) -> None:
        self._areas = Areas(network, postcodes, today)
        self._authority = authority
        self._postcodes = postcodes
        self._today = today
        self._holds = lru_cache(maxsize=65_536)(self._held)

    def holds(self, postcode: str) -> bool | None:
        """Whether the authority's area holds the postcode; None where nobody can tell."""
        return self._holds(postcode, "", self._today)

    def is_elsewhere(self, body: Mapping[str, Any]) -> bool:
        """Whether neither address of a move lies in the authority's area.

        The council that places a household speaks of the move wherever the addresses are: a placement is never elsewhere.
        """
        if body.get("reason") == "PLACEMENT":
            return False
        on = _day(body.get("moved_on")) or self._today
        sides = [body.get(side) for side in ("old_address", "new_address")]
        answers = [self._side(side, on) for side in sides if isinstance(side, dict)]
        return bool(answers) and all(answer is False for answer in answers)

    def _side(self, address: Mapping[str, Any], on: date) -> bool | None:
        postcode, gss = address.get("postcode"), address.get("authority_gss")
        return self._holds(
            postcode if isinstance(postcode, str) else "", gss if isinstance(gss, str) else "", on
        )

    def _held(self, postcode: str, gss: str, on: date) -> bool | None:
        if not gss and postcode and (places.country(postcode) != "GB" or places.is_forces(postcode)):
            return False
        concerned = self._areas.concerned([{"authority_gss": gss, "postcode": postcode}], on)
        if concerned.unknown:
            return False if self._postcodes.gss(postcode) == "" else None
        return self._authority in concerned.authorities


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
