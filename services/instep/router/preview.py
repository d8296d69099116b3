"""Shows what each recipient would receive under an agreement, by asking the router's own rules (`decide`). Pure.

People read the answer before they sign. So the preview takes the agreement as if every party had approved it and its first
day had come: what stands here is what the router would do then, and nothing is worked out a second time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

from instep.events.blanking import Blanking
from instep.events.identifiers import AuthorityId
from instep.events.schema import EventType
from instep.network.agreements import CHANGE_KINDS, Agreement, Approval
from instep.network.network import Network
from instep.router.decide import Facts, Result, decide, sparse_roots

HANDLINGS = ("ORDINARY", "PROTECTED")


class Situation(NamedTuple):
    """What of an event decides about its delivery: whether it concerns the recipient's area, its handling and its kind."""

    concerned: bool
    handling: str
    change_kind: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PromisedFields:
    """The fields that all `recipients` receive of an event type in all `situations`.

    `fields` are paths as deliveries and disclosures name them. With `only_with_content`, an event with empty fields is sent
    with fewer of them, or not at all (an annulment is always sent).
    """

    event: str
    recipients: tuple[str, ...]
    situations: tuple[Situation, ...]
    fields: tuple[str, ...]
    only_with_content: bool


def received(agreement: Agreement, event: EventType) -> tuple[PromisedFields, ...]:
    """What the recipients of an agreement would receive of an event type, once every party has approved.

    An agreement shares alike for all its sources, so the first of them stands for all. Each recipient and situation is in
    one row at most; in none, where nothing is delivered.
    """
    network = in_force(agreement)
    by_fields: dict[tuple[str, ...], dict[str, list[Situation]]] = {}
    for situation in _situations():
        decision = decide(facts_of(agreement, event, min(agreement.sources), situation), network)
        for entry in decision.having(Result.DELIVERED):
            fields = Blanking(event.latest, entry.fields).paths
            by_fields.setdefault(fields, {}).setdefault(entry.authority, []).append(situation)
    sparse = _only_with_content(agreement, event, network)
    return tuple(
        PromisedFields(
            event=event.name,
            recipients=tuple(sorted(id for id, found in recipients.items() if tuple(found) == situations)),
            situations=situations,
            fields=fields,
            only_with_content=not sparse.isdisjoint(situations),
        )
        for fields, recipients in by_fields.items()
        for situations in dict.fromkeys(map(tuple, recipients.values()))
    )


def in_force(agreement: Agreement) -> Network:
    """A network with this agreement alone, active and approved by every party."""
    approvals = tuple(
        Approval(authority=party, by="", on=agreement.effective_from) for party in sorted(agreement.parties)
    )
    signed = replace(agreement, status="active", approvals=approvals)
    return Network(name="preview", lanes=1, authorities={}, agreements={signed.id: signed})


def facts_of(agreement: Agreement, event: EventType, source: str, situation: Situation) -> Facts:
    """The facts of an event from the source with every field filled in, on the agreement's first day."""
    recipients = frozenset(map(AuthorityId, agreement.recipients))
    return Facts(
        event_type=event.name,
        source=AuthorityId(source),
        change_kind=situation.change_kind,
        handling=situation.handling,
        requested_by=None,
        concerned=recipients if situation.concerned else frozenset(),
        area_unknown=False,
        past=frozenset(),
        day=agreement.effective_from,
    )


def _situations() -> Iterator[Situation]:
    for concerned, handling, change_kind in product((True, False), HANDLINGS, CHANGE_KINDS):
        yield Situation(concerned, handling, change_kind)


def _only_with_content(agreement: Agreement, event: EventType, network: Network) -> frozenset[Situation]:
    """The situations in which an event is not delivered where the fields are empty on which shares depend wholly."""
    absent = sparse_roots([agreement], event.name, event.required)
    sparse = set()
    for situation in _situations():
        facts = facts_of(agreement, event, min(agreement.sources), situation)
        bare = decide(facts._replace(absent=absent), network)
        if bare.having(Result.DELIVERED) != decide(network=network, facts=facts).having(Result.DELIVERED):
            sparse.add(situation)
    return frozenset(sparse)
