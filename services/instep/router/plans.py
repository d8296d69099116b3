"""The plans of one generation of the network on one day in London: looked up for each event, made when first needed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from instep.events.bus import BusRecord
from instep.events.catalogue import Catalogue, EventType, Schema
from instep.network.areas import Areas, PostcodeSource
from instep.network.network import Network
from instep.router.arrival import Arrival, sparse
from instep.router.decide import Facts, Pair, decide
from instep.router.disclosing import DisclosureRecord
from instep.router.plan import Plan, Planner

KEPT = 16_384
"""Plans kept for each schema; when there are more, all are made anew."""

_EPOCH = date(1970, 1, 1)


class _OfSchema:
    """The plans for one schema, and what it takes to know which one an event needs."""

    def __init__(self, event_type: EventType, network: Network, planner: Planner) -> None:
        self.event_type = event_type.name
        self.addresses = tuple(tuple(path.split(".")) for path in event_type.addresses)
        self.sparse = tuple(sparse(event_type, network))
        self.planner = planner
        self.made: dict[Facts, Plan] = {}


class Plans:
    """Agreements begin and end with a day, councils too, so another day wants another of these."""

    def __init__(
        self,
        *,
        network: Network,
        today: date,
        postcodes: PostcodeSource,
        catalogue: Catalogue,
        schemas: Mapping[int, Schema],
        disclosure: DisclosureRecord,
        withdrawal: BusRecord,
    ) -> None:
        self.today = today
        self._network = network
        self._areas = Areas(network, postcodes, today)
        self._of_schema = {
            number: _OfSchema(
                catalogue.events[schema.name],
                network,
                Planner(schema, disclosure, withdrawal),
            )
            for number, schema in schemas.items()
            if schema.kind == "event"
        }

    def of(self, arrival: Arrival, past: frozenset[Pair]) -> Plan:
        """The plan for an event, given the pairs that were told what it replaces."""
        kind = self._of_schema[arrival.schema_id]
        header = arrival.header
        concerned = self._areas.concerned(
            [_at(arrival.event, path) for path in kind.addresses], _day(header["occurred_on"])
        )
        facts = Facts(
            kind.event_type,
            header["source"],
            header["change_kind"],
            header["handling"],
            header["requested_by"],
            concerned.authorities,
            concerned.unknown,
            past,
            self.today,
            frozenset(root for root in kind.sparse if not arrival.event.get(root)),
        )
        plan = kind.made.get(facts)
        if plan is None:
            if len(kind.made) >= KEPT:
                kind.made.clear()
            plan = kind.made[facts] = kind.planner.plan(facts, decide(facts, self._network))
        return plan


def _at(event: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = event
    for name in path:
        if found is None:
            return None
        found = found.get(name)
    return found


@lru_cache(maxsize=4096)
def _day(days: int) -> date:
    return _EPOCH + timedelta(days=days)
