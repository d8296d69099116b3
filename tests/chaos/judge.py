"""The judge: what was published goes in, then what came of it; how much went wrong comes out.

It does no I/O and imports nothing of `instep`: it is given plain data and recomputes the truth (`truth`) from what lies in
the outboxes, which are the law about order too. Give it everything published first, then disclosures, then the rest, each
topic partition in its order.

- lost: published and confirmed, yet not in its outbox; without an end; or a delivery that is due and was not made
- repeated: disclosed, delivered, refused or answered twice
- disordered: after a later event of its source and subject, in an inbox or in the register
- unauthorised: delivered to whom it was not due, with other content than was shared, or under what had ended before
- unaccounted: disclosed, refused or answered otherwise than is true
"""

import marshal
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from tests.chaos.truth import Due, Facts, Generation, Pair, Plain, Truth, blanked, places, truth

LONDON = ZoneInfo("Europe/London")
KINDS = ("lost", "repeated", "disordered", "unauthorised", "unaccounted")
STALE_MS = 5_000
"""How long after its end a generation may still decide: a second for freshness, the rest for a machine that starves."""
EXAMPLES = 5
"""Kept of each kind; identifiers alone."""

Headers = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """Marks a published record that is to be refused, and why."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How often each thing went wrong, with examples; and what there was to judge."""

    counts: Mapping[str, int]
    examples: Mapping[str, tuple[str, ...]]
    judged: Mapping[str, int]

    @property
    def clean(self) -> bool:
        """Whether nothing went wrong."""
        return not any(self.counts.values())


class _Event:
    """An event that is to be routed."""

    __slots__ = ("answered", "body", "disclosed", "event_type", "offset", "packed", "received", "truth")

    def __init__(self, event_type: str, offset: int, header: bytes, body: int) -> None:
        self.event_type = event_type
        self.offset = offset
        self.packed = header
        self.body = body
        self.truth: Truth | None = None
        self.disclosed = 0
        self.answered = 0
        self.received: tuple[Pair, ...] = ()

    @property
    def header(self) -> Plain:
        """Unpacked: a million of them are kept."""
        found: Plain = marshal.loads(self.packed)  # noqa: S302  # our own bytes
        return found


class Judge:
    """`history` holds every generation of the network that has stood, by its number."""

    def __init__(self, history: Mapping[int, Generation]) -> None:
        self._history = history
        self._events: dict[str, _Event] = {}
        self._refusals: dict[tuple[str, int], str] = {}
        self._refused: Counter[tuple[str, int]] = Counter()
        self._ids: set[str] = set()
        self._bodies: list[Plain] = []
        self._numbers: dict[bytes, int] = {}
        self._truths: dict[tuple[Facts, int], Truth] = {}
        self._contents: dict[tuple[int, tuple[str, ...]], bytes] = {}
        self._highest: dict[tuple[str, str], int] = {}
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = defaultdict(list)
        self._judged: Counter[str] = Counter()

    # -- what was published

    def published(self, source: str, offset: int, event_type: str, datum: Plain | Hostile) -> None:
        """A record of an outbox; all that a source published, in the order of offsets."""
        self._judged["published"] += 1
        if isinstance(datum, Hostile):
            self._judged["hostile"] += 1
            self._refusals[source, offset] = datum.reason
            return
        header = datum["header"]
        self._ids.add(header["event_id"])
        key = _key(source, header["subject_ref"], header["event_id"])
        if key in self._events:
            self._judged["published again"] += 1  # a publisher's own repeat: it is to come to nothing
        elif _replaced(header) is not None and _replaced(header) not in self._events:
            self._refusals[source, offset] = "replaces-unknown"
        else:
            self._events[key] = _Event(event_type, offset, _content(header), self._number(datum))

    def confirmed(self, event_ids: Iterable[str]) -> None:
        """The events of which the publisher was told that they are kept; after `published`."""
        for event_id in event_ids:
            if event_id not in self._ids:
                self._found("lost", f"{event_id}: confirmed, and not in an outbox")

    # -- what came of it

    def disclosed(self, datum: Plain) -> None:
        """A record of the register."""
        self._judged["disclosures"] += 1
        key = _key(datum["source"], datum["subject_ref"], datum["event_id"])
        event = self._events.get(key)
        network = self._history.get(datum["generation"])
        if event is None or network is None:
            self._found("unaccounted", f"{key}: disclosed, and never published or under no known network")
            return
        event.disclosed += 1
        if event.disclosed > 1:
            self._found("repeated", f"{key}: disclosed again")
            return
        self._ordered("register", key, event)
        if network.ended_at is not None and datum["at"] > network.ended_at + STALE_MS:
            self._found("unauthorised", f"{key}: decided by generation {datum['generation']} after its end")
        event.truth = self._truth(event, datum["generation"], network, _day(datum["at"]))
        told = {
            (one["authority"], one["purpose"]): Due(
                one["result"], one["reason"], tuple(one["agreements"]), tuple(one["fields"])
            )
            for one in datum["decisions"]
        }
        if (
            told != event.truth.due
            or len(told) != len(datum["decisions"])
            or datum["ending"] != event.truth.ending
        ):
            self._found("unaccounted", f"{key}: disclosed otherwise than is true")

    def delivered(self, authority: str, purpose: str, key: str, headers: Headers, datum: Plain) -> None:
        """A record of an inbox: the event as it was sent, or a withdrawal."""
        self._judged["deliveries"] += 1
        name = f"{key}/{headers['ce_id']}"
        event = self._events.get(name)
        pair = (authority, purpose)
        due = event.truth.due.get(pair) if event is not None and event.truth is not None else None
        if event is None or due is None or due.result == "WITHHELD":
            self._found("unauthorised", f"{name}: sent to {authority} for {purpose}")
            return
        if pair in event.received:
            self._found("repeated", f"{name}: sent again to {authority} for {purpose}")
            return
        event.received += (pair,)
        self._ordered(f"{authority}.{purpose}", name, event)
        right = self._as_shared if due.result == "DELIVERED" else self._as_withdrawn
        if not right(event, due, headers, datum):
            self._found("unauthorised", f"{name}: {authority} was sent something else for {purpose}")

    def rejected(self, source: str, datum: Plain) -> None:
        """A record of a source's `rejected` topic."""
        self._judged["refusals"] += 1
        place = (source, datum["outbox_offset"])
        self._refused[place] += 1
        if self._refused[place] > 1:
            self._found("repeated", f"{place}: refused again")
        elif self._refusals.get(place) != datum["reason"] or datum["source"] != source:
            self._found("unaccounted", f"{place}: refused as {datum['reason']}")

    def answered(self, source: str, entry: Plain) -> None:
        """An entry of a source's `outcomes` topic."""
        self._judged["answers"] += 1
        key = _key(source, entry["subject_ref"], entry["event_id"])
        event = self._events.get(key)
        if event is None or event.truth is None:
            self._found("unaccounted", f"{key}: answered, and not disclosed")
            return
        event.answered += 1
        if event.answered > 1:
            self._found("repeated", f"{key}: answered again")
            return
        results = Counter(due.result for due in event.truth.due.values())
        if (entry["delivered"], entry["withheld"]) != (results["DELIVERED"], results["WITHHELD"]):
            self._found("unaccounted", f"{key}: answered otherwise than is true")

    def verdict(self) -> Verdict:
        """What has gone wrong, once everything has been given."""
        for key, event in self._events.items():
            if event.truth is None:
                self._found("lost", f"{key}: came to no end")
                continue
            if not event.answered:
                self._found("unaccounted", f"{key}: its source was not told")
            for pair, due in event.truth.due.items():
                if due.result != "WITHHELD" and pair not in event.received:
                    self._found("lost", f"{key}: not sent to {pair[0]} for {pair[1]}")
        for place in self._refusals.keys() - self._refused.keys():
            self._found("lost", f"{place}: neither refused nor accepted")
        return Verdict(
            counts={kind: self._counts[kind] for kind in KINDS},
            examples={kind: tuple(found) for kind, found in self._examples.items()},
            judged=dict(self._judged),
        )

    # -- how

    def _found(self, kind: str, example: str) -> None:
        self._counts[kind] += 1
        if len(self._examples[kind]) < EXAMPLES:
            self._examples[kind].append(example)

    def _ordered(self, where: str, key: str, event: _Event) -> None:
        of = (where, key.rpartition("/")[0])
        if event.offset < self._highest.get(of, -1):
            self._found("disordered", f"{key}: after a later one, in {where}")
        self._highest[of] = max(event.offset, self._highest.get(of, -1))

    def _number(self, datum: Plain) -> int:
        """A number for what lies beneath the header: many events share it, and are remembered once."""
        body = {name: value for name, value in datum.items() if name != "header"}
        content = _content(body)
        number = self._numbers.setdefault(content, len(self._bodies))
        if number == len(self._bodies):
            self._bodies.append(body)
        return number

    def _truth(self, event: _Event, number: int, network: Generation, day: date) -> Truth:
        header, body = event.header, self._bodies[event.body]
        replaced = self._events.get(_replaced(header) or "")
        facts = Facts(
            event_type=event.event_type,
            source=header["source"],
            change_kind=header["change_kind"],
            handling=header["handling"],
            requested_by=header["requested_by"],
            places=places(event.event_type, body),
            filled=frozenset(name for name, value in body.items() if value),
            past=replaced.truth.told if replaced is not None and replaced.truth is not None else frozenset(),
            day=day,
        )
        known = self._truths.get((facts, number))
        if known is None:
            known = self._truths[facts, number] = truth(facts, network)
        return known

    def _as_shared(self, event: _Event, due: Due, headers: Headers, datum: Plain) -> bool:
        content = self._contents.get((event.body, due.fields))
        if content is None:
            content = _content(blanked(self._bodies[event.body], due.fields))
            self._contents[event.body, due.fields] = content
        body = {name: value for name, value in datum.items() if name != "header"}
        return (
            _content(body) == content
            and _content(datum.get("header", {})) == event.packed
            and headers.get("ce_instepfields") == ",".join(due.fields)
            and headers.get("ce_instepagreements") == ",".join(due.agreements)
        )

    def _as_withdrawn(self, event: _Event, due: Due, headers: Headers, datum: Plain) -> bool:
        header = event.header
        return datum == {
            "source": header["source"],
            "subject_ref": header["subject_ref"],
            "event_id": header["replaces"],
            "reason": due.reason,
        }


def _key(source: str, subject_ref: str, event_id: str) -> str:
    return f"{source}/{subject_ref}/{event_id}"


def _replaced(header: Plain) -> str | None:
    if header["change_kind"] not in ("CORRECT", "ANNUL"):
        return None
    return _key(header["source"], header["subject_ref"], header["replaces"])


def _content(body: Plain) -> bytes:
    # The second version has no references, so equal content has equal bytes.
    return marshal.dumps(dict(body), 2)


def _day(at: int) -> date:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(LONDON).date()
