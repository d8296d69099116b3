"""A refusal whose event was sent again is nobody's to put right any more, and is listed only when asked for."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from instep.client.redrive import REDRIVES
from instep.client.redriven import Refusals, redriven_places

REJECTED, OUTBOX = TopicPartition("leeds.rejected", 0), TopicPartition("leeds.outbox", 0)


class Topics:
    """A reader of two topics: `refused` refusals, and an outbox whose records redrive these places (None: none)."""

    def __init__(self, refused: int, *redrives: int | None) -> None:
        self._refused = refused
        self._redrives = redrives

    async def ends(self, partitions: Any) -> dict[TopicPartition, int]:
        return {REJECTED: self._refused}

    async def records(self, partitions: Any) -> AsyncIterator[Any]:
        for place in self._redrives:
            headers = () if place is None else ((REDRIVES, b"%d" % place),)
            yield SimpleNamespace(headers=headers)


def council() -> Any:
    return SimpleNamespace(rejected=lambda: REJECTED, outbox=lambda: OUTBOX)


def refusal(place: int, reason: str = "bad-date", problem: str = "") -> Any:
    return SimpleNamespace(content={"outbox_offset": place, "reason": reason}, problem=problem)


def chosen(reason: str | None, everything: bool, *items: Any) -> list[Any]:
    refusals = Refusals(reason, everything=everything)
    reader: Any = Topics(2, None, 3, None)
    asyncio.run(refusals.prepare(council(), reader))
    return [item for item in items if refusals.covers(item)]


def test_what_was_sent_again_is_listed_no_more() -> None:
    still, again = refusal(2), refusal(3)
    assert chosen(None, False, still, again) == [still]
    assert chosen(None, True, still, again) == [still, again]


@pytest.mark.parametrize("everything", [False, True])
def test_a_reason_chooses_among_them(everything: bool) -> None:
    date, poison = refusal(1), refusal(2, "poison")
    assert chosen("poison", everything, date, poison) == [poison]


def test_a_refusal_that_cannot_be_read_here_is_listed() -> None:
    item = SimpleNamespace(content={}, problem="unreadable")
    assert chosen(None, False, item) == [item]


def test_the_outbox_is_read_only_where_something_was_refused() -> None:
    nothing: Any = Topics(0, 3)
    assert asyncio.run(redriven_places(council(), nothing)) == frozenset()
    some: Any = Topics(1, 3, None, 5)
    assert asyncio.run(redriven_places(council(), some)) == {3, 5}
