"""Minimisation: which fields of an event may leave the publisher at all, before the event is on the bus.

A field that no agreement of the source names would lie in the hub for days and go to nobody. So the publisher blanks such
fields, and the hub never holds them (UK GDPR Article 5(1)(c)).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from instep.events.fields import any_beneath
from instep.events.schema import EventType
from instep.network.network import Network

PLACED_BY = ("authority_gss", "postcode", "country")
"""The fields of an address that decide in whose area the address lies (see `areas`)."""


STAND_IN = "WITHHELD"
"""The text in the place of a required text that stays at home."""


def may_leave(
    network: Network, source: str, event_type: EventType, *, protected: bool = False
) -> frozenset[str]:
    """The paths beneath the header that a source may publish of an event type; `protected`: of PROTECTED events.

    A path may leave when an agreement of the source shares the path (for a PROTECTED event: shares the path of
    PROTECTED events), when it places an address of the event, or when intake requires it. Ended agreements do not
    count. Agreements that are suspended, overdue or not approved yet do count: they may be in force by the time the
    router has the event.
    """
    shared = shared_paths(network, source, event_type, protected=protected)
    placed = (f"{address}.{code}" for address in event_type.addresses for code in PLACED_BY)
    fields = event_type.latest.fields
    # A required record is present through the codes that place it; its own path would let every field of it leave.
    required = (path for path in event_type.required if path in fields and fields[path].leaf)
    return frozenset((*shared, *placed, *required))


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """What leaves of a source's events: `paths`, once an event has been `reduced`.

    Of a PROTECTED event, `withheld` are required texts that no agreement may carry: intake refuses an event without them, so
    STAND_IN leaves in their place. `hollow` are records of which a share consists: the router decides by their presence, so
    they leave without their content.
    """

    paths: frozenset[str]
    withheld: frozenset[str] = frozenset()
    hollow: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def reduced(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """The event, with stand-ins and empty records in the place of what stays at home."""
        for path in self.withheld:
            event = _with_stand_in(event, path.split("."))
        for root, empty in self.hollow.items():
            if event.get(root) is not None:
                event = {**event, root: empty}
        return event


def leaving(network: Network, source: str, event_type: EventType, *, protected: bool) -> Leaving:
    """What leaves of the source's events of a type; `protected`: of PROTECTED events."""
    paths = may_leave(network, source, event_type, protected=protected)
    if not protected:
        return Leaving(paths=paths)
    shared = shared_paths(network, source, event_type, protected=True)
    fields = event_type.latest.fields
    withheld = frozenset(
        path
        for path in event_type.required
        if path in fields and fields[path].type == "string" and not _is_shared(path, shared)
    )
    decisive = {root for root in _decisive_roots(network, source, event_type) if not any_beneath(paths, root)}
    hollow = {root: _empty(event_type, root) for root in decisive - paths if not fields[root].leaf}
    return Leaving(paths=paths | decisive, withheld=withheld, hollow=hollow)


def _decisive_roots(network: Network, source: str, event_type: EventType) -> Iterator[str]:
    """The fields by whose presence the router tells whether a share, of which they are all, has anything to share."""
    required = {path.partition(".")[0] for path in event_type.required}
    for agreement in network.agreements_of(source, event_type.name):
        for share in agreement.events[event_type.name]:
            if agreement.status != "ended" and not share.roots & required:
                yield from (root for root in share.roots if root in event_type.latest.fields)


def _empty(event_type: EventType, root: str) -> Mapping[str, Any]:
    beneath = (
        (path.removeprefix(f"{root}."), field)
        for path, field in event_type.latest.fields.items()
        if path.startswith(f"{root}.")
    )
    return {name: [] if field.array else None for name, field in beneath if "." not in name}


def _with_stand_in(record: Mapping[str, Any], path: Sequence[str]) -> Mapping[str, Any]:
    name, *inner = path
    value = record.get(name)
    if value is None:
        return record
    return {**record, name: _with_stand_in(value, inner) if inner else STAND_IN}


def shared_paths(network: Network, source: str, event_type: EventType, *, protected: bool) -> frozenset[str]:
    """The paths that the source's agreements share of an event type, whatever their standing, unless they have ended."""
    return frozenset(
        path
        for agreement in network.agreements_of(source, event_type.name)
        if agreement.status != "ended"
        for share in agreement.events[event_type.name]
        if share.protected or not protected
        for path in share.fields
    )


def _is_shared(path: str, shared: frozenset[str]) -> bool:
    """Whether the path, or a record around it, is shared."""
    parts = path.split(".")
    return any(".".join(parts[:length]) in shared for length in range(1, len(parts) + 1))
