"""Judges a run of the demo from the records of all topics, and counts its figures. Pure, so that tests can show the
judge fail.

The judge trusts no service. The outboxes are the truth about what councils published. For each published event the judge
looks for exactly one rejection or disclosure (the record of who was sent the event). For each record of an inbox the judge
looks for the published event.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from instep.client.explain import WITHHELD

SHOWN = 20
"""Problems kept for each check; the rest are only counted."""


class EventIdentity(NamedTuple):
    """The identity of an event: a record with the same three values is a repeat."""

    source: str
    subject_ref: str
    event_id: str


class Slot(NamedTuple):
    """A place in an outbox."""

    authority: str
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRecord:
    """A record of an outbox; `identity` is None where the record cannot be read."""

    slot: Slot
    identity: EventIdentity | None
    event_type: str = ""
    replaces: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRecord:
    """One record of a rejected topic."""

    slot: Slot
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientResult:
    """One entry of a disclosure."""

    authority: str
    purpose: str
    result: str
    reason: str = ""
    fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """One disclosure."""

    identity: EventIdentity
    event_type: str
    ending: str
    decisions: tuple[RecipientResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRecord:
    """A record of an inbox. `fields` are the paths that its Kafka header names, `says` the paths with a value."""

    authority: str
    purpose: str
    identity: EventIdentity
    withdrawn: bool = False
    fields: frozenset[str] = frozenset()
    says: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicEvidence:
    """The records of all topics, each list in the order of its topic."""

    said: Sequence[PublishedRecord]
    refusals: Sequence[RejectedRecord]
    disclosed: Sequence[Disclosed]
    received: Sequence[ReceivedRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The authorities that a published line concerns, by the sample data's own answer.

    `told_before` are the authorities that were sent the event of the line which this line corrects.
    """

    place: str
    identity: EventIdentity
    concerned: frozenset[str]
    told_before: frozenset[str] = frozenset()
    always: frozenset[str] = frozenset()
    """Authorities that an agreement informs of every event: they may be candidates, and need not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A claim: how many cases the judge looked at, how many are wrong, and some of the wrong cases."""

    name: str
    claim: str
    cases: int
    wrong: int
    problems: tuple[str, ...] = field(default=())

    @property
    def holds(self) -> bool:
        """True when nothing is wrong, and there was something to look at: an empty topic proves nothing."""
        return self.wrong == 0 and self.cases > 0


def judge(evidence: TopicEvidence, expected: Sequence[Expected]) -> list[Check]:
    """A check for each claim about the demo; `expected` are the answers of the sample data."""
    return [
        _check(
            "lines",
            "every event published is accepted or refused, once",
            len(evidence.said),
            _lines(evidence),
        ),
        _check(
            "candidates",
            "every candidate of every accepted event is delivered to, withheld from or withdrawn from",
            sum(max(1, len(disclosure.decisions)) for disclosure in evidence.disclosed),
            _candidates(evidence),
        ),
        _check(
            "deliveries",
            "what the inboxes hold is what was decided, once each",
            _decided(evidence).total(),
            _deliveries(evidence),
        ),
        _check("order", "each inbox has the order of the outbox", len(evidence.received), _order(evidence)),
        _check(
            "blanking",
            "no delivery holds a field that its agreements do not share",
            sum(not record.withdrawn for record in evidence.received),
            _blanking(evidence),
        ),
        _check(
            "routing",
            "the candidates are those that the data expect",
            len(expected),
            _routing(evidence, expected),
        ),
    ]


def _check(name: str, claim: str, cases: int, problems: Iterable[str]) -> Check:
    every = list(problems)
    return Check(name=name, claim=claim, cases=cases, wrong=len(every), problems=tuple(every[:SHOWN]))


def _lines(evidence: TopicEvidence) -> Iterator[str]:
    refused = Counter(refusal.slot for refusal in evidence.refusals)
    disclosed = Counter(disclosure.identity for disclosure in evidence.disclosed)
    accepted = Counter(
        record.identity
        for record in evidence.said
        if record.identity is not None and record.slot not in refused
    )
    slots = {record.slot for record in evidence.said}
    for record in evidence.said:
        if refused[record.slot] > 1:
            yield f"{_place(record.slot)} was refused {refused[record.slot]} times"
        elif not refused[record.slot] and (record.identity is None or not disclosed[record.identity]):
            yield f"{_place(record.slot)} was neither accepted nor refused"
    for slot in refused.keys() - slots:
        yield f"{_place(slot)} was refused, and holds nothing"
    for identity, times in disclosed.items():
        if times > 1:
            yield f"{_name(identity)} was accepted {times} times"
        if identity not in accepted:
            yield f"{_name(identity)} was accepted, and never published"


def _candidates(evidence: TopicEvidence) -> Iterator[str]:
    for disclosure in evidence.disclosed:
        decided = disclosure.ending == "DECIDED"
        if decided != bool(disclosure.decisions) or disclosure.ending not in (
            "DECIDED",
            "NOBODY_CONCERNED",
            "UNKNOWN_AREA",
        ):
            yield f"{_name(disclosure.identity)} ended as {disclosure.ending} with {len(disclosure.decisions)} decisions"
        pairs = Counter((decision.authority, decision.purpose) for decision in disclosure.decisions)
        for (authority, purpose), times in pairs.items():
            if times > 1:
                yield f"{_name(disclosure.identity)}: {authority} was decided {times} times for {purpose or 'no purpose'}"
        for decision in disclosure.decisions:
            if not _sound(decision):
                yield f"{_name(disclosure.identity)}: {decision.authority} has {decision.result} {decision.reason!r}"


def _sound(decision: RecipientResult) -> bool:
    match decision.result:
        case "DELIVERED":
            return not decision.reason and bool(decision.purpose)
        case "WITHHELD":
            return decision.reason in WITHHELD
        case "WITHDRAWN":
            return bool(decision.reason and decision.purpose)
        case _:
            return False


class _Delivery(NamedTuple):
    authority: str
    purpose: str
    identity: EventIdentity
    withdrawn: bool


def _decided(evidence: TopicEvidence) -> Counter[_Delivery]:
    """The deliveries and withdrawals due in inboxes. A withdrawal names the event that the decided event replaces."""
    replaced = {
        record.identity: record.identity._replace(event_id=record.replaces)
        for record in evidence.said
        if record.identity is not None and record.replaces is not None
    }
    due: Counter[_Delivery] = Counter()
    for disclosure in evidence.disclosed:
        for decision in disclosure.decisions:
            if decision.result == "DELIVERED":
                due[
                    _Delivery(decision.authority, decision.purpose, disclosure.identity, withdrawn=False)
                ] += 1
            elif decision.result == "WITHDRAWN":
                withdrawn = replaced.get(disclosure.identity, disclosure.identity)
                due[_Delivery(decision.authority, decision.purpose, withdrawn, withdrawn=True)] += 1
    return due


def _deliveries(evidence: TopicEvidence) -> Iterator[str]:
    decided = _decided(evidence)
    received = Counter(_Delivery(r.authority, r.purpose, r.identity, r.withdrawn) for r in evidence.received)
    for delivery, missing in (decided - received).items():
        yield f"{_where(delivery)} lacks {missing} of {_name(delivery.identity)}"
    for delivery, surplus in (received - decided).items():
        yield f"{_where(delivery)} holds {surplus} of {_name(delivery.identity)} that nobody decided"


def _order(evidence: TopicEvidence) -> Iterator[str]:
    offsets: dict[EventIdentity, int] = {}
    for record in evidence.said:
        if record.identity is not None:
            offsets.setdefault(record.identity, record.slot.offset)
    last: dict[tuple[str, str, str, str], int] = {}
    for delivery in evidence.received:
        if delivery.withdrawn:
            continue
        offset = offsets.get(delivery.identity, -1)
        key = (delivery.authority, delivery.purpose, delivery.identity.source, delivery.identity.subject_ref)
        if offset < last.get(key, -1):
            yield f"{delivery.authority}.inbox.{delivery.purpose}: {_name(delivery.identity)} comes too late"
        last[key] = max(offset, last.get(key, -1))


def _blanking(evidence: TopicEvidence) -> Iterator[str]:
    permitted = {
        (disclosure.identity, decision.authority, decision.purpose): decision.fields
        for disclosure in evidence.disclosed
        for decision in disclosure.decisions
        if decision.result == "DELIVERED"
    }
    for record in evidence.received:
        if record.withdrawn:
            continue
        shared = permitted.get((record.identity, record.authority, record.purpose), frozenset())
        where = f"{record.authority}.inbox.{record.purpose}: {_name(record.identity)}"
        if record.fields != shared:
            yield f"{where} names other fields than its disclosure"
        surplus = sorted(path for path in record.says if not _within(path, shared))
        if surplus:
            yield f"{where} holds {', '.join(surplus)}"


def _within(path: str, shared: frozenset[str]) -> bool:
    parts = path.split(".")
    return any(".".join(parts[:length]) in shared for length in range(1, len(parts) + 1))


def _routing(evidence: TopicEvidence, expected: Sequence[Expected]) -> Iterator[str]:
    decisions = {disclosure.identity: disclosure.decisions for disclosure in evidence.disclosed}
    delivered_to: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for line in expected:
        subject = (line.identity.source, line.identity.subject_ref)
        if line.identity not in decisions:
            yield f"{line.place} has no disclosure"
            continue
        # Only those who were in fact sent what is corrected have to be told again.
        wanted = line.concerned | (line.told_before & delivered_to[subject])
        candidates = {decision.authority for decision in decisions[line.identity]}
        for authority in sorted(wanted - candidates):
            yield f"{line.place} should concern {authority}"
        for authority in sorted(candidates - wanted - line.always):
            yield f"{line.place} should not concern {authority}"
        delivered_to[subject] |= {d.authority for d in decisions[line.identity] if d.result == "DELIVERED"}


def _place(slot: Slot) -> str:
    return f"{slot.authority}.outbox at {slot.offset}"


def _name(identity: EventIdentity) -> str:
    return f"event {identity.event_id} of {identity.source}"


def _where(what: _Delivery) -> str:
    return f"{what.authority}.inbox.{what.purpose}{' (withdrawals)' if what.withdrawn else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The results of the demo for a council, or for all councils: as publisher and as recipient."""

    published: int
    accepted: int
    refused: Mapping[str, int]
    delivered: int
    """Deliveries of the council's events, to others and, where an agreement says so, to the council itself."""
    withheld: Mapping[str, int]
    endings: Mapping[str, int]
    received: Mapping[str, int]
    withdrawn: Mapping[str, int]


def figures(evidence: TopicEvidence, authority: str | None = None) -> Figures:
    """The figures of one council, or of all: `received` and `withdrawn` as recipient, all others as source."""

    def own(id: str) -> bool:
        return authority is None or id == authority

    disclosed = [disclosure for disclosure in evidence.disclosed if own(disclosure.identity.source)]
    decisions = [decision for disclosure in disclosed for decision in disclosure.decisions]
    received = [record for record in evidence.received if own(record.authority)]
    return Figures(
        published=sum(own(record.slot.authority) for record in evidence.said),
        accepted=len(disclosed),
        refused=_counted(refusal.reason for refusal in evidence.refusals if own(refusal.slot.authority)),
        delivered=sum(decision.result == "DELIVERED" for decision in decisions),
        withheld=_counted(decision.reason for decision in decisions if decision.result == "WITHHELD"),
        endings=_counted(disclosure.ending for disclosure in disclosed),
        received=_counted(record.purpose for record in received if not record.withdrawn),
        withdrawn=_counted(record.purpose for record in received if record.withdrawn),
    )


def busiest(evidence: TopicEvidence, count: int) -> list[str]:
    """The councils that published and received most, the busiest first."""
    work = Counter(record.slot.authority for record in evidence.said)
    work.update(record.authority for record in evidence.received)
    return [authority for authority, _ in sorted(work.items(), key=lambda item: (-item[1], item[0]))[:count]]


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))
