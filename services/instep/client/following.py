"""Awaits the network's answers to events just published: accepted or refused, and the number of deliveries.

The council's rejected and outcomes topics are followed from their ends before the publishing. The router drops a repeat of
an earlier event without an outcome, so an event may stay without an answer.
"""

import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass

from aiokafka import TopicPartition

from instep.client.council import Council
from instep.client.decisions import EventOutcome, outcome_of
from instep.client.filing import LineResult
from instep.client.reader import Item, Reader

SILENCE_S = 30.0
"""How long to wait for the next answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventAnswer:
    """`outcome`: accepted or refused. `delivered` and `withheld` count recipients and purposes; `decided` names them."""

    line: int
    event_id: str
    outcome: str
    reason: str = ""
    fields: tuple[str, ...] = ()
    delivered: int = 0
    withheld: int = 0
    subject_ref: str = ""
    decided: EventOutcome | None = None

    @property
    def to_correct(self) -> bool:
        """Whether the line can be published again once it is put right.

        In a conflict of ids the network has had the id: the line was published when other fields stayed at home, and its
        next change corrects the event that stands.
        """
        return self.outcome == "refused" and self.reason != "id-conflict"


class Following:
    """Awaits an answer for each published line; call `begin` before the first line is sent."""

    def __init__(self, council: Council, reader: Reader, silence_s: float = SILENCE_S) -> None:
        self._topics = (council.rejected(), council.outcomes())
        self._reader = reader
        self._silence_s = silence_s
        self._starts: Mapping[TopicPartition, int] = {}

    async def begin(self) -> None:
        """Take the offsets from which answers can come."""
        self._starts = await self._reader.ends(self._topics)

    async def answers(self, published: Iterable[LineResult]) -> AsyncIterator[EventAnswer]:
        """The answers as they come; ends with the last answer, or after `silence_s` seconds without any."""
        by_event = {result.event_id: result for result in published}
        by_offset = {result.offset: result for result in by_event.values()}
        heard = time.monotonic()
        if not by_event:
            return
        async for item in self._reader.follow(self._starts):
            if item is None:
                if time.monotonic() - heard > self._silence_s:
                    return
                continue
            for answer in _answers(item, by_event, by_offset):
                if by_event.pop(answer.event_id, None):
                    heard = time.monotonic()
                    yield answer
            if not by_event:
                return


def _answers(
    item: Item, by_event: Mapping[str, LineResult], by_offset: Mapping[int | None, LineResult]
) -> list[EventAnswer]:
    if item.kind == "rejection":
        content = item.content
        result = by_offset.get(content["outbox_offset"])
        if result is None:
            return []
        return [
            EventAnswer(
                line=result.line,
                event_id=result.event_id,
                subject_ref=result.subject_ref,
                outcome="refused",
                reason=content["reason"],
                fields=tuple(content.get("fields", ())),
            )
        ]
    answers = []
    for entry in item.content.get("entries", ()):
        result = by_event.get(entry.get("event_id", ""))
        if result is not None and entry["kind"] == "ACCEPTED":
            answers.append(
                EventAnswer(
                    line=result.line,
                    event_id=result.event_id,
                    subject_ref=result.subject_ref,
                    outcome="accepted",
                    decided=outcome_of(entry),
                    delivered=entry.get("delivered", 0),
                    withheld=entry.get("withheld", 0),
                )
            )
    return answers
