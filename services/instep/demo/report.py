"""The demo's arithmetic: what the topics hold, whether it adds up, and the figures. Pure, so that it can be shown to fail.

The judge trusts no service. It takes what lies in the outboxes as the truth about what was said, and asks of the
disclosures, rejections and inboxes whether each thing said was accounted for once, and each thing received was said.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from instep.client.explain import WITHHELD

SHOWN = 20
"""Problems kept of each check; how many there were is counted."""


class Identity(NamedTuple):
    """What makes an event one event."""

    source: str
    subject_ref: str
    event_id: str


class Slot(NamedTuple):
    """A place in an outbox."""

    authority: str
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One record of an outbox; `identity` is None where it cannot be read."""

    slot: Slot
    identity: Identity | None
    event_type: str = ""
    replaces: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
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

    identity: Identity
    event_type: str
    ending: str
    decisions: tuple[RecipientResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One record of an inbox. `fields` are the paths that its header names, `says` those that hold something."""

    authority: str
    purpose: str
    identity: Identity
    withdrawn: bool = False
    fields: frozenset[str] = frozenset()
    says: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that lies in the topics, each list in the order of its topic."""

    said: Sequence[Said]
    refusals: Sequence[Refusal]
    disclosed: Sequence[Disclosed]
    received: Sequence[Received]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Whom a published line concerns, as the sample data's own answer says; `told_before`: by what the line corrects."""

    place: str
    identity: Identity
    concerned: frozenset[str]
    told_before: frozenset[str] = frozenset()
    always: frozenset[str] = frozenset()
    """Those that an agreement tells whether it concerns them or not: they may be candidates, and need not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that has to hold: how many cases were looked at, how many do not hold, and some of those."""

    name: str
    claim: str
    cases: int
    wrong: int
    problems: tuple[str, ...] = field(default=())

    @property
    def holds(self) -> bool:
        """True when nothing is wrong, and there was something to look at: an empty topic proves nothing."""
        return self.wrong == 0 and self.cases > 0


def judge(evidence: Evidence, expected: Sequence[Expected]) -> list[Check]:
    """Everything that has to hold, each by itself."""
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
            sum(max(1, len(one.decisions)) for one in evidence.disclosed),
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
            sum(not one.withdrawn for one in evidence.received),
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


def _lines(evidence: Evidence) -> Iterator[str]:
    refused = Counter(one.slot for one in evidence.refusals)
    disclosed = Counter(one.identity for one in evidence.disclosed)
    accepted = Counter(
        one.identity for one in evidence.said if one.identity is not None and one.slot not in refused
    )
    slots = {one.slot for one in evidence.said}
    for one in evidence.said:
        if refused[one.slot] > 1:
            yield f"{_place(one.slot)} was refused {refused[one.slot]} times"
        elif not refused[one.slot] and (one.identity is None or not disclosed[one.identity]):
            yield f"{_place(one.slot)} was neither accepted nor refused"
    for slot in refused.keys() - slots:
        yield f"{_place(slot)} was refused, and holds nothing"
    for identity, times in disclosed.items():
        if times > 1:
            yield f"{_name(identity)} was accepted {times} times"
        if identity not in accepted:
            yield f"{_name(identity)} was accepted, and never published"


def _candidates(evidence: Evidence) -> Iterator[str]:
    for one in evidence.disclosed:
        decided = one.ending == "DECIDED"
        if decided != bool(one.decisions) or one.ending not in (
            "DECIDED",
            "NOBODY_CONCERNED",
            "UNKNOWN_AREA",
        ):
            yield f"{_name(one.identity)} ended as {one.ending} with {len(one.decisions)} decisions"
        pairs = Counter((decision.authority, decision.purpose) for decision in one.decisions)
        for (authority, purpose), times in pairs.items():
            if times > 1:
                yield f"{_name(one.identity)}: {authority} was decided {times} times for {purpose or 'no purpose'}"
        for decision in one.decisions:
            if not _sound(decision):
                yield f"{_name(one.identity)}: {decision.authority} has {decision.result} {decision.reason!r}"


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
    identity: Identity
    withdrawn: bool


def _decided(evidence: Evidence) -> Counter[_Delivery]:
    """What should lie in the inboxes. A withdrawal names the event that is withdrawn: what the deciding one replaces."""
    replaced = {
        one.identity: one.identity._replace(event_id=one.replaces)
        for one in evidence.said
        if one.identity is not None and one.replaces is not None
    }
    found: Counter[_Delivery] = Counter()
    for one in evidence.disclosed:
        for decision in one.decisions:
            if decision.result == "DELIVERED":
                found[_Delivery(decision.authority, decision.purpose, one.identity, withdrawn=False)] += 1
            elif decision.result == "WITHDRAWN":
                withdrawn = replaced.get(one.identity, one.identity)
                found[_Delivery(decision.authority, decision.purpose, withdrawn, withdrawn=True)] += 1
    return found


def _deliveries(evidence: Evidence) -> Iterator[str]:
    decided = _decided(evidence)
    held = Counter(_Delivery(r.authority, r.purpose, r.identity, r.withdrawn) for r in evidence.received)
    for what, missing in (decided - held).items():
        yield f"{_where(what)} lacks {missing} of {_name(what.identity)}"
    for what, surplus in (held - decided).items():
        yield f"{_where(what)} holds {surplus} of {_name(what.identity)} that nobody decided"


def _order(evidence: Evidence) -> Iterator[str]:
    offsets: dict[Identity, int] = {}
    for one in evidence.said:
        if one.identity is not None:
            offsets.setdefault(one.identity, one.slot.offset)
    last: dict[tuple[str, str, str, str], int] = {}
    for record in evidence.received:
        if record.withdrawn:
            continue
        offset = offsets.get(record.identity, -1)
        key = (record.authority, record.purpose, record.identity.source, record.identity.subject_ref)
        if offset < last.get(key, -1):
            yield f"{record.authority}.inbox.{record.purpose}: {_name(record.identity)} comes too late"
        last[key] = max(offset, last.get(key, -1))


def _blanking(evidence: Evidence) -> Iterator[str]:
    permitted = {
        (one.identity, decision.authority, decision.purpose): decision.fields
        for one in evidence.disclosed
        for decision in one.decisions
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


def _routing(evidence: Evidence, expected: Sequence[Expected]) -> Iterator[str]:
    decisions = {one.identity: one.decisions for one in evidence.disclosed}
    told: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for line in expected:
        subject = (line.identity.source, line.identity.subject_ref)
        if line.identity not in decisions:
            yield f"{line.place} has no disclosure"
            continue
        # Only those who were in fact sent what is corrected have to be told again.
        wanted = line.concerned | (line.told_before & told[subject])
        candidates = {decision.authority for decision in decisions[line.identity]}
        for authority in sorted(wanted - candidates):
            yield f"{line.place} should concern {authority}"
        for authority in sorted(candidates - wanted - line.always):
            yield f"{line.place} should not concern {authority}"
        told[subject] |= {d.authority for d in decisions[line.identity] if d.result == "DELIVERED"}


def _place(slot: Slot) -> str:
    return f"{slot.authority}.outbox at {slot.offset}"


def _name(identity: Identity) -> str:
    return f"event {identity.event_id} of {identity.source}"


def _where(what: _Delivery) -> str:
    return f"{what.authority}.inbox.{what.purpose}{' (withdrawals)' if what.withdrawn else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What came of it, for one council or for all: of those who published, and of those who received."""

    published: int
    accepted: int
    refused: Mapping[str, int]
    delivered: int
    """Deliveries of its events to others and, by another purpose's need, to itself."""
    withheld: Mapping[str, int]
    endings: Mapping[str, int]
    received: Mapping[str, int]
    withdrawn: Mapping[str, int]


def figures(evidence: Evidence, authority: str | None = None) -> Figures:
    """The figures of one council, or of all: `received` and `withdrawn` as recipient, all others as source."""

    def own(id: str) -> bool:
        return authority is None or id == authority

    disclosed = [one for one in evidence.disclosed if own(one.identity.source)]
    decisions = [decision for one in disclosed for decision in one.decisions]
    received = [one for one in evidence.received if own(one.authority)]
    return Figures(
        published=sum(own(one.slot.authority) for one in evidence.said),
        accepted=len(disclosed),
        refused=_counted(one.reason for one in evidence.refusals if own(one.slot.authority)),
        delivered=sum(decision.result == "DELIVERED" for decision in decisions),
        withheld=_counted(decision.reason for decision in decisions if decision.result == "WITHHELD"),
        endings=_counted(one.ending for one in disclosed),
        received=_counted(one.purpose for one in received if not one.withdrawn),
        withdrawn=_counted(one.purpose for one in received if one.withdrawn),
    )


def busiest(evidence: Evidence, count: int) -> list[str]:
    """The councils that published and received most, the busiest first."""
    work = Counter(one.slot.authority for one in evidence.said)
    work.update(one.authority for one in evidence.received)
    return [authority for authority, _ in sorted(work.items(), key=lambda item: (-item[1], item[0]))[:count]]


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))
