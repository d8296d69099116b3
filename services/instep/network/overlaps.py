"""Finds overlaps: agreements that share nothing beyond what another agreement of the same purpose shares.

An overlap is no error, since the router joins the fields of all agreements of a purpose. But whoever suspends the smaller
agreement stops nothing: the larger one still shares the same fields.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from instep.network.agreements import Agreement, Share


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """`other` shares every field of `event` that `agreement` shares, with all parties of `agreement`."""

    agreement: Agreement
    other: Agreement
    event: str
    twin: bool
    """Whether both agreements share the same, under two ids."""


def overlaps(agreements: Iterable[Agreement]) -> Iterator[Overlap]:
    """Each agreement and event that add nothing to another agreement. Of two equal agreements, only the later id."""
    active = (
        agreement
        for agreement in agreements
        if agreement.status == "active" and agreement.sources and agreement.recipients
    )
    every = sorted(active, key=lambda agreement: agreement.id)
    senders: dict[tuple[str, str, str], set[str]] = {}
    receivers: dict[tuple[str, str, str], set[str]] = {}
    for agreement in every:
        for event in agreement.events:
            for index, parties in ((senders, agreement.sources), (receivers, agreement.recipients)):
                for party in parties:
                    index.setdefault((agreement.purpose, event, party), set()).add(agreement.id)
    by_id = {agreement.id: agreement for agreement in every}
    for agreement in every:
        for event in agreement.events:
            # An agreement that covers this agreement names each of its parties.
            naming = [senders[agreement.purpose, event, party] for party in agreement.sources]
            naming += [receivers[agreement.purpose, event, party] for party in agreement.recipients]
            covering = set.intersection(*naming) - {agreement.id}
            overlapping = (_overlap(agreement, by_id[id], event) for id in sorted(covering))
            if first := next(filter(None, overlapping), None):
                yield first


def _overlap(agreement: Agreement, other: Agreement, event: str) -> Overlap | None:
    if not _covers(other, agreement, event):
        return None
    mutual = _covers(agreement, other, event)
    if mutual and agreement.id < other.id:
        return None
    twin = agreement.events.keys() == other.events.keys() and all(
        _covers(*pair, name) for name in agreement.events for pair in ((agreement, other), (other, agreement))
    )
    return Overlap(agreement=agreement, other=other, event=event, twin=twin)


def _covers(wide: Agreement, narrow: Agreement, event: str) -> bool:
    return (
        narrow.sources <= wide.sources
        and narrow.recipients <= wide.recipients
        and narrow.approved <= wide.approved
        and wide.effective_from <= narrow.effective_from
        and narrow.review_by <= wide.review_by
        and all(any(_shares(more, less) for more in wide.events[event]) for less in narrow.events[event])
    )


def _shares(more: Share, less: Share) -> bool:
    return (
        more.when in ("always", less.when)
        and less.change_kinds <= more.change_kinds
        and (more.protected or not less.protected)
        and all(any(f"{path}.".startswith(f"{wide}.") for wide in more.fields) for path in less.fields)
    )
