"""A lane: all input partitions with one number, decided in order, one transaction at a time.

A lane claims, reads, decides and commits until the worker releases it. What the broker or the machine does wrong ends the
claim and not the process: the lane claims again, after a pause, and the claim makes good what was open. Where records may be
lost, where nobody can tell how a transaction ended, or where the clock is wrong, the lane stands still and says so.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata

from instep.errors import LostRecordsError, Ours, StoppedLaneError, TheWorlds
from instep.kafka.log_ends import LogEnds
from instep.lanes.changelog import Changelog
from instep.lanes.claim import Claim
from instep.lanes.driver import Batch
from instep.lanes.hanging import Hanging
from instep.lanes.metrics import LaneMetrics
from instep.lanes.positions import Gap, Start, where_to_start
from instep.lanes.probe import Poison
from instep.lanes.processor import Outputs, Processor
from instep.lanes.queue import Queue
from instep.lanes.settings import LaneSettings
from instep.lanes.stated import gap_of, offset_of
from instep.lanes.transaction import Transaction
from instep.lanes.turns import Turns

_log = structlog.get_logger("instep.lanes")

_TICK_SECONDS = 1.0
_SEEN_SECONDS = 60.0
_STOPPED_SECONDS = 5.0  # after which a lane that stands still looks whether somebody has acted
_LOG_SECONDS = 5.0
_RELEASE_SECONDS = 2.0  # what a transaction may take to end when the lane is given up
_CANCEL_SECONDS = 3.5  # what its farewells may, before it is told again
_CONFIRM_SECONDS = 1.0  # and what its marker may, so that the group learns of it
_FIRST_PAUSE_SECONDS = 0.5  # before a lane claims again; twice as long each time
_LONGEST_PAUSE_SECONDS = 30.0


class LaneWorker(Protocol):
    """What a lane asks of its worker."""

    settings: LaneSettings
    processor: Processor
    metrics: LaneMetrics
    group: str
    cluster: str
    directory: Path
    ends: LogEnds

    def outputs(self, lane: int) -> Collection[TopicPartition]:
        """Every partition that this lane may write, its changelog aside."""

    async def committed(self) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """The group's committed offsets, with what lanes say through them."""

    async def up_to_date(self) -> None:
        """Return once the network is confirmed fresh and the processor follows it."""

    async def go_on_at(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Have the group's offsets tell where a lane goes on behind accepted gaps."""

    async def say_lost(self, gaps: Collection[Gap], committed: Mapping[TopicPartition, int | None]) -> None:
        """Have the group's offsets, which are these, tell at which gaps a lane stands."""

    async def begin_reading(self, lane: "Lane") -> None:
        """Read the lane's partitions from its positions on."""

    def stop_reading(self, lane: "Lane") -> None:
        """Read them no more."""

    def pause(self, lane: "Lane") -> None:
        """Pause the lane's partitions: its queue is full."""

    def resume(self, lane: "Lane") -> None:
        """Resume them."""

    def failed(self, error: BaseException) -> None:
        """End the process: a lane met the unexpected."""


class Lane:
    """One lane of this worker, from its assignment to its release."""

    def __init__(self, number: int, partitions: frozenset[TopicPartition], worker: LaneWorker) -> None:
        self.number = number
        self.partitions = partitions
        self.claimed = False
        self.stopped: str | None = None
        """Why it stands still until somebody acts, beginning with the reason's name; None where it does not."""
        self.waiting_for = ""
        """What its claim waits for; "" for nothing in particular."""
        self.restored: float | None = None
        """How much of its state it has, from 0 to 1, while it restores; None before and after."""
        self.next: dict[TopicPartition, int] = {}
        self.topic_ids: dict[str, str] = {}
        """Of the topics that it reads."""
        self.hanging = Hanging()
        self._worker = worker
        self._claim: Claim | None = None
        self._queue = Queue(worker.settings.queue_bytes)
        self._turns = Turns()
        self._stopping = False
        self._interruption: Exception | None = None
        self._wake = asyncio.Event()
        self._poison = Poison(worker.processor)
        self._last_tick = self._last_commit = self._last_seen = time.monotonic()
        self._last_begin = 0.0
        self._pause_seconds = 0.0
        self._open_since: float | None = None
        self._task = asyncio.ensure_future(self._run())

    # -- what the worker calls

    def offer(self, batch: Batch) -> None:
        """Take a batch, and begin with `wake`; never waits. Above the byte bound the lane's partitions are paused."""
        if not self._queue:
            self._last_commit = time.monotonic()
        if self._queue.offer(batch):
            self._worker.pause(self)

    def wake(self) -> None:
        """Decide what is queued. Called when all batches of a fetch are here, so that they share a transaction."""
        if self._queue.records:
            self._wake.set()

    async def release(self) -> None:
        """Give the lane up: an open transaction is finished, or left for the next claim to abort."""
        self._stopping = True
        self._wake.set()
        if self.claimed:
            await asyncio.wait([self._task], timeout=_RELEASE_SECONDS)
        while not self._task.done():  # libraries may swallow a cancellation
            self._task.cancel()
            await asyncio.wait([self._task], timeout=_CANCEL_SECONDS)

    def interrupt(self, error: Exception) -> None:
        """Give the claim up and claim again: what the lane reads, or wrote, is not what the claim took it for."""
        self._interruption = error
        self._wake.set()

    def unconfirmed(self) -> set[TopicPartition]:
        """The partitions whose last commit is not seen to have ended yet."""
        return self._claim.unconfirmed.partitions() if self._claim is not None else set()

    def note_stable(self, stable: Mapping[TopicPartition, int]) -> None:
        """Take up last stable offsets of partitions that the lane wrote."""
        if self._claim is not None:
            self._claim.note_stable(stable)

    def group_offsets(self) -> dict[TopicPartition, int]:
        """Positions that are seen in the changelog and not yet committed to the group."""
        return dict(self._claim.unconfirmed.group_offsets) if self._claim is not None else {}

    def group_offsets_committed(self, offsets: Mapping[TopicPartition, int]) -> None:
        """The group has these."""
        if self._claim is not None:
            pending = self._claim.unconfirmed.group_offsets
            for partition, offset in offsets.items():
                if pending.get(partition) == offset:
                    del pending[partition]

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
        except asyncio.CancelledError as error:
            # aiokafka lets the cancellation of a task of its own through to whoever waits for it. A lane must not end by
            # that without a word.
            if not self._stopping:
                self._worker.failed(error)
            raise
        except BaseException as error:  # noqa: BLE001  # whatever it is, this process must not go on
            self._worker.failed(error)

    async def _own_or_wait(self) -> None:
        """Own the lane until it is given up; where the claim ends before, wait, and let the caller try again."""
        try:
            await self._own()
        except StoppedLaneError as error:
            if self.stopped is None:
                _log.error(error.reason, lane=self.number, problem=str(error))  # the sentence is all
            self.stopped = f"{error.reason}: {error}"
            await asyncio.sleep(_STOPPED_SECONDS)
        except (ProducerFenced, InvalidProducerEpoch):  # the second is what a refused record says
            # Another owner has claimed the lane, or the broker gave up our transaction. Who is out of the group learns so by
            # its next heartbeat, within a session, and the lane is released.
            _log.warning("fenced", lane=self.number)
            self.waiting_for = (
                "its next heartbeat: another worker has claimed it, or its transaction took too long"
            )
            await asyncio.sleep(self._worker.settings.session_timeout)
        except (TheWorlds, KafkaError, OSError, TimeoutError) as error:
            self._pause_seconds = min(
                _LONGEST_PAUSE_SECONDS, max(_FIRST_PAUSE_SECONDS, 2 * self._pause_seconds)
            )
            said = str(error) if isinstance(error, TheWorlds) else type(error).__name__
            _log.warning("lane is claimed again", lane=self.number, problem=said, seconds=self._pause_seconds)
            self.waiting_for = f"another try, after {said}"
            await asyncio.sleep(self._pause_seconds)

    async def _own(self) -> None:
        began = time.monotonic()
        await self._worker.up_to_date()
        self._interruption = None
        claim = self._claim = await self._open(began)
        try:
            await self._enter(claim)
            self._worker.metrics.restore.observe(time.monotonic() - began)
            _log.info("lane claimed", lane=self.number, restored=claim.entries_restored)
            while not self._stopping:
                await self._turn(claim)
            with suppress(KafkaError, TheWorlds, TimeoutError):
                await asyncio.wait_for(claim.confirmed(), _CONFIRM_SECONDS)
        finally:
            self._stop_reading()
            if self._open_since is not None:  # in the middle of it: the next claim aborts what is open
                self._open_since = None
                self._worker.metrics.aborted.inc()
            await claim.close()

    async def _open(self, began: float) -> Claim:
        worker = self._worker
        changelog = Changelog(
            connection=worker.settings.connection,
            service=worker.processor.service.name,
            lane=self.number,
            cluster=worker.cluster,
        )
        try:
            return await Claim.open(
                worker.settings,
                changelog,
                worker.ends,
                worker.outputs(self.number),
                transactional_id=f"{worker.group}-{self.number}",
                directory=worker.directory / f"lane-{self.number}",
                hanging=self.hanging,
                note=self._note,
                restored=self._restoring(began),
            )
        finally:
            self.restored = None
            self.waiting_for = ""

    def _note(self, waiting_for: str) -> None:
        self.waiting_for = waiting_for

    async def _enter(self, claim: Claim) -> None:
        """Find the positions and begin to read there. Raises LostRecordsError where records may never have been read."""
        start = await self._where_to_start(claim)
        if start.lost:
            raise LostRecordsError(
                f"Records that this lane has not read are gone ({'; '.join(map(str, start.lost))}):"
                " `instep lane accept` accepts a gap, and the lane goes on."
            )
        for gap in start.accepted:
            _log.warning("gap accepted", topic=gap.partition.topic, position=gap.position, start=gap.start)
        self.next = dict(start.positions)
        accepted = {gap.partition: start.positions[gap.partition] for gap in start.accepted}
        if accepted:
            # The group first: were it left ahead of what is accepted, a worker that dies now would find another gap.
            await self._worker.go_on_at(accepted)
        await claim.enter(accepted)
        self._poison.expect_poison(claim.uncommitted_before)
        await self._worker.begin_reading(self)
        self.claimed, self.stopped = True, None

    def _stop_reading(self) -> None:
        """Nothing that was read under this claim counts under the next one."""
        self.claimed = False
        self._worker.stop_reading(self)
        self._queue.clear()

    def _restoring(self, began: float) -> Callable[[float], None]:
        """Notes how far the restore has come, and tells the log now and then."""
        logged = began

        def note(restored: float) -> None:
            nonlocal logged
            self.restored = restored
            if time.monotonic() - logged > _LOG_SECONDS:
                logged = time.monotonic()
                _log.info("restoring", lane=self.number, percent=int(100 * restored))

        return note

    async def _where_to_start(self, claim: Claim) -> Start:
        worker = self._worker
        logs = await worker.ends.logs(self.partitions)
        self.topic_ids = claim.topic_ids = {tp.topic: log.topic_id for tp, log in logs.items()}
        held = await worker.committed()
        committed = {partition: offset_of(held.get(partition)) for partition in logs}
        start = where_to_start(
            committed=committed,
            kept=claim.changelog_positions(logs),
            logs=logs,
            stated={tp: gap for tp in logs if (gap := gap_of(tp, held.get(tp))) is not None},
            accept=claim.accepted,
        )
        if start.lost:
            with suppress(KafkaError, TimeoutError):  # the next try says it again, and /ready at once
                await worker.say_lost(start.lost, committed)
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
        if self._interruption is not None:
            raise self._interruption
        claim.check_clock()
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
        transaction = self._begin(claim)
        positions: dict[TopicPartition, int] = {}
        raise_metrics: list[Callable[[], None]] = []
        events = 0
        for batch in self._taken(began):
            self._check_joins_up(batch, positions)
            at = 0
            while at < len(batch.records) and (not at or time.monotonic() - began < longest):
                # The probe for poison takes its time: one batch whole, before anything has been sent.
                most = len(batch.records) if self._poison.expected else self._turns.records
                part = batch.records[at : at + most]
                at += len(part)
                outputs = await self._decide(part, claim)
                await transaction.add(outputs.records)
                raise_metrics.append(outputs.committed)
                await asyncio.sleep(self._turns.rest)
            positions[batch.partition] = (
                batch.after if at == len(batch.records) else self._queue.put_back(batch, at)
            )
            events += at
        self._poison.expect_poison(0)
        await self._commit(claim, transaction, positions, raise_metrics)
        self._worker.metrics.seconds.observe(time.monotonic() - began)
        if events:
            self._worker.metrics.events.observe(events)

    def _taken(self, began: float) -> Iterable[Batch]:
        """Batches off the queue until the transaction is as large, or as old, as it may be."""
        settings = self._worker.settings
        events = size = 0
        while self._queue and events < settings.transaction_events and size < settings.transaction_bytes:
            batch, has_room = self._queue.take()
            if has_room:
                self._worker.resume(self)
            events += len(batch.records)
            size += batch.size
            yield batch
            if self._poison.expected or time.monotonic() - began >= settings.transaction_seconds:
                return

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
        self._turns.took(len(records), time.perf_counter() - began)
        return outputs

    async def _tick(self, claim: Claim) -> None:
        await claim.settle_what_hangs()
        outputs = self._worker.processor.tick(claim.state, time.time_ns() // 1_000_000)
        if outputs.records or claim.state.changes:
            transaction = self._begin(claim)
            await transaction.add(outputs.records)
            await self._commit(claim, transaction, {}, [outputs.committed])
        if time.monotonic() - self._last_seen > _SEEN_SECONDS:
            self._last_seen = time.monotonic()
            claim.state.seen()

    def _begin(self, claim: Claim) -> Transaction:
        self._open_since = time.monotonic()
        return claim.begin()

    async def _commit(
        self,
        claim: Claim,
        transaction: Transaction,
        positions: Mapping[TopicPartition, int],
        raise_metrics: Iterable[Callable[[], None]],
    ) -> None:
        await claim.commit(transaction, positions)
        self.next.update(positions)
        self._last_commit = time.monotonic()
        self._open_since = None
        self._pause_seconds = 0.0
        self._worker.metrics.committed.inc()
        for raise_them in raise_metrics:
            raise_them()
