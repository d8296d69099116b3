"""Runs one lane from its assignment to its release: claims the lane, then decides its records and commits the results.

A *lane* is all input partitions with the same lane number (`network/partition.py`). One worker, a process of a
service, owns a lane whole. The worker decides the records of each partition in order, one transaction of the lane at
a time. The lane's own task runs two loops, one inside the other.

The outer loop claims: it takes the lane from its last owner (the module `claim` says in which steps, and why their order is
a proof). A claim ends in one of four ways.

- The worker releases the lane. The open transaction has 2 s to end. A transaction that is still open then is left for
  the next claim to abort.
- The broker, the disk or the machine fails; or the worker or its watch finds a topic or a position that is not as the
  claim found it (`interrupt`). The process goes on. The lane pauses and claims again, and the new claim ends the
  transactions that were open.
- Kafka has fenced the lane's producer: another worker has claimed the lane, or a transaction took too long. The lane
  waits for the length of a session. A worker that is out of the group learns so by the next heartbeat, and then
  releases the lane.
- Only a person can help: records may be lost, nobody can tell how a transaction ended, or the clock is wrong. The
  lane stands still, says why in `/ready`, and claims again every few seconds to see whether somebody has acted.

Any other error is a bug and ends the process.

The inner loop goes round under one claim. Each round has these steps:

1. Wait until a fetch has brought batches, or until a second has passed.
2. Wait until the network (the authorities and their agreements) is confirmed fresh, so that no suspended agreement is used.
3. Check this machine's clock against Kafka's (the module `clock`).
4. Make one transaction of queued batches (the module `pipeline`; the module `pacing` says when, and how many).
5. Once a second, call the processor's `tick`.

Offsets reach the consumer group beside the transactions. Once a commit is seen in the changelog (the lane's partition
of `instep.<service>.state`), its positions are pending (the module `pending_offsets`). The worker commits pending
positions to the group once a second (the module `watch`).
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from instep.errors import StoppedLaneError, TheWorlds
from instep.lanes.batch import Batch
from instep.lanes.changelog import Changelog
from instep.lanes.claim import Claim
from instep.lanes.every import Backoff, Every
from instep.lanes.hanging import Hanging
from instep.lanes.metrics import LaneMetrics
from instep.lanes.pipeline import Pipeline
from instep.lanes.processor import Processor
from instep.lanes.settings import LaneSettings
from instep.lanes.starting import Group, find_start

_log = structlog.get_logger("instep.lanes")

_TICK_SECONDS = 1.0
_SEEN_SECONDS = 60.0
_STOPPED_SECONDS = 5.0  # after which a lane that stands still looks whether somebody has acted
_LOG_SECONDS = 5.0
_RELEASE_SECONDS = 2.0  # what a transaction may take to end when the lane is released
_CANCEL_SECONDS = 3.5  # what the claim may take to close, before the task is cancelled again
_CONFIRM_SECONDS = 1.0  # what the last marker may take to show, so that the group learns of the positions
_FIRST_PAUSE_SECONDS = 0.5  # before a lane claims again
_LONGEST_PAUSE_SECONDS = 30.0


class LaneWorker(Group, Protocol):
    """What a lane asks of its worker."""

    settings: LaneSettings
    processor: Processor
    metrics: LaneMetrics
    group: str
    cluster: str
    directory: Path

    def outputs(self, lane: int) -> Collection[TopicPartition]:
        """Every partition that this lane may write, except its changelog."""

    async def up_to_date(self) -> None:
        """Return once the network is confirmed fresh and the processor follows the newest generation."""

    async def go_on_at(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit to the group where a lane goes on behind accepted gaps."""

    async def begin_reading(self, lane: "Lane") -> None:
        """Fetch the lane's partitions from its positions on."""

    def stop_reading(self, lane: "Lane") -> None:
        """Fetch the lane's partitions no more."""

    def pause(self, lane: "Lane") -> None:
        """Pause the lane's partitions: the queue is full."""

    def resume(self, lane: "Lane") -> None:
        """Resume the lane's partitions: the queue has room."""

    def failed(self, error: BaseException) -> None:
        """End the process after an unexpected error of a lane."""


class Lane:
    """One lane of this worker, from its assignment to its release."""

    def __init__(self, number: int, partitions: frozenset[TopicPartition], worker: LaneWorker) -> None:
        self.number = number
        self.partitions = partitions
        self.claimed = False
        self.stopped: str | None = None
        """Why the lane stands still until somebody acts, beginning with the reason's name; None where it does not."""
        self.waiting_for = ""
        """What the claim waits for; "" for nothing in particular."""
        self.restored: float | None = None
        """The restored share of the state, from 0 to 1, while a claim restores; None before and after."""
        self.topic_ids: Mapping[str, str] = {}
        """The ids of the topics that the lane reads; of the last claim while the next is under way."""
        self.hanging = Hanging()
        now = time.monotonic()
        self._worker = worker
        self._claim: Claim | None = None
        self._pipeline = Pipeline(
            worker.processor, worker.settings, worker.metrics, lambda: worker.resume(self)
        )
        self._tick = Every(_TICK_SECONDS, now)
        self._seen = Every(_SEEN_SECONDS, now)
        self._backoff = Backoff(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        self._stopping = False
        self._interruption: Exception | None = None
        self._wake = asyncio.Event()
        self._task = asyncio.ensure_future(self._run())

    # -- what the worker calls

    def offer(self, batch: Batch) -> None:
        """Queue a batch, without a wait. Where the queue is full now, the lane's partitions are paused. `wake` follows."""
        if self._pipeline.offer(batch):
            self._worker.pause(self)

    def wake(self) -> None:
        """Decide what is queued. Called when all batches of a fetch are queued, so that they share a transaction.

        A batch without records makes no transaction of its own, or each marker would lead to another. Such a batch waits for
        company, or for the second to pass.
        """
        if self._pipeline.queue.records:
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
        """End the claim before the next transaction, and claim again: a topic or a position is not as the claim found it."""
        self._interruption = error
        self._wake.set()

    # -- what the worker and the watch ask

    @property
    def next(self) -> dict[TopicPartition, int]:
        """For each partition the offset up to which the lane has committed; empty before the first claim."""
        return self._pipeline.next

    def unconfirmed(self) -> set[TopicPartition]:
        """The partitions whose last commit is not seen to have ended yet."""
        return self._claim.unconfirmed.partitions() if self._claim is not None else set()

    def note_stable(self, stable: Mapping[TopicPartition, int]) -> None:
        """Take up last stable offsets of partitions that the lane wrote."""
        if self._claim is not None:
            self._claim.note_stable(stable)

    def pending_offsets(self) -> dict[TopicPartition, int]:
        """The offsets that the group does not have yet."""
        return self._claim.unconfirmed.offsets.pending() if self._claim is not None else {}

    def group_has(self, offsets: Mapping[TopicPartition, int]) -> None:
        """These offsets are committed to the group."""
        if self._claim is not None:
            self._claim.unconfirmed.offsets.group_has(offsets)

    def silent_for(self) -> float:
        """Seconds without a commit while work is waiting; 0 when nothing waits or the lane is still claiming."""
        busy = self.claimed and self._pipeline.queue
        return self._pipeline.pacing.silent_for(time.monotonic()) if busy else 0.0

    def open_for(self) -> float:
        """Seconds that the lane's transaction has been open; 0 when none is."""
        return self._pipeline.pacing.open_for(time.monotonic())

    # -- the outer loop: claim, until released

    async def _run(self) -> None:
        try:
            while not self._stopping:
                await self._own_or_wait()
        except asyncio.CancelledError as error:
            # aiokafka lets the cancellation of a task of its own through to whoever awaits that task. Such a
            # cancellation must not end a lane without a word.
            if not self._stopping:
                self._worker.failed(error)
            raise
        except BaseException as error:  # noqa: BLE001  # whatever the error is, this process must not go on
            self._worker.failed(error)

    async def _own_or_wait(self) -> None:
        """Own the lane until released; where the claim ends before, wait, and let the caller try again."""
        try:
            await self._own()
        except StoppedLaneError as error:
            if self.stopped is None:
                _log.error(error.reason, lane=self.number, problem=str(error))  # the sentence is all
            self.stopped = f"{error.reason}: {error}"
            await asyncio.sleep(_STOPPED_SECONDS)
        except (ProducerFenced, InvalidProducerEpoch):  # the second is the broker's word for a refused record
            _log.warning("fenced", lane=self.number)
            self.waiting_for = (
                "its next heartbeat: another worker has claimed it, or its transaction took too long"
            )
            await asyncio.sleep(self._worker.settings.session_timeout)
        except (TheWorlds, KafkaError, OSError, TimeoutError) as error:
            pause = self._backoff.pause()
            problem = str(error) if isinstance(error, TheWorlds) else type(error).__name__
            _log.warning("lane is claimed again", lane=self.number, problem=problem, seconds=pause)
            self.waiting_for = f"another try, after {problem}"
            await asyncio.sleep(pause)

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
                await self._round(claim)
            with suppress(KafkaError, TheWorlds, TimeoutError):
                await asyncio.wait_for(claim.confirmed(), _CONFIRM_SECONDS)
        finally:
            # Nothing that was read under this claim counts under the next one.
            self.claimed = False
            self._worker.stop_reading(self)
            self._pipeline.give_up()
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
                partial(worker.outputs, self.number),
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

    def _restoring(self, began: float) -> Callable[[float], None]:
        """Notes the restored share of the state, and logs the share now and then."""
        log = Every(_LOG_SECONDS, began)

        def note(restored: float) -> None:
            self.restored = restored
            if log.due(time.monotonic()):
                _log.info("restoring", lane=self.number, percent=int(100 * restored))

        return note

    async def _enter(self, claim: Claim) -> None:
        """Find the positions and begin to read there. Raises LostRecordsError where records may never have been read."""
        start = await find_start(claim, self._worker, self.partitions, self.number)
        self.topic_ids = claim.topic_ids
        self._pipeline.next = dict(start.positions)
        accepted = {gap.partition: start.positions[gap.partition] for gap in start.accepted}
        if accepted:
            # The group first: were its offset left ahead of the accepted one, a worker that dies now would find another gap.
            await self._worker.go_on_at(accepted)
        await claim.enter(accepted)
        self._pipeline.poison.expect_poison(claim.uncommitted_before)
        await self._worker.begin_reading(self)
        self.claimed, self.stopped = True, None

    # -- the inner loop: rounds under one claim

    async def _round(self, claim: Claim) -> None:
        """A round: wait for a fetch or for the next second; decide the queued batches; tick when the second has passed."""
        wait = self._tick.wait(time.monotonic())
        if wait > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait)
        self._wake.clear()
        await self._worker.up_to_date()
        if self._interruption is not None:
            raise self._interruption
        claim.check_clock()
        if self._pipeline.queue:
            await self._let_more_come()
            await self._pipeline.process(claim)
            self._backoff.succeeded()
            self.wake()
        if self._tick.due(time.monotonic()):
            if await self._pipeline.tick(claim):
                self._backoff.succeeded()
            if self._seen.due(time.monotonic()):
                claim.state.seen()

    async def _let_more_come(self) -> None:
        wait = self._pipeline.pacing.wait(time.monotonic())
        if wait > 0:
            await asyncio.sleep(wait)
