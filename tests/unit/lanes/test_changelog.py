"""A changelog is read to its end, or the claim ends: no wait is without a limit."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from instep.kafka.connection import Connection
from instep.lanes import changelog as module
from instep.lanes.changelog import Changelog
from instep.lanes.state import LaneState

CHANGELOG = Changelog(
    connection=Connection(bootstrap_servers="nowhere:1", security_protocol="PLAINTEXT"),
    service="router",
    lane=0,
    cluster="c",
)


class Consumer:
    """Moves to the next position with each fetch, stays at the last, and brings no records."""

    def __init__(self, *positions: int) -> None:
        self.positions = list(positions)

    async def position(self, partition: TopicPartition) -> int:
        return self.positions[0]

    async def getmany(self, *_: object, **__: object) -> dict[TopicPartition, list[Any]]:
        await asyncio.sleep(0.01)
        if len(self.positions) > 1:
            self.positions.pop(0)
        return {}


async def read(*positions: int) -> list[float]:
    shares: list[float] = []
    async with asyncio.timeout(5.0):
        await CHANGELOG._read(
            cast(Any, Consumer(*positions)), cast(LaneState, SimpleNamespace()), "id", 8, shares.append
        )
    return shares


async def test_a_log_is_read_to_its_end() -> None:
    assert await read(0, 2, 8) == [0.25, 1.0]


@pytest.mark.parametrize("positions", [(0, 2), (0, 6, 0)])
async def test_a_log_that_no_longer_reaches_its_end_ends_the_claim(
    positions: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STALLED_SECONDS", 0.1)
    async with asyncio.timeout(2.0):
        with pytest.raises(TimeoutError):
            await read(*positions)
