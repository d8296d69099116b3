"""A lane's turns, driven by hand: no broker, and a claim that commits at once."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from aiokafka import TopicPartition

from instep.cluster.connection import Connection
from instep.lanes.claim import Claim
from instep.lanes.driver import Batch
from instep.lanes.lane import Lane, LaneWorker
from instep.lanes.processor import Outputs
from instep.lanes.settings import LaneSettings

PARTITION = TopicPartition("in", 0)
INTERVAL = 0.2


class Worker:
    """A worker whose lane waits at the claim, so that a test takes its turns for it."""

    settings = LaneSettings(
        connection=Connection(bootstrap_servers="nowhere:1", security_protocol="PLAINTEXT"),
        state_directory=Path(),
        schemas_directory=Path(),
        transaction_interval=INTERVAL,
    )
    metrics = SimpleNamespace(
        committed=SimpleNamespace(inc=lambda: None),
        seconds=SimpleNamespace(observe=lambda _: None),
        events=SimpleNamespace(observe=lambda _: None),
    )
    processor = SimpleNamespace(
        process=lambda records, state, now: Outputs(), tick=lambda state, now: Outputs()
    )

    def __init__(self) -> None:
        self.claiming = True

    async def up_to_date(self) -> None:
        if self.claiming:
            self.claiming = False
            await asyncio.Event().wait()


class Committed:
    """A claim that notes when each transaction began, and how far it got."""

    state = SimpleNamespace(changes={})

    def __init__(self) -> None:
        self.transactions: list[tuple[float, int]] = []

    async def begin(self) -> Any:
        self.transactions.append((time.monotonic(), 0))
        return SimpleNamespace(add=self._add)

    async def _add(self, outputs: object) -> None:
        """Nothing is put out."""

    async def commit(self, transaction: object, positions: dict[TopicPartition, int]) -> None:
        self.transactions[-1] = (self.transactions[-1][0], positions[PARTITION])


def batch(at: int) -> Batch:
    return Batch(PARTITION, at, at + 1, [], 0, 1)


async def test_what_comes_alone_goes_at_once_and_what_comes_soon_after_goes_together() -> None:
    claim = Committed()
    lane = Lane(0, frozenset({PARTITION}), cast(LaneWorker, Worker()))
    lane.next[PARTITION] = 0
    await asyncio.sleep(0)
    try:
        began = time.monotonic()
        lane.offer(batch(0))
        await lane._turn(cast(Claim, claim))
        lane.offer(batch(1))
        late = asyncio.get_running_loop().call_later(INTERVAL / 4, lane.offer, batch(2))
        await lane._turn(cast(Claim, claim))
        late.cancel()
    finally:
        await lane.release()
    (first, reached), (second, reached_then) = claim.transactions
    assert first - began < INTERVAL / 2
    assert INTERVAL <= second - first < 2 * INTERVAL
    assert (reached, reached_then) == (1, 3)
