"""A lane: all input partitions with one number, decided in order, one transaction at a time."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import structlog
from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from instep.errors import LostRecordsError, Ours
from instep.lanes.changelog import Changelog
from instep.lanes.claim import Claim
from instep.lanes.driver import Batch, size_of
from instep.lanes.metrics import LaneMetrics
from instep.lanes.positions import Start, where_to_start
from instep.lanes.probe import Poison
from instep.lanes.processor import Outputs, Processor
from instep.lanes.settings import LaneSettings
from instep.lanes.transaction import Transaction

_log = structlog.get_logger("instep.lanes")

_CHUNK = 500  # records decided at most before the event loop gets a turn
_TURN_SECONDS = 0.02  # and no more than take about so long
_SLOW_SECONDS = 0.0001  # a record that takes longer is slow: such turns are short, and as long again belongs to the others
_SLOW_TURN_SECONDS = 0.004
_TICK_SECONDS = 1.0
_TELL_SECONDS = (
    5.0  # how far the group's committed offsets may be behind the changelog's positions while there is work
)
_SEEN_SECONDS = 60.0
_LOST_SECONDS = 5.0
_TOLD_SECONDS = 5.0
_RELEASE_SECONDS = 2.0  # what a transaction may take to end when the lane is given up


class LaneWorker(Protocol):
    """What a lane asks of its worker."""

    settings: LaneSettings
    processor: Processor
    metrics: LaneMetrics
    group: str
    cluster: str
    directory: Path

    async def committed(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        """The group's committed offsets, None where it has none."""

    async def earliest(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Where each partition's log starts."""

    async def up_to_date(self) -> None:
        """Return once the network is confirmed fresh and the processor follows it."""

    async def begin_reading(self, lane: "Lane") -> None:
        """Read the lane's partitions from its positions on."""

    def hold_back(self, lane: "Lane", full: bool) -> None:
        """Pause the lane's partitions while its queue is full."""

    def failed(self, error: BaseException) -> None:
        """End the process: a lane met the unexpected."""


class Lane:
    """One lane of this worker, from its assignment to its release."""

    def __init__(self, number: int, partitions: frozenset[TopicPartition], worker: LaneWorker) -> None:
        self.number = number
        self.partitions = partitions
        self.claimed = False
        self.lost: str | None = None
        self.restored: float | None = None
        """How much of its state it has, from 0 to 1, while it restores; None before and after."""
        self.next: dict[TopicPartition, int] = {}
        self._worker = worker
        self._queue: deque[Batch] = deque()
        self._queued_bytes = self._queued_records = 0
        self._held_back = False
        self._stopping = False
        self._wake = asyncio.Event()
        self._poison = Poison(worker.processor)
        self._last_tick = self._last_commit = self._last_seen = time.monotonic()
        self._chunk = _CHUNK
        self._rest = 0.0
        self._last_begin = 0.0
        # Not all lanes at once: what one tells, the others' transactions wait for.
        self._last_told = time.monotonic() - number % _TELL_SECONDS
        self._untold: dict[TopicPartition, int] = {}
        self._open_since: float | None = None
        self._task = asyncio.ensure_future(self._run())

    # -- what the worker calls

    def offer(self, batch: Batch) -> None:
        """Take a batch, and begin with `wake`; never waits. Above the byte bound the lane's partitions are held back."""
        if not self._queue:
            self._last_commit = time.monotonic()
        self._queue.append(batch)
        self._queued_bytes += batch.size
        self._queued_records += len(batch.records)
        if not self._held_back and self._queued_bytes > self._worker.settings.queue_bytes:
            self._held_back = True
            self._worker.hold_back(self, True)

    def wake(self) -> None:
        """Decide what is queued. Called when all batches of a fetch are here, so that they share a transaction."""
        if self._queued_records:
            self._wake.set()

    async def release(self) -> None:
        """Give the lane up: an open transaction is finished, or left for the next claim to abort."""
        self._stopping = True
        self._wake.set()
        if self.claimed:
            await asyncio.wait([self._task], timeout=_RELEASE_SECONDS)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def silent_for(self) -> float:
        """Seconds without a commit while work is waiting; 0 when nothing waits or the lane is still claiming."""
        return time.monotonic() - self._last_commit if self.claimed and self._queue else 0.0

    def open_for(self) -> float:
        """Seconds that the lane's transaction has been open; 0 when none is."""
        return time.monotonic() - self._open_since if self._open_since is not None else 0.0

    # -- the lane's own task

    async def _run(self) -> None:
        try:
            while not self._stopping:
                await self._own_or_wait()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  # whatever it is, this process must not go on
            self._worker.failed(error)

    async def _own_or_wait(self) -> None:
        """Own the lane until it is given up; while records are lost, look every few seconds whether that is accepted."""
        try:
            await self._own()
        except LostRecordsError as error:
            if self.lost is None:
                _log.error("lost-records", lane=self.number, problem=str(error))  # the sentence is all
            self.lost = str(error)
            await asyncio.sleep(_LOST_SECONDS)

    async def _own(self) -> None:
        began = time.monotonic()
        worker = self._worker
        await worker.up_to_date()
        changelog = Changelog(
            connection=worker.settings.connection,
            service=worker.processor.service,
            lane=self.number,
            cluster=worker.cluster,
        )
        directory = worker.directory / f"lane-{self.number}"
        try:
            claim = await Claim.open(
                worker.settings, changelog, worker.group, directory, self._restoring(began)
            )
        finally:
            self.restored = None
        try:
            self.next = dict((await self._where_to_start(claim)).positions)
            await claim.enter()
            self._poison.beware(claim.fruitless_before)
            await worker.begin_reading(self)
            self.claimed, self.lost = True, None
            worker.metrics.restore.observe(time.monotonic() - began)
            _log.info("lane claimed", lane=self.number, restored=claim.entries_restored)
            while not self._stopping:
                await self._turn(claim)
            if self._untold:
                await self._commit(claim, await self._begin(claim), {}, [], tell=True)
        finally:
            if self._open_since is not None:  # in the middle of it: the next claim aborts what is open
                self._open_since = None
                worker.metrics.aborted.inc()
            await claim.close()

    def _restoring(self, began: float) -> Callable[[float], None]:
        """Notes how far the restore has come, and tells the log now and then."""
        told = began

        def note(restored: float) -> None:
            nonlocal told
            self.restored = restored
            if time.monotonic() - told > _TOLD_SECONDS:
                told = time.monotonic()
                _log.info("restoring", lane=self.number, percent=int(100 * restored))

        return note

    async def _where_to_start(self, claim: Claim) -> Start:
        worker = self._worker
        committed = await worker.committed(self.partitions)
        kept = claim.kept_positions(self.partitions)
        start = where_to_start(
            committed=committed,
            kept=kept,
            earliest=await worker.earliest(self.partitions),
            has_run=any(at is not None for at in (*kept.values(), *committed.values())),
            accept=claim.accepted,
        )
        for gap in start.accepted:
            _log.warning("gap accepted", topic=gap.partition.topic, position=gap.position, start=gap.start)
        if start.lost:
            gaps = ", ".join(
                f"{gap.partition.topic} from {gap.position} to {gap.start}" for gap in start.lost
            )
            raise LostRecordsError(
                f"Records that this lane has not read are gone ({gaps});"
                " `instep lane accept` accepts a gap, and the lane goes on."
            )
        return start

    async def _turn(self, claim: Claim) -> None:
        """Wait for work or for the next second, then do what there is.

        A transaction's marker alone is worth no transaction, which would only write one more: it waits for the second.
        """
        due = self._last_tick + _TICK_SECONDS - time.monotonic()
        if due > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), due)
        self._wake.clear()
        await self._worker.up_to_date()
        if self._queue:
            await self._let_more_come()
            await self._process(claim)
            self.wake()
        if time.monotonic() - self._last_tick >= _TICK_SECONDS:
            self._last_tick = time.monotonic()
            await self._tick(claim)

    async def _let_more_come(self) -> None:
        """Begin so long after the last transaction: many small ones keep the broker busy, and every lane waits for it."""
        early = self._last_begin + self._worker.settings.transaction_interval - time.monotonic()
        if early > 0:
            await asyncio.sleep(early)

    async def _process(self, claim: Claim) -> None:
        """Decide what is queued, within the bounds of one transaction, and commit it."""
        began = self._last_begin = time.monotonic()
        longest = self._worker.settings.transaction_seconds
        transaction = await self._begin(claim)
        positions: dict[TopicPartition, int] = {}
        raise_metrics: list[Callable[[], None]] = []
        events = 0
        for batch in self._taken(began):
            self._check_joins_up(batch, positions)
            at = 0
            while at < len(batch.records) and (not at or time.monotonic() - began < longest):
                # The probe for poison takes its time: one batch whole, before anything has been sent.
                part = batch.records[at:] if self._poison.expected else batch.records[at : at + self._chunk]
                at += len(part)
                outputs = await self._decide(part, claim)
                await transaction.add(outputs.records)
                raise_metrics.append(outputs.committed)
                await asyncio.sleep(self._rest)
            positions[batch.partition] = (
                batch.after if at == len(batch.records) else self._put_back(batch, at)
            )
            events += at
        self._poison.beware(0)
        await self._commit(claim, transaction, positions, raise_metrics)
        self._worker.metrics.seconds.observe(time.monotonic() - began)
        if events:
            self._worker.metrics.events.observe(events)

    def _taken(self, began: float) -> Iterable[Batch]:
        """Batches off the queue until the transaction is as large, or as old, as it may be."""
        settings = self._worker.settings
        events = size = 0
        while self._queue and events < settings.transaction_events and size < settings.transaction_bytes:
            batch = self._queue.popleft()
            self._queued_bytes -= batch.size
            self._queued_records -= len(batch.records)
            if self._held_back and self._queued_bytes < settings.queue_bytes / 2:
                self._held_back = False
                self._worker.hold_back(self, False)
            events += len(batch.records)
            size += batch.size
            yield batch
            if self._poison.expected or time.monotonic() - began >= settings.transaction_seconds:
                return

    def _put_back(self, batch: Batch, at: int) -> int:
        """Leave what follows the first `at` records to the next transaction; returns the position where that begins."""
        position: int = batch.records[at - 1].offset + 1
        rest = batch.records[at:]
        left = Batch(batch.partition, position, batch.after, rest, size_of(rest), batch.assignment)
        self._queue.appendleft(left)
        self._queued_bytes += left.size
        self._queued_records += len(rest)
        return position

    def _check_joins_up(self, batch: Batch, positions: Mapping[TopicPartition, int]) -> None:
        expected = positions.get(batch.partition, self.next.get(batch.partition))
        if expected != batch.before:
            topic = batch.partition.topic
            raise Ours(
                f"The lane was at {expected} of {topic}, and the batch that came starts at {batch.before}."
            )

    async def _decide(self, records: list[ConsumerRecord], claim: Claim) -> Outputs:
        now = time.time_ns() // 1_000_000
        if self._poison.expected:
            return await self._poison.decide(records, claim.state, now)
        began = time.perf_counter()
        outputs = self._worker.processor.process(records, claim.state, now)
        took = time.perf_counter() - began
        slow = took > len(records) * _SLOW_SECONDS
        turn = _SLOW_TURN_SECONDS if slow else _TURN_SECONDS
        self._chunk = max(1, min(_CHUNK, int(len(records) * turn / took)))
        self._rest = took if slow else 0.0
        return outputs

    async def _tick(self, claim: Claim) -> None:
        outputs = self._worker.processor.tick(claim.state, time.time_ns() // 1_000_000)
        idle = time.monotonic() - self._last_commit >= _TICK_SECONDS
        if outputs.records or claim.state.changes or (idle and self._untold):
            transaction = await self._begin(claim)
            await transaction.add(outputs.records)
            await self._commit(claim, transaction, {}, [outputs.committed], tell=idle)
        if time.monotonic() - self._last_seen > _SEEN_SECONDS:
            self._last_seen = time.monotonic()
            claim.state.seen()

    async def _begin(self, claim: Claim) -> Transaction:
        self._open_since = time.monotonic()
        return await claim.begin()

    async def _commit(
        self,
        claim: Claim,
        transaction: Transaction,
        positions: Mapping[TopicPartition, int],
        raise_metrics: Iterable[Callable[[], None]],
        *,
        tell: bool = False,
    ) -> None:
        """The changelog holds every position; the group is told now and then, for that is two fifths of a commit."""
        self._untold.update(positions)
        told = self._untold if tell or time.monotonic() - self._last_told >= _TELL_SECONDS else {}
        await claim.commit(transaction, positions, told)
        if told:
            self._untold, self._last_told = {}, time.monotonic()
        self.next.update(positions)
        self._last_commit = time.monotonic()
        self._open_since = None
        self._worker.metrics.committed.inc()
        for raise_them in raise_metrics:
            raise_them()
