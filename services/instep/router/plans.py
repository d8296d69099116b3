"""The plans of one generation of the network on one day in London: looked up for each event, made when first needed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from instep.events.bus import BusRecord
from instep.events.schema import Catalogue, EventType, Schema
from instep.network.areas import Areas, PostcodeSource
from instep.network.network import Network
from instep.router.arrival import Arrival, sparse
from instep.router.decide import Facts, Pair, decide
from instep.router.disclosing import DisclosureRecord
from instep.router.plan import Plan, Planner

KEPT = 16_384
"""Plans kept for each schema; when there are more, all are made anew."""

_Key = tuple[str, str, str, str | None, frozenset[str], bool, frozenset[Pair], frozenset[str]]
"""The facts that tell the events of one schema apart on one day. They become `Facts` only where a plan is to be made."""

_EPOCH = date(1970, 1, 1)
_NONE: frozenset[str] = frozenset()


class _OfSchema:
    """The plans for one schema, and what it takes to know which one an event needs."""

    def __init__(self, event_type: EventType, network: Network, planner: Planner) -> None:
        self.event_type = event_type.name
        self.addresses = tuple(tuple(path.split(".")) for path in event_type.addresses)
        self.sparse = tuple(sparse(event_type, network))
        self.planner = planner
        self.made: dict[_Key, Plan] = {}


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
        key = (
            header["source"],
            header["change_kind"],
            header["handling"],
            header["requested_by"],
            concerned.authorities,
            concerned.unknown,
            past,
            frozenset([root for root in kind.sparse if not arrival.event.get(root)])
            if kind.sparse
            else _NONE,
        )
        plan = kind.made.get(key)
        if plan is None:
            if len(kind.made) >= KEPT:
                kind.made.clear()
            plan = kind.made[key] = self._made(kind, *key)
        return plan

    def _made(
        self,
        kind: _OfSchema,
        source: str,
        change_kind: str,
        handling: str,
        requested_by: str | None,
        concerned: frozenset[str],
        area_unknown: bool,
        past: frozenset[Pair],
        absent: frozenset[str],
    ) -> Plan:
        facts = Facts(
            event_type=kind.event_type,
            source=source,
            change_kind=change_kind,
            handling=handling,
            requested_by=requested_by,
            concerned=concerned,
            area_unknown=area_unknown,
            past=past,
            day=self.today,
            absent=absent,
        )
        return kind.planner.plan(facts, decide(facts, self._network))


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
