"""Tries a change of agreements on events that nobody has published: who would be told what before the change, and after.

Pure: the router's own rules (`decide`) give both answers. What is known of an event is what its publisher's file says.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache, partial
from typing import Any

from instep.events.blanking import Blanking
from instep.events.identifiers import AuthorityId
from instep.events.schema import EventType
from instep.network.agreements import Approval
from instep.network.areas import Areas, PostcodeSource
from instep.network.network import Network
from instep.router.decide import Decision, Facts, Result, decide, sparse_roots


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """An event as its publisher's file says it: `body` is plain JSON beneath the header. `source` is None where unknown."""

    event_type: str
    source: str | None
    change_kind: str
    handling: str
    requested_by: str | None = None
    occurred_on: date
    body: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """How an authority would be told for a purpose: the shared fields as deliveries name them, or why it is not told."""

    result: Result
    reason: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastChange:
    """For an authority and purpose: how the authority would be told. None where the purpose does not reach the authority."""

    authority: str
    purpose: str
    before: Forecast | None
    after: Forecast | None

    @property
    def gained(self) -> tuple[str, ...]:
        """The fields that the authority gets only afterwards."""
        return _missing(self.after, self.before)

    @property
    def lost(self) -> tuple[str, ...]:
        """The fields that the authority got only before."""
        return _missing(self.before, self.after)


class Trial:
    """A network on a day in London, deciding drafts by the router's rules."""

    def __init__(
        self, network: Network, events: Mapping[str, EventType], postcodes: PostcodeSource, day: date
    ) -> None:
        self.network = network
        self._events = events
        self._areas = Areas(network, postcodes, day)
        self._day = day
        # Most events of a file have the facts of another.
        self._decide = lru_cache(maxsize=65_536)(partial(decide, network=network))
        self._sparse = {
            name: sparse_roots(
                network.agreements.values(), name, {path.partition(".")[0] for path in event.required}
            )
            for name, event in events.items()
        }

    def publisher(self, draft: Draft) -> str | None:
        """Who would publish the draft: its source, else the council of the new address (of a placement, the old one)."""
        if draft.source is not None:
            return draft.source
        side = "old_address" if draft.body.get("reason") == "PLACEMENT" else "new_address"
        concerned = self._areas.concerned([draft.body.get(side)], draft.occurred_on).authorities
        lowest = {id for id in concerned if self.network.authorities[id].tier != "county"}
        return lowest.pop() if len(lowest) == 1 else None

    def answers(self, draft: Draft, source: str) -> Mapping[tuple[str, str], Forecast]:
        """By authority and purpose: how each would be told. A purpose that does not reach an authority is left out."""
        return dict(_answers(self.decision(draft, source), self._events[draft.event_type]))

    def decision(self, draft: Draft, source: str) -> Decision:
        """The router's decision, with its agreements and with the candidates that no agreement reaches."""
        return self._decide(self._facts(draft, self._events[draft.event_type], source))

    def _facts(self, draft: Draft, event: EventType, source: str) -> Facts:
        addresses = (_at(draft.body, path) for path in event.addresses)
        concerned = self._areas.concerned(addresses, draft.occurred_on)
        return Facts(
            event_type=event.name,
            source=AuthorityId(source),
            change_kind=draft.change_kind,
            handling=draft.handling,
            requested_by=None if draft.requested_by is None else AuthorityId(draft.requested_by),
            concerned=frozenset(map(AuthorityId, concerned.authorities)),
            area_unknown=concerned.unknown,
            past=frozenset(),
            day=self._day,
            absent=frozenset(root for root in self._sparse[event.name] if not draft.body.get(root)),
        )


def differences(
    before: Mapping[tuple[str, str], Forecast], after: Mapping[tuple[str, str], Forecast]
) -> Iterator[ForecastChange]:
    """Whoever would be told otherwise, sorted by authority and purpose."""
    for pair in sorted({*before, *after}):
        if before.get(pair) != after.get(pair):
            authority, purpose = pair
            yield ForecastChange(
                authority=authority, purpose=purpose, before=before.get(pair), after=after.get(pair)
            )


def signed(network: Network) -> Network:
    """The network as if every party had approved its agreements."""
    return replace(
        network,
        agreements={
            id: replace(
                agreement,
                approvals=tuple(
                    Approval(authority=party, by="", on=agreement.effective_from)
                    for party in sorted(agreement.parties)
                ),
            )
            for id, agreement in network.agreements.items()
        },
    )


def _answers(decision: Decision, event: EventType) -> Iterator[tuple[tuple[str, str], Forecast]]:
    for entry in decision.entries:
        if entry.purpose:
            fields = sent_fields(event, entry.fields) if entry.fields else ()
            yield (
                (entry.authority, entry.purpose),
                Forecast(result=entry.result, reason=entry.reason, fields=fields),
            )


@lru_cache(maxsize=1024)
def sent_fields(event: EventType, fields: tuple[str, ...]) -> tuple[str, ...]:
    """The fields as deliveries name them. An agreement may name a record and also a field within the record."""
    return Blanking(event.latest, fields).paths


def _missing(of: Forecast | None, in_other: Forecast | None) -> tuple[str, ...]:
    if of is None:
        return ()
    others: Iterable[str] = () if in_other is None else in_other.fields
    return tuple(path for path in of.fields if path not in set(others))


def _at(body: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    value: Any = body
    for name in path.split("."):
        value = value and value.get(name)
    return value or None
