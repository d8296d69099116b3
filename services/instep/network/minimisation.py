"""Minimisation: what of an event may leave its publisher at all, before anything of it is on the bus.

Whatever no agreement of the source names would lie in the hub for days and be sent to nobody. So it stays at home: a
publisher blanks it, and the hub never holds it (UK GDPR Article 5(1)(c)).
"""

from instep.events.schema import EventType
from instep.network.network import Network

PLACED_BY = ("authority_gss", "postcode", "country")
"""What of an address says whose area it is in (see `areas`)."""


def may_leave(network: Network, source: str, event_type: EventType) -> frozenset[str]:
    """The paths beneath the header that a source may publish of an event type.

    What its agreements share, those ended aside; what places the event's addresses; what intake requires. An agreement that
    is suspended, overdue or not approved yet counts: it may be in force again by the time the event is routed.
    """
    shared = (
        path
        for agreement in network.agreements_of(source, event_type.name)
        if agreement.status != "ended"
        for share in agreement.events[event_type.name]
        for path in share.fields
    )
    placed = (f"{address}.{code}" for address in event_type.addresses for code in PLACED_BY)
    fields = event_type.latest.fields
    # A record that is required is there by its codes; naming it would share all of it.
    required = (path for path in event_type.required if path in fields and fields[path].leaf)
    return frozenset((*shared, *placed, *required))
