"""A lane's turns, driven by hand: no broker, and a claim that commits at once."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from instep.cluster.connection import Connection
from instep.lanes.claim import Claim
from instep.lanes.driver import Batch
from instep.lanes.lane import Lane, LaneWorker
from instep.lanes.processor import Outputs
from instep.lanes.settings import LaneSettings

PARTITION = TopicPartition("in", 0)
INTERVAL = 0.2


def metric() -> Any:
    """A counter or histogram that only notes how often it was raised."""
    raised = SimpleNamespace(times=0)

    def note(value: float = 1) -> None:
        raised.times += 1

    raised.inc = raised.observe = note
    return raised


class Worker:
    """A worker whose lane waits at the claim unless it may `claim`, so that a test takes its turns for it."""

    group = cluster = "test"
    directory = Path()

    settings = LaneSettings(
        connection=Connection(bootstrap_servers="nowhere:1", security_protocol="PLAINTEXT"),
        state_directory=Path(),
        schemas_directory=Path(),
        transaction_interval=INTERVAL,
    )
    processor = SimpleNamespace(
        service="test", process=lambda records, state, now: Outputs(), tick=lambda state, now: Outputs()
    )

    def __init__(self, *, claim: bool = False) -> None:
        self.waits = not claim
        self.metrics = SimpleNamespace(
            committed=metric(), aborted=metric(), seconds=metric(), events=metric(), restore=metric()
        )

    async def up_to_date(self) -> None:
        if self.waits:
            self.waits = False
            await asyncio.Event().wait()

    async def committed(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int | None]:
        return dict.fromkeys(partitions, 0)

    async def earliest(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def begin_reading(self, lane: Lane) -> None:
        """Batches are offered by hand."""


class Committed:
    """A claim that notes when each transaction began, and how far it got."""

    state = SimpleNamespace(changes={})
    entries_restored = fruitless_before = 0

    def __init__(self) -> None:
        self.transactions: list[tuple[float, int | None]] = []
        self.told: list[int | None] = []

    async def begin(self) -> Any:
        self.transactions.append((time.monotonic(), 0))
        return SimpleNamespace(add=self._add)

    async def _add(self, outputs: object) -> None:
        """Nothing is put out."""

    async def commit(
        self, transaction: object, positions: dict[TopicPartition, int], told: dict[TopicPartition, int]
    ) -> None:
        self.transactions[-1] = (self.transactions[-1][0], positions.get(PARTITION))
        self.told.append(told.get(PARTITION))

    def kept_positions(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int | None]:
        return dict.fromkeys(partitions)

    def accepted(self, gap: object) -> bool:
        return False

    async def enter(self) -> None:
        """Nothing is counted."""

    async def close(self) -> None:
        """Nothing is open."""


class Unanswered(Committed):
    """A claim whose commits are never answered, as when the broker is away."""

    async def commit(
        self, transaction: object, positions: dict[TopicPartition, int], told: dict[TopicPartition, int]
    ) -> None:
        await asyncio.Event().wait()


def batch(at: int, records: int = 0) -> Batch:
    """Of so many records of ten bytes, and a marker behind them."""
    made = [SimpleNamespace(offset=at + one, value=b"", serialized_value_size=10) for one in range(records)]
    return Batch(PARTITION, at, at + records + 1, cast(Any, made), 10 * records, 1)


async def test_what_comes_alone_goes_at_once_and_what_comes_soon_after_goes_together() -> None:
    claim = Committed()
    lane = Lane(0, frozenset({PARTITION}), cast(LaneWorker, Worker()))
    lane.next[PARTITION] = 0
    await asyncio.sleep(0)
    try:
        began = time.monotonic()
        lane.offer(batch(0, records=1))
        lane.wake()
        await lane._turn(cast(Claim, claim))
        lane.offer(batch(2, records=1))
        lane.wake()
        late = asyncio.get_running_loop().call_later(INTERVAL / 4, lane.offer, batch(4, records=1))
        await lane._turn(cast(Claim, claim))
        late.cancel()
    finally:
        await lane.release()
    (first, reached), (second, reached_then) = claim.transactions
    assert first - began < INTERVAL / 2
    assert INTERVAL <= second - first < 2 * INTERVAL
    assert (reached, reached_then) == (2, 6)


async def test_the_batches_of_a_fetch_go_together() -> None:
    claim = Committed()
    lane = Lane(0, frozenset({PARTITION}), cast(LaneWorker, Worker()))
    lane.next[PARTITION] = 0
    await asyncio.sleep(0)
    turn = asyncio.create_task(lane._turn(cast(Claim, claim)))
    try:
        for at in (0, 2):
            lane.offer(batch(at, records=1))
            await asyncio.sleep(0.01)
        assert claim.transactions == []
        lane.wake()
        await turn
    finally:
        await lane.release()
    assert [reached for _, reached in claim.transactions] == [4]


async def test_a_batch_that_takes_longer_than_a_transaction_may_is_committed_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker, claim = Worker(), Committed()
    decided: list[int] = []
    now = 0.0  # moved by the records alone, so that what else the machine does counts for nothing
    a_record_takes = 2**-10

    def slowly(records: list[Any], state: object, at: int) -> Outputs:
        nonlocal now
        now += a_record_takes * len(records)
        decided.extend(record.offset for record in records)
        return Outputs()

    def clock() -> float:
        return now

    monkeypatch.setattr(
        "instep.lanes.lane.time", SimpleNamespace(monotonic=clock, perf_counter=clock, time_ns=time.time_ns)
    )
    worker.processor = SimpleNamespace(process=slowly, tick=worker.processor.tick)
    worker.settings = replace(
        worker.settings, transaction_seconds=8 * a_record_takes, transaction_interval=0.0
    )
    lane = Lane(0, frozenset({PARTITION}), cast(LaneWorker, worker))
    lane.next[PARTITION] = 0
    lane._chunk = 4
    await asyncio.sleep(0)
    try:
        lane.offer(batch(0, records=50))
        lane.wake()
        while lane._queue:
            await lane._turn(cast(Claim, claim))
    finally:
        await lane.release()
    assert decided == list(range(50))
    reached = [position for _, position in claim.transactions if position is not None]
    assert reached == [8, 16, 24, 32, 40, 48, 51]
    assert lane._queued_bytes == 0


async def test_a_marker_alone_makes_no_transaction_until_the_next_tick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("instep.lanes.lane._TICK_SECONDS", 3 * INTERVAL)
    claim = Committed()
    lane = Lane(0, frozenset({PARTITION}), cast(LaneWorker, Worker()))
    lane.next[PARTITION] = 0
    await asyncio.sleep(0)
    try:
        began = time.monotonic()
        lane.offer(batch(0))
        lane.wake()
        await lane._turn(cast(Claim, claim))
    finally:
        await lane.release()
    ((at, reached),) = claim.transactions
    assert at - began >= 2 * INTERVAL
    assert reached == lane.next[PARTITION] == 1


async def test_the_group_is_told_now_and_then_when_there_is_no_work_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claim = Committed()

    async def claimed(*_: object) -> Committed:
        return claim

    monkeypatch.setattr(Claim, "open", claimed)
    monkeypatch.setattr("instep.lanes.lane._TELL_SECONDS", 0.5)
    monkeypatch.setattr("instep.lanes.lane._TICK_SECONDS", 0.2)
    worker = Worker(claim=True)
    worker.settings = replace(worker.settings, transaction_interval=0.0)
    lane = Lane(0, frozenset({PARTITION}), cast(LaneWorker, worker))
    async with asyncio.timeout(5):
        while not lane.claimed:
            await asyncio.sleep(0.01)
    began = time.monotonic()
    for number in range(15):
        lane.offer(batch(2 * number, records=1))
        lane.wake()
        await asyncio.sleep(0.1)
    busy = [position for position in claim.told if position]
    assert 2 <= len(busy) <= 2 * (time.monotonic() - began) + 1
    await asyncio.sleep(0.5)
    assert claim.told[-1] == 30
    lane.offer(batch(30, records=1))
    lane.wake()
    await asyncio.sleep(0.05)
    await lane.release()
    assert [position for _, position in claim.transactions if position] == list(range(2, 33, 2))
    assert claim.told[-1] == 32


@pytest.mark.parametrize(("claim", "committed", "aborted"), [(Committed(), 2, 0), (Unanswered(), 0, 1)])
async def test_a_transaction_that_is_given_up_in_the_middle_is_counted_as_aborted(
    claim: Committed, committed: int, aborted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def claimed(*_: object) -> Committed:
        return claim

    monkeypatch.setattr(Claim, "open", claimed)
    monkeypatch.setattr("instep.lanes.lane._RELEASE_SECONDS", 0.1)
    worker = Worker(claim=True)
    lane = Lane(0, frozenset({PARTITION}), cast(LaneWorker, worker))
    async with asyncio.timeout(5):
        while not lane.claimed:
            await asyncio.sleep(0.01)
    lane.offer(batch(0, records=1))
    lane.wake()
    await asyncio.sleep(0.05)
    await lane.release()
    assert (worker.metrics.committed.times, worker.metrics.aborted.times) == (committed, aborted)
