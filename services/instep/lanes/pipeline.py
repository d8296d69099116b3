"""Runs one lane's transactions: takes fetched records off the queue, has the processor decide them, and commits outputs,
state and positions together.

A lane is one share of the partitions. A batch is the records that one fetch brought of one partition (the module `batch`).
`Pipeline.process` makes one transaction in these steps.

1. Take batches off the queue while the transaction has room (the modules `queue` and `pacing`). Each batch has to
   begin at the position where the lane stands. Otherwise records were lost or repeated on the way: a bug, which ends
   the process.
2. Hand the records to the processor in short turns (the module `turns`), so that other lanes get the event loop in
   between. Pack the outputs, and send each of Kafka's batches once it is full. The first send waits until the lane's
   last commit is seen in its changelog (the module `claim`).
3. Once the transaction has grown old, decide no more records. Put the rest of the present batch back to the front of
   the queue. The new position of the partition is then the first undecided record.
4. Commit outputs, changes of state and the new positions together.
5. After the commit, move the lane to the new positions, and count the outputs in the metrics.

Where a step fails, nothing is put right here. The claim (this worker's ownership of the lane) ends, and the queue is
cleared. The next claim begins at the positions that the changelog holds.
"""

import time
from asyncio import sleep
from collections.abc import Callable, Iterable, Mapping

from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from instep.errors import Ours
from instep.lanes.batch import Batch
from instep.lanes.claim import Claim
from instep.lanes.metrics import LaneMetrics
from instep.lanes.pacing import Extent, Pacing
from instep.lanes.probe import Poison
from instep.lanes.processor import Outputs, Processor
from instep.lanes.queue import Queue
from instep.lanes.settings import LaneSettings
from instep.lanes.transaction import Transaction
from instep.lanes.turns import Turns


class Pipeline:
    """A lane's queue, and the way of its batches to a commit. `resume` is called when a full queue has room again."""

    def __init__(
        self, processor: Processor, settings: LaneSettings, metrics: LaneMetrics, resume: Callable[[], None]
    ) -> None:
        self.next: dict[TopicPartition, int] = {}
        """For each partition the offset up to which the lane has committed."""
        self.queue = Queue(settings.queue_bytes)
        self.pacing = Pacing(settings, time.monotonic())
        self.poison = Poison(processor)
        self._turns = Turns()
        self._processor = processor
        self._metrics = metrics
        self._resume = resume

    def offer(self, batch: Batch) -> bool:
        """Queue a batch; returns whether the queue has become full now."""
        if not self.queue:
            self.pacing.work_arrived(time.monotonic())
        return self.queue.offer(batch)

    async def process(self, claim: Claim) -> None:
        """Decide queued batches, within the bounds of a transaction, and commit."""
        extent = self.pacing.begin(time.monotonic())
        transaction = self._begin(claim)
        positions: dict[TopicPartition, int] = {}
        raise_metrics: list[Callable[[], None]] = []
        events = 0
        for batch in self._taken(extent):
            self._check_joins_up(batch, positions)
            at = 0
            while at < len(batch.records) and (not at or time.monotonic() < extent.old_at):
                # The probe for poison takes long: then the whole batch is decided at once, before anything has been sent.
                most = len(batch.records) if self.poison.expected else self._turns.records
                part = batch.records[at : at + most]
                at += len(part)
                outputs = await self._decide(part, claim)
                await transaction.add(outputs.records)
                raise_metrics.append(outputs.committed)
                await sleep(self._turns.rest)
            positions[batch.partition] = (
                batch.after if at == len(batch.records) else self.queue.put_back(batch, at)
            )
            events += at
        self.poison.expect_poison(0)
        await self._commit(claim, transaction, positions, raise_metrics)
        self._metrics.seconds.observe(extent.seconds(time.monotonic()))
        if events:
            self._metrics.events.observe(events)

    async def tick(self, claim: Claim) -> bool:
        """Write missing markers, then run the processor's tick; returns whether the tick led to a commit."""
        await claim.settle_what_hangs()
        outputs = self._processor.tick(claim.state, time.time_ns() // 1_000_000)
        if not outputs.records and not claim.state.changes:
            return False
        transaction = self._begin(claim)
        await transaction.add(outputs.records)
        await self._commit(claim, transaction, {}, [outputs.committed])
        return True

    def give_up(self) -> None:
        """The claim has ended: drop the queue. Count an open transaction as aborted, since the next claim aborts it."""
        self.queue.clear()
        if self.pacing.give_up():
            self._metrics.aborted.inc()

    def _taken(self, extent: Extent) -> Iterable[Batch]:
        """Batches off the queue until the transaction is as wide, or as old, as allowed."""
        room = True
        while self.queue and room:
            batch, has_room = self.queue.take()
            if has_room:
                self._resume()
            room = extent.take(len(batch.records), batch.size)
            yield batch
            if self.poison.expected or time.monotonic() >= extent.old_at:
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
        if self.poison.expected:
            return await self.poison.decide(records, claim.state, now)
        began = time.perf_counter()
        outputs = self._processor.process(records, claim.state, now)
        self._turns.took(len(records), time.perf_counter() - began)
        return outputs

    def _begin(self, claim: Claim) -> Transaction:
        self.pacing.opened(time.monotonic())
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
        self.pacing.committed(time.monotonic())
        self._metrics.committed.inc()
        for raise_them in raise_metrics:
            raise_them()
