"""A lane's turns, driven by hand: no broker, and a claim that commits at once."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    ProducerFenced,
    RequestTimedOutError,
)
from aiokafka.structs import OffsetAndMetadata

from instep.errors import ClockError, UnknownStateError
from instep.kafka.connection import Connection
from instep.kafka.log_ends import Log
from instep.lanes.batch import Batch
from instep.lanes.claim import Claim
from instep.lanes.hanging import Hanging
from instep.lanes.lane import Lane, LaneWorker
from instep.lanes.positions import Cause, Gap, Position
from instep.lanes.processor import Outputs
from instep.lanes.settings import LaneSettings
from instep.lanes.unconfirmed import Unconfirmed
from instep.network.services import Service

PARTITION = TopicPartition("in", 0)
LOG = Log(start=0, end=100, topic_id="in-1")
INTERVAL = 0.2


def metric() -> Any:
    """A counter or histogram that only notes how often somebody raised the metric."""
    raised = SimpleNamespace(times=0)

    def note(value: float = 1) -> None:
        raised.times += 1

    raised.inc = raised.observe = note
    return raised


class Worker:
    """A worker whose lane waits at the claim unless `claim` is set, so that a test takes the lane's turns."""

    group = cluster = "test"
    directory = Path()

    settings = LaneSettings(
        connection=Connection(bootstrap_servers="nowhere:1", security_protocol="PLAINTEXT"),
        state_directory=Path(),
        schemas_directory=Path(),
        transaction_interval=INTERVAL,
        session_timeout=0.2,
    )
    processor = SimpleNamespace(
        service=Service(name="test", port=0, reads=(), writes={}),
        process=lambda records, state, now: Outputs(),
        tick=lambda state, now: Outputs(),
    )

    def __init__(self, *, claim: bool = False, log: Log = LOG, committed: int = 0) -> None:
        self.waits = not claim
        self.metrics = SimpleNamespace(
            committed=metric(), aborted=metric(), seconds=metric(), events=metric(), restore=metric()
        )
        self.ends = SimpleNamespace(logs=self._logs)
        self.failures: list[BaseException] = []
        self.reading = False
        self.lost: list[Gap] = []
        self._log = log
        self._committed = committed

    async def _logs(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Log]:
        return dict.fromkeys(partitions, self._log)

    def outputs(self, lane: int) -> list[TopicPartition]:
        return []

    async def up_to_date(self) -> None:
        if self.waits:
            self.waits = False
            await asyncio.Event().wait()

    async def committed(self) -> dict[TopicPartition, OffsetAndMetadata]:
        return {PARTITION: OffsetAndMetadata(self._committed, "")}

    async def go_on_at(self, offsets: dict[TopicPartition, int]) -> None:
        """The group has them."""

    async def say_lost(self, gaps: Iterable[Gap], committed: object) -> None:
        self.lost = list(gaps)

    async def begin_reading(self, lane: Lane) -> None:
        """Batches are offered by hand."""
        self.reading = True

    def stop_reading(self, lane: Lane) -> None:
        self.reading = False

    def failed(self, error: BaseException) -> None:
        self.failures.append(error)


class Committed:
    """A claim that notes each transaction's beginning and position."""

    state = SimpleNamespace(changes={})
    entries_restored = uncommitted_before = 0

    def __init__(self) -> None:
        self.transactions: list[tuple[float, int | None]] = []
        self.accepts: int | None = None
        self.topic_ids: dict[str, str] = {}
        self.unconfirmed = Unconfirmed(TopicPartition("changelog", 0), Hanging())
        self.closed = False

    def begin(self) -> Any:
        self.transactions.append((time.monotonic(), 0))
        return SimpleNamespace(add=self._add)

    async def _add(self, outputs: object) -> None:
        """Nothing is put out."""

    async def commit(self, transaction: object, positions: dict[TopicPartition, int]) -> None:
        self.transactions[-1] = (self.transactions[-1][0], positions.get(PARTITION))

    def changelog_positions(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Position]:
        return dict.fromkeys(partitions, Position(offset=0, topic_id="in-1"))

    def accepted(self, gap: Gap) -> int | None:
        return self.accepts

    async def enter(self, accepted: object) -> None:
        """Nothing is counted."""

    def check_clock(self) -> None:
        """The clock is right."""

    async def settle_what_hangs(self) -> None:
        """Nothing hangs."""

    async def confirmed(self) -> None:
        """Every marker is there."""

    async def close(self) -> None:
        self.closed = True


class Unanswered(Committed):
    """A claim whose commits are never answered, as when the broker is away."""

    async def commit(self, transaction: object, positions: dict[TopicPartition, int]) -> None:
        await asyncio.Event().wait()


class Failing(Committed):
    """A claim whose first commit fails."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error: Exception | None = error

    async def commit(self, transaction: object, positions: dict[TopicPartition, int]) -> None:
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        await super().commit(transaction, positions)


def batch(at: int, records: int = 0) -> Batch:
    """Of so many records of ten bytes, and a marker behind them."""
    made = [
        SimpleNamespace(offset=at + number, value=b"", serialized_value_size=10) for number in range(records)
    ]
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
        await lane._round(cast(Claim, claim))
        lane.offer(batch(2, records=1))
        lane.wake()
        late = asyncio.get_running_loop().call_later(INTERVAL / 4, lane.offer, batch(4, records=1))
        await lane._round(cast(Claim, claim))
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
    looking = asyncio.create_task(lane._round(cast(Claim, claim)))
    try:
        for at in (0, 2):
            lane.offer(batch(at, records=1))
            await asyncio.sleep(0.01)
        assert claim.transactions == []
        lane.wake()
        await looking
    finally:
        await lane.release()
    assert [reached for _, reached in claim.transactions] == [4]


async def test_a_batch_that_takes_longer_than_a_transaction_may_is_committed_in_parts() -> None:
    worker, claim = Worker(), Committed()
    decided: list[int] = []

    def deciding(records: list[Any], state: object, now: int) -> Outputs:
        decided.extend(record.offset for record in records)
        return Outputs()

    worker.processor = SimpleNamespace(process=deciding, tick=worker.processor.tick)
    # Each transaction is old as soon as it has begun, so it decides one turn's records and no more.
    worker.settings = replace(worker.settings, transaction_seconds=0.0, transaction_interval=0.0)
    lane = Lane(0, frozenset({PARTITION}), cast(LaneWorker, worker))
    lane.next[PARTITION] = 0
    lane._pipeline._turns.records = 4
    await asyncio.sleep(0)
    try:
        lane.offer(batch(0, records=50))
        lane.wake()
        while lane._pipeline.queue:
            await lane._round(cast(Claim, claim))
    finally:
        await lane.release()
    assert decided == list(range(50))
    reached = [position for _, position in claim.transactions if position is not None]
    assert reached[0] == 4
    assert reached == sorted(set(reached))
    assert reached[-1] == lane.next[PARTITION] == 51
    assert lane._pipeline.queue.bytes == 0


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
        await lane._round(cast(Claim, claim))
    finally:
        await lane.release()
    ((at, reached),) = claim.transactions
    assert at - began >= 2 * INTERVAL
    assert reached == lane.next[PARTITION] == 1


@pytest.mark.parametrize(("claim", "committed", "aborted"), [(Committed(), 1, 0), (Unanswered(), 0, 1)])
async def test_a_transaction_that_is_given_up_in_the_middle_is_counted_as_aborted(
    claim: Committed, committed: int, aborted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening(monkeypatch, claim)
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


def opening(monkeypatch: pytest.MonkeyPatch, claim: Committed) -> list[float]:
    """Replace every claim by `claim`; returns the times at which claims were opened."""
    opened: list[float] = []

    async def claimed(*_: object, **__: object) -> Committed:
        opened.append(time.monotonic())
        return claim

    monkeypatch.setattr(Claim, "open", claimed)
    return opened


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "error",
    [
        RequestTimedOutError(),
        UnknownStateError("x"),
        InvalidProducerIdMapping(),
        ProducerFenced(),
        TimeoutError(),
    ],
)
async def test_what_the_broker_does_wrong_ends_the_claim_and_not_the_process(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instep.lanes.lane._FIRST_PAUSE_SECONDS", 0.05)
    claim = Failing(error)
    opened = opening(monkeypatch, claim)
    worker = Worker(claim=True)
    lane = Lane(0, frozenset({PARTITION}), cast(LaneWorker, worker))
    try:
        await until(lambda: lane.claimed)
        lane.offer(batch(0, records=1))
        lane.wake()
        await until(lambda: len(opened) == 2 and lane.claimed)
        assert worker.failures == []
        assert lane.open_for() == 0.0
        lane.offer(batch(0, records=1))
        lane.wake()
        await until(lambda: lane.next[PARTITION] == 2)
    finally:
        await lane.release()
    assert worker.metrics.aborted.times == 1


async def test_a_librarys_own_cancellation_does_not_end_a_lane_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claim = Committed()
    opening(monkeypatch, claim)

    async def cancelled(*_: object) -> None:
        raise asyncio.CancelledError

    claim.commit = cancelled  # type: ignore[method-assign,assignment]
    worker = Worker(claim=True)
    lane = Lane(0, frozenset({PARTITION}), cast(LaneWorker, worker))
    await until(lambda: lane.claimed)
    lane.offer(batch(0, records=1))
    lane.wake()
    await until(lambda: bool(worker.failures))


async def test_a_bug_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    opening(monkeypatch, Committed())
    worker = Worker(claim=True)
    lane = Lane(0, frozenset({PARTITION}), cast(LaneWorker, worker))
    await until(lambda: lane.claimed)
    lane.offer(batch(7, records=1))  # the lane is at 0
    lane.wake()
    await until(lambda: bool(worker.failures))
    assert "starts at 7" in str(worker.failures[0])


async def test_a_lane_that_lost_records_stands_still_says_so_and_goes_on_once_that_is_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("instep.lanes.lane._STOPPED_SECONDS", 0.05)
    claim = Committed()
    opening(monkeypatch, claim)
    worker = Worker(claim=True, log=replace(LOG, topic_id="in-2"))
    lane = Lane(0, frozenset({PARTITION}), cast(LaneWorker, worker))
    try:
        await until(lambda: bool(lane.stopped))
        problem = str(lane.stopped)
        assert problem.startswith("lost-records: ")
        assert "in from 0 to 0: the topic was deleted and made anew" in problem
        assert [gap.cause for gap in worker.lost] == [Cause.RECREATED]
        assert not worker.reading
        claim.accepts = 0
        await until(lambda: lane.claimed)
        assert lane.stopped is None
        assert worker.reading
    finally:
        await lane.release()


async def test_an_interrupted_lane_claims_again_and_drops_what_it_had_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("instep.lanes.lane._FIRST_PAUSE_SECONDS", 0.05)
    claim = Committed()
    opened = opening(monkeypatch, claim)
    worker = Worker(claim=True)
    lane = Lane(0, frozenset({PARTITION}), cast(LaneWorker, worker))
    try:
        await until(lambda: lane.claimed)
        lane.offer(batch(0, records=1))
        lane.interrupt(UnknownStateError("its topic is another"))
        await until(lambda: not lane.claimed)
        assert not worker.reading
        await until(lambda: len(opened) == 2 and lane.claimed)
        assert not lane._pipeline.queue
        assert lane.next == {PARTITION: 0}
    finally:
        await lane.release()


async def test_a_wrong_clock_stops_a_lane_before_anything_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = Committed()
    opening(monkeypatch, claim)

    def wrong() -> None:
        raise ClockError("This machine's clock is 86400 s ahead of Kafka's.")

    claim.check_clock = wrong  # type: ignore[method-assign]
    lane = Lane(0, frozenset({PARTITION}), cast(LaneWorker, Worker(claim=True)))
    try:
        await until(lambda: lane.claimed)
        lane.offer(batch(0, records=1))
        lane.wake()
        await until(lambda: bool(lane.stopped))
        assert str(lane.stopped).startswith("clock: ")
        assert claim.transactions == []
    finally:
        await lane.release()


@pytest.mark.parametrize("error", [ProducerFenced(), InvalidProducerEpoch()])
async def test_a_lane_that_another_worker_has_claimed_is_not_claimed_back_at_once(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instep.lanes.lane._FIRST_PAUSE_SECONDS", 0.0)
    opened = opening(monkeypatch, Failing(error))
    worker = Worker(claim=True)
    lane = Lane(0, frozenset({PARTITION}), cast(LaneWorker, worker))
    try:
        await until(lambda: lane.claimed)
        lane.offer(batch(0, records=1))
        lane.wake()
        await until(lambda: not lane.claimed)
        assert lane.waiting_for.startswith("its next heartbeat")
        await until(lambda: len(opened) == 2)
        assert opened[1] - opened[0] >= worker.settings.session_timeout
    finally:
        await lane.release()


async def test_a_lane_is_released_though_a_library_swallows_the_first_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("instep.lanes.lane._CANCEL_SECONDS", 0.05)

    async def deaf(*_: object, **__: object) -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(3600)

    monkeypatch.setattr(Claim, "open", deaf)
    lane = Lane(0, frozenset({PARTITION}), cast(LaneWorker, Worker(claim=True)))
    await asyncio.sleep(0.01)
    async with asyncio.timeout(2):
        await lane.release()
