"""Flows: who shares what with whom under which agreement, and whether it stands on a day. For people to read.

What becomes of an event is for the router alone to decide; these are the terms by which it does.
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
    """Each of `sources` shares `fields` of `event` with each of `recipients`; `standing` is active, or why nothing flows."""

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
    """The flows of a network on a day in London, by purpose and agreement; of a share each pair of parties is in one."""
    agreements = sorted(network.agreements.values(), key=lambda agreement: (agreement.purpose, agreement.id))
    return tuple(
        flow
        for agreement in agreements
        for share in agreement.shares
        for flow in _flows(agreement, share, day)
    )


def of_authority(flows: Iterable[Flow], authority: str) -> tuple[Flow, ...]:
    """The flows from one authority, then the flows to it; an authority shares nothing with itself."""
    receives, tells = [], []
    for flow in flows:
        others = tuple(id for id in flow.recipients if id != authority)
        if authority in flow.sources and others:
            tells.append(replace(flow, sources=(authority,), recipients=others))
        others = tuple(id for id in flow.sources if id != authority)
        if authority in flow.recipients and others:
            receives.append(replace(flow, sources=others, recipients=(authority,)))
    return (*tells, *receives)


def chosen(
    network: Network, day: date, authority: str | None = None, purpose: str | None = None
) -> tuple[Flow, ...]:
    """The flows of one authority, of one purpose, of both, or all; raises NetworkError for a name that is not there."""
    chosen_flows = flows(network, day)
    if purpose is not None:
        known = {flow.purpose for flow in chosen_flows}
        if purpose not in known:
            raise NetworkError(f"No agreement is for the purpose {purpose!r}{nearest(purpose, known)}.")
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
    if standing != ACTIVE:  # then it is no matter who has approved
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
