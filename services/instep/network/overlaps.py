"""Overlaps: agreements of one purpose of which one shares nothing that another does not share already.

Two that overlap are no error, since fields are joined within a purpose; but who suspends one of them stops nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from instep.network.agreements import Agreement, Share


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """All that `agreement` shares of `event` is shared by `other` as well."""

    agreement: Agreement
    other: Agreement
    event: str
    twin: bool
    """Whether both say the same, under two ids."""


def overlaps(agreements: Iterable[Agreement]) -> Iterator[Overlap]:
    """Each agreement and event that adds nothing to another agreement; of two that say the same the later id, once."""
    active = (one for one in agreements if one.status == "active" and one.sources and one.recipients)
    every = sorted(active, key=lambda one: one.id)
    senders: dict[tuple[str, str, str], set[str]] = {}
    receivers: dict[tuple[str, str, str], set[str]] = {}
    for one in every:
        for event in one.events:
            for index, parties in ((senders, one.sources), (receivers, one.recipients)):
                for party in parties:
                    index.setdefault((one.purpose, event, party), set()).add(one.id)
    known = {one.id: one for one in every}
    for one in every:
        for event in one.events:
            # Whoever covers it names each of its parties.
            naming = [senders[one.purpose, event, party] for party in one.sources]
            naming += [receivers[one.purpose, event, party] for party in one.recipients]
            covering = set.intersection(*naming) - {one.id}
            found = (_overlap(one, known[id], event) for id in sorted(covering))
            if first := next(filter(None, found), None):
                yield first


def _overlap(one: Agreement, other: Agreement, event: str) -> Overlap | None:
    if not _covers(other, one, event):
        return None
    mutual = _covers(one, other, event)
    if mutual and one.id < other.id:
        return None
    twin = one.events.keys() == other.events.keys() and all(
        _covers(*pair, name) for name in one.events for pair in ((one, other), (other, one))
    )
    return Overlap(agreement=one, other=other, event=event, twin=twin)


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
