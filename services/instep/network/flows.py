"""Flows: who shares which fields with whom under which agreement, and whether events flow on a day. For people to read.

The router alone decides about an event; flows show the terms on which the router decides.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

from instep.errors import NetworkError
from instep.network.agreements import Agreement, Share, Standing, When
from instep.network.documents import nearest
from instep.network.network import Network

ACTIVE: Final = "active"
NOT_APPROVED: Final = "not-approved"


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """Each source shares `fields` of `event` with each recipient.

    `standing` is the agreement's on the day; `not-approved` for parties of an active agreement who have not approved.
    """

    sources: tuple[str, ...]
    recipients: tuple[str, ...]
    purpose: str
    event: str
    when: When
    protected: bool
    fields: tuple[str, ...]
    agreement: str
    """`id@version`."""
    standing: Standing | Literal["not-approved"]


def flows(network: Network, day: date) -> tuple[Flow, ...]:
    """The flows of a network on a day in London, by purpose and agreement.

    For each share, each pair of a source and a recipient is in exactly one flow.
    """
    agreements = sorted(network.agreements.values(), key=lambda agreement: (agreement.purpose, agreement.id))
    return tuple(
        flow
        for agreement in agreements
        for share in agreement.shares
        for flow in _flows(agreement, share, day)
    )


def of_authority(flows: Iterable[Flow], authority: str) -> tuple[Flow, ...]:
    """The flows from an authority, then the flows to the authority. An authority shares nothing with itself."""
    to_it, from_it = [], []
    for flow in flows:
        others = tuple(id for id in flow.recipients if id != authority)
        if authority in flow.sources and others:
            from_it.append(replace(flow, sources=(authority,), recipients=others))
        others = tuple(id for id in flow.sources if id != authority)
        if authority in flow.recipients and others:
            to_it.append(replace(flow, sources=others, recipients=(authority,)))
    return (*from_it, *to_it)


def chosen(
    network: Network, day: date, authority: str | None = None, purpose: str | None = None
) -> tuple[Flow, ...]:
    """The flows of an authority, of a purpose, of both, or all flows. Raises NetworkError for an unknown name."""
    chosen_flows = flows(network, day)
    if purpose is not None:
        purposes = {flow.purpose for flow in chosen_flows}
        if purpose not in purposes:
            raise NetworkError(f"No agreement is for the purpose {purpose!r}{nearest(purpose, purposes)}.")
        chosen_flows = tuple(flow for flow in chosen_flows if flow.purpose == purpose)
    if authority is not None:
        if authority not in network.authorities:
            raise NetworkError(
                f"{authority!r} is no authority of {network.name}{nearest(authority, network.authorities)}."
            )
        chosen_flows = of_authority(chosen_flows, authority)
    return chosen_flows


def _flows(agreement: Agreement, share: Share, day: date) -> Iterator[Flow]:
    bound, unbound = agreement.approved, agreement.parties - agreement.approved
    standing = agreement.standing(day)
    groups: list[tuple[frozenset[str], frozenset[str], Standing | Literal["not-approved"]]] = [
        (agreement.sources & bound, agreement.recipients & bound, ACTIVE),
        (agreement.sources & unbound, agreement.recipients, NOT_APPROVED),
        (agreement.sources & bound, agreement.recipients & unbound, NOT_APPROVED),
    ]
    if standing != ACTIVE:  # approvals make no difference
        groups = [(agreement.sources, agreement.recipients, standing)]
    for sources, recipients, stands in groups:
        if sources and recipients:
            yield Flow(
                sources=tuple(sorted(sources)),
                recipients=tuple(sorted(recipients)),
                purpose=agreement.purpose,
                event=share.event,
                when=share.when,
                protected=share.protected,
                fields=share.fields,
                agreement=agreement.label,
                standing=stands,
            )
