"""Redrives refused events: validates each again by today's rules, and sends the sound events again, unchanged.

A council that has to correct an event publishes another. Redriving is for events that have become sound without a
correction: the network has learnt their schema, a date no longer lies in the future, the event that they replace has been
accepted.

The audit line is a header of the record sent, `instep-redrives`: it names the original's place in the outbox. The header
lies in the outbox as long as the original does, and keeps an event from being sent twice. So a run that was cut short is
simply run again. Two runs at once may both send an event; the router drops the repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from aiokafka import TopicPartition

from instep.client.council import Council
from instep.client.publisher import Sendable, publishing
from instep.client.reader import Item, Reader, reading
from instep.events.decoding import Decoder, Refusal
from instep.events.outbox import validate
from instep.events.rules import Rule, rule_of

REDRIVES = "instep-redrives"
"""The header of a redriven record: the original's offset in the same outbox, in ASCII digits."""
_DIGITS = 19

_NEVER = frozenset({"id-conflict"})
"""Refused because of another event: the same event can never be accepted."""
_ONLY_BY_NAME = frozenset({"poison"})
"""A poison record has killed a service twice, and may again: redriven only where its reason is asked for."""


class RedriveResult(StrEnum):
    """The result for a refused event."""

    SENT = "sent"
    SOUND = "sound"
    """A dry run: the event would have been sent."""
    UNSOUND = "still-unsound"
    NEVER = "never"
    """The event cannot become sound: its content needs another event, with a new id."""
    ALREADY = "already-redriven"
    GONE = "gone"
    """The original is no longer kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusalChoice:
    """The chosen refusals: of `reason` (any if None), with originals from `first` to `last` in the outbox."""

    reason: str | None = None
    first: int = 0
    last: int | None = None

    def covers(self, refusal: Item) -> bool:
        """Whether a refusal is chosen. A record of the topic that cannot be read here never is."""
        if refusal.problem:
            return False
        place, reason = int(refusal.content["outbox_offset"]), str(refusal.content["reason"])
        wanted = reason == self.reason if self.reason else reason not in _ONLY_BY_NAME
        return wanted and self.first <= place and (self.last is None or place <= self.last)


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """A refused event's result: the `reason` of the refusal, and the reason `still` to refuse the event, where there is any.

    `place` is the original's offset in the outbox, `sent_to` the offset of the redriven record.
    """

    place: int
    event_id: str | None
    reason: str
    result: RedriveResult
    still: str = ""
    fields: tuple[str, ...] = ()
    sent_to: int | None = None


class Revalidation:
    """Validates refused events by today's rules; pure, made once for a council."""

    def __init__(self, council: Council) -> None:
        self._authority = council.authority
        self._decoder = Decoder(council.catalogue, council.schemas)
        self._rules: Mapping[str, Rule] = {
            name: rule_of(event_type) for name, event_type in council.catalogue.events.items()
        }

    def decide(
        self, refusal: Item, original: Any | None, redriven: Collection[int], now_ms: int
    ) -> Done | Sendable:
        """The event to send, or the reason to send none; `redriven` are places of originals that were sent again before."""
        place, reason = int(refusal.content["outbox_offset"]), str(refusal.content["reason"])
        if place in redriven:
            return _done(refusal, RedriveResult.ALREADY)
        if original is None:
            return _done(refusal, RedriveResult.GONE)
        if reason in _NEVER:
            return _done(refusal, RedriveResult.NEVER)
        return self._validated(refusal, original, place, now_ms)

    def _validated(self, refusal: Item, original: Any, place: int, now_ms: int) -> Done | Sendable:
        others = [(name, value) for name, value in original.headers if name != REDRIVES]
        headers = (*others, (REDRIVES, b"%d" % place))
        verdict = validate(
            original.key,
            original.value,
            headers,
            source=self._authority,
            decoder=self._decoder,
            rules=self._rules,
            now=now_ms,
        )
        if isinstance(verdict, Refusal):
            return _done(refusal, RedriveResult.UNSOUND, still=verdict.reason, fields=verdict.fields)
        key: bytes = original.key
        return Sendable(
            event_id=str(refusal.content.get("event_id")),
            subject_ref=key.decode(),
            key=key,
            value=original.value,
            headers=headers,
        )


def redriven_of(headers: Iterable[tuple[str, bytes | None]]) -> int | None:
    """The original's place, for a redriven record; None for any other record."""
    for name, value in headers:
        if name == REDRIVES and value is not None and len(value) <= _DIGITS and value.isdigit():
            return int(value)
    return None


async def refusals(reader: Reader, council: Council, choice: RefusalChoice) -> list[Item]:
    """The chosen refusals in the order of their originals, each original once."""
    originals = {
        int(item.content["outbox_offset"]): item
        async for item in reader.read([council.rejected()])
        if choice.covers(item)
    }
    return [originals[place] for place in sorted(originals)]


async def redrive(
    council: Council,
    choice: RefusalChoice,
    now_ms: int,
    report: Callable[[Done], None],
    *,
    dry_run: bool = False,
) -> None:
    """Send the events that have become sound, in the order of the originals; `report` gets each result once it is certain.

    `now_ms` is epoch milliseconds UTC. Raises NotConnectedError; events sent by then stay sent, and are not sent again.
    """
    async with reading(council.connection, council.schemas) as reader:
        chosen = await refusals(reader, council, choice)
        if not chosen:
            return
        places = {int(item.content["outbox_offset"]) for item in chosen}
        originals, redriven = await _outbox(reader, council.outbox(), places)
    revalidation = Revalidation(council)
    decisions = [
        (item, revalidation.decide(item, originals.get(int(item.content["outbox_offset"])), redriven, now_ms))
        for item in chosen
    ]
    if dry_run:
        for item, decision in decisions:
            report(_done(item, RedriveResult.SOUND) if isinstance(decision, Sendable) else decision)
        return
    async with publishing(council.connection) as publisher:
        for item, decision in decisions:
            if isinstance(decision, Done):
                report(decision)
            else:
                await publisher.send(council.authority, decision, partial(_sent, report, item))


def _sent(report: Callable[[Done], None], item: Item, at: int) -> None:
    report(_done(item, RedriveResult.SENT, sent_to=at))


def _done(
    refusal: Item,
    result: RedriveResult,
    *,
    still: str = "",
    fields: tuple[str, ...] = (),
    sent_to: int | None = None,
) -> Done:
    content = refusal.content
    return Done(
        place=int(content["outbox_offset"]),
        event_id=content.get("event_id"),
        reason=str(content["reason"]),
        result=result,
        still=still,
        fields=fields,
        sent_to=sent_to,
    )


async def _outbox(
    reader: Reader, outbox: TopicPartition, places: Collection[int]
) -> tuple[dict[int, Any], set[int]]:
    """The wanted originals by their places, and the places that were redriven before."""
    originals: dict[int, Any] = {}
    redriven: set[int] = set()
    async for record in reader.records([outbox], {outbox: min(places)}):
        if record.offset in places:
            originals[record.offset] = record
        before = redriven_of(record.headers)
        if before is not None:
            redriven.add(before)
    return originals, redriven
