"""Finds the council of a registration by its name and its `local_council_url`, in the network's own table.

Names are compared without capitals, blanks and the words that every council has: "Lambeth", "London Borough of Lambeth " and
"Lambeth Council" are a single council. A name that several councils have in this form is no name of any of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from instep.errors import RowError
from instep.network.network import Network

_NAME_WORDS = re.compile(r"[^\W_]+")
_OF_EVERY_COUNCIL = frozenset(
    [
        "the",
        "of",
        "and",
        "london",
        "royal",
        "metropolitan",
        "borough",
        "district",
        "city",
        "county",
        "council",
        "cc",
        "dc",
    ]
)


def council_key(name: str) -> tuple[str, ...]:
    """The words that tell a council from others."""
    words = _NAME_WORDS.findall(name.casefold().replace("&", " and ").replace("'", ""))
    return tuple(word for word in words if word not in _OF_EVERY_COUNCIL) or tuple(words)


class CouncilNames:
    """The councils of a network by name, past councils included."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._exact: dict[str, str] = {}
        self._by_key: dict[tuple[str, ...], set[str]] = {}
        for authority in network.authorities.values():
            self._exact[_plain(authority.name)] = authority.id
            self._by_key.setdefault(council_key(authority.name), set()).add(authority.id)

    def named(self, name: str) -> str | None:
        """The id of the council of this name or id; None where no council has it, or several have."""
        plain = _plain(name)
        if plain in self._network.authorities:
            return plain
        if plain in self._exact:
            return self._exact[plain]
        fitting = self._by_key.get(council_key(name), set())
        if len(fitting) > 1:  # a council of today before those that it has replaced
            fitting = {id for id in fitting if self._network.authorities[id].valid_to is None}
        return next(iter(fitting)) if len(fitting) == 1 else None

    def of_registration(self, registration: Mapping[str, Any]) -> str | None:
        """The council of an FSA registration; None where the registration names none.

        Raises RowError where the name and `local_council_url` name two councils, or nobody knows the council.
        """
        said = {field: _text(registration.get(field)) for field in ("council", "local_council_url")}
        found = {field: self.named(text) for field, text in said.items() if text}
        councils = set(found.values()) - {None}
        if len(councils) > 1:
            raise RowError("local_council_url", "council-disagrees")
        if found and not councils:
            raise RowError(next(iter(found)), "unknown-council")
        return councils.pop() if councils else None

    def acting_for(self, council: str, today: date) -> frozenset[str]:
        """Who acts for a council today: the council, or its successors."""
        return self._network.successors_in_force(council, today)


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
