"""Gives Faust a Kafka transport whose messages are whole batches: the records that one fetch brought of one partition.

Stock Faust makes four asyncio tasks for each record, commits offsets by itself, and starts where the group's offset lies. A
lane (one share of the partitions, with state of its own and one owner at a time) needs the opposite. So this transport
takes four things out of Faust's hands.

- *Records.* The consumer thread fetches for all lanes of the worker at once (the module `fetching`). For each partition
  whose position has moved, the thread makes a batch with the positions before and after. Positions also move without
  records, past transaction markers and aborted records. Then the batch is empty, so that a lane may commit the true end and
  lag reads 0. The last batch of a fetch is marked. Lanes begin to decide at that mark, so that batches of the same fetch
  share a transaction.
- *Positions.* A lane says where to start, once it has claimed (`start_at`). There is no default: `auto_offset_reset` is
  "none", because a lost position must never be answered by starting somewhere else. The consumer reports a position outside
  its log (`out_of_range`), and the worker has the lane claim again.
- *Claims.* A partition is fetched only while a lane has claimed it (the module `claim`). Each batch carries the number of
  the claim under which it was fetched. A batch that was under way when the claim ended carries an old number, and is
  dropped. The next claim reads the same records again.
- *Commits.* Faust commits nothing. Positions belong to a lane's transaction. The group's offsets follow later
  (`commit_offsets`).

Why Faust drives and does not commit: `services/decisions/003-lanes-instead-of-fausts-exactly-once.md`.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

import faust
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as stock
from faust.types import TP, ConsumerMessage

from instep.lanes.batch import Batch, size_of
from instep.lanes.fetching import RestingConsumer, assignment_of, fetched, positions_in
from instep.lanes.settings import LaneSettings

_FETCH_WAIT_MS = 250
_REBALANCE_MS = 30_000
_COMMIT_SECONDS = 3.0
_METADATA_MS = 30_000
_YEAR_MS = 31_536_000_000 // 16  # the protocol's int32 holds no whole year


Fetched = tuple[list[Batch], frozenset[TopicPartition]]


class BatchThread(stock.AIOKafkaConsumerThread):
    """Faust's thread that talks to the broker."""

    def _create_worker_consumer(self, transport: Any) -> RestingConsumer:
        # Made here and not by Faust, which lacks half of these settings, and sends credentials in plaintext unless asked.
        settings: LaneSettings = transport.settings
        return RestingConsumer(
            **settings.connection.kafka(),
            client_id=f"{socket.gethostname()}:{os.getpid()}",  # what `instep lane` shows as the owner
            group_id=self.app.conf.id,
            partition_assignment_strategy=[transport.assignor],
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",  # a lost position must never be answered by starting somewhere else
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            max_poll_records=settings.poll_records,
            max_partition_fetch_bytes=settings.fetch_bytes,
            max_poll_interval_ms=_YEAR_MS,  # an idle standby must not fall out of the group
            session_timeout_ms=int(settings.session_timeout * 1000),
            heartbeat_interval_ms=int(settings.heartbeat_interval * 1000),
            rebalance_timeout_ms=_REBALANCE_MS,
            metadata_max_age_ms=_METADATA_MS,
        )

    async def fetch(self, active: Mapping[TopicPartition, int], timeout: float) -> Fetched:
        """Batches of the active partitions (each with the number of its claim), and the partitions that are out of range.

        A batch is empty where only the position moved.
        """
        batches: Fetched = await self.call_thread(self._fetch, active, timeout)
        return batches

    async def _fetch(self, active: Mapping[TopicPartition, int], timeout: float) -> Fetched:
        consumer = cast(RestingConsumer, self._ensure_consumer())
        assignment = assignment_of(consumer)
        if assignment is None or not (before := positions_in(assignment, set(active))):
            await asyncio.sleep(0.01)
            return [], frozenset()
        records_of = await fetched(consumer, assignment, set(before), timeout)
        batches = [
            Batch(
                tp,
                before[tp],
                at,
                records := records_of.get(tp, []),
                size_of(records),
                active[tp],
                last=False,
            )
            for tp, at in positions_in(assignment, set(before)).items()
            if at != before[tp]
        ]
        if batches:
            batches[-1] = replace(batches[-1], last=True)
        out_of_range, consumer.out_of_range = consumer.out_of_range, frozenset()
        return batches, out_of_range

    async def start_at(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read the partitions from these positions on. A partition that was revoked meanwhile is passed over."""
        await self.call_thread(self._start_at, positions)

    async def _start_at(self, positions: Mapping[TopicPartition, int]) -> None:
        consumer = cast(RestingConsumer, self._ensure_consumer())
        consumer.starts += 1
        assigned = consumer.assignment()  # nothing, between a new subscription and its first assignment
        for tp, offset in positions.items():
            if tp in assigned:
                consumer.seek(tp, offset)

    async def set_paused(self, partitions: Iterable[TopicPartition], paused: bool) -> None:
        """Pause or resume fetching. aiokafka would otherwise hold back a whole node for a partition that nobody takes."""
        await self.call_thread(self._set_paused, list(partitions), paused)

    async def _set_paused(self, partitions: list[TopicPartition], paused: bool) -> None:
        consumer = self._ensure_consumer()
        assigned = [tp for tp in partitions if tp in consumer.assignment()]
        (consumer.pause if paused else consumer.resume)(*assigned)

    async def commit_offsets(self, offsets: Mapping[TopicPartition, int | OffsetAndMetadata]) -> None:
        """Commit offsets to the group, for tools; passes over partitions that are revoked. Raises a KafkaError."""
        await self.call_thread(self._commit_offsets, offsets)

    async def _commit_offsets(self, offsets: Mapping[TopicPartition, int | OffsetAndMetadata]) -> None:
        consumer = self._ensure_consumer()
        assigned = {tp: offset for tp, offset in offsets.items() if tp in consumer.assignment()}
        if assigned:
            # The thread does few things at once: a silent broker must not keep it from seeking and pausing.
            async with asyncio.timeout(_COMMIT_SECONDS):
                await consumer.commit(assigned)

    def end_of(self, partition: TopicPartition) -> tuple[int, int] | None:
        """The last stable offset and the end as of the last fetch; None before the first."""
        consumer = self._consumer
        if consumer is None or partition not in consumer.assignment():
            return None
        stable, end = consumer.last_stable_offset(partition), consumer.highwater(partition)
        return None if stable is None or end is None or stable < 0 else (stable, max(stable, end))

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's own stall alarm cannot fire, since it mixes two clocks; the watchdog is ours."""


class NothingRead(dict[TP, int | None]):
    """Replaces Faust's memory of the last offset read, below which Faust drops messages without a word.

    Faust notes a batch that is handed over during a revocation after the partition was forgotten. Were the next claim
    to begin before that offset, its batches would be dropped. The lane itself makes sure that batches join up.
    """

    def __missing__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        """Not noted."""


class BatchConsumer(stock.Consumer):
    """Hands batches to Faust and never commits."""

    _thread: BatchThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = NothingRead()
        self.claimed: dict[TopicPartition, int] = {}
        """The partitions that lanes read, each with the number of its claim. A batch of another claim is dropped."""
        self.paused: set[TopicPartition] = set()
        self.out_of_range: Callable[[Collection[TopicPartition]], None] = lambda partitions: None
        """Called with the partitions whose positions are not in their logs."""

    @property
    def thread(self) -> BatchThread:
        return self._thread

    def _new_consumer_thread(self) -> BatchThread:
        return BatchThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        if not self.flow_active:
            await self.can_resume_flow.wait()
        active = {tp: number for tp, number in self.claimed.items() if tp not in self.paused}
        if not active:
            await asyncio.sleep(0.02)
            return
        batches, out_of_range = await self._thread.fetch(active, timeout)
        if out_of_range:
            self.out_of_range(out_of_range)
        for batch in batches:
            if not self.flow_active:
                return
            tp = TP(batch.partition.topic, batch.partition.partition)
            yield tp, self._message(tp, batch)

    def _message(self, tp: TP, batch: Batch) -> ConsumerMessage:
        return ConsumerMessage(
            tp.topic, tp.partition, batch.after, 0.0, 0, [], None, cast(Any, batch), None, 0, batch.size, tp,
            generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    async def perform_seek(self) -> None:
        """Nothing: a lane says where to start, once the lane has claimed."""

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: offsets between batches are markers and aborted records, without any acknowledgement."""

    def _new_offset(self, tp: TP) -> int | None:
        """Nothing to commit; drops the offsets that Faust has collected."""
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return None


class NoProducer(stock.Producer):
    """Faust's own producer, never connected: a lane's transactional producer sends everything."""

    async def on_start(self) -> None:
        """Nothing to connect."""

    async def on_stop(self) -> None:
        """Nothing to flush."""

    async def flush(self) -> None:
        """Nothing to flush."""


class BatchTransport(stock.Transport):
    """Faust's transport with the batch consumer and the lanes' assignor."""

    Consumer = BatchConsumer
    Producer = NoProducer

    def __init__(self, *args: Any, assignor: type, settings: LaneSettings, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.assignor = assignor
        self.settings = settings


class WholeBatches(faust.Schema[Any, Any]):
    """Passes a batch through undecoded."""

    def compile(self, app: Any, **kwargs: Any) -> Any:
        create = app.create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return create(None, message.value, {}, message)

        return decode
