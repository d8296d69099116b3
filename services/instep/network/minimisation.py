"""Minimisation: which fields of an event may leave the publisher at all, before the event is on the bus.

A field that no agreement of the source names would lie in the hub for days and go to nobody. So the publisher blanks such
fields, and the hub never holds them (UK GDPR Article 5(1)(c)).
"""

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


def stand_ins(network: Network, source: str, event_type: EventType) -> frozenset[str]:
    """The paths of required texts that no agreement may carry when the event is PROTECTED: STAND_IN leaves in their place.

    Intake refuses an event without them, and a name of a protected person is not to lie in the hub for nobody.
    """
    shared = shared_paths(network, source, event_type, protected=True)
    fields = event_type.latest.fields
    return frozenset(
        path
        for path in event_type.required
        if path in fields and fields[path].type == "string" and not _is_shared(path, shared)
    )


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
