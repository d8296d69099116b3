"""Rebuilds a lane's state from its *changelog*, the lane's partition of `instep.<service>.state`.

A lane is one share of the partitions. Beside the processor's entries the changelog holds the lane's positions, each
with the id of its topic, and operators' decisions: gaps that they have accepted, and endings of transactions (the
module `entries`).

The state on disk has a *checkpoint*, the offset of the changelog up to which the state is true. The state is trusted only
after a proof: a `read_committed` reader has to find the record right below the checkpoint, with the same content. That the
offset lies within the log proves nothing. A transaction may have been undone after its changes were written to disk, or the
log may have been cut off and have grown again.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from instep.kafka.connection import Connection
from instep.kafka.log_ends import Log
from instep.lanes.processor import Output
from instep.lanes.state import Checkpoint, LaneState
from instep.network.topic_specs import TOMBSTONE_DAYS
from instep.network.topics import state

_log = structlog.get_logger("instep.lanes")

_OLDEST_CHECKPOINT = TOMBSTONE_DAYS * 86_400 / 2
_STALLED_SECONDS = 60.0
_TAIL = 500
"""An operator's decision lies among so many offsets at the end of a changelog: a stopped lane writes nothing later."""

Entry = tuple[bytes, bytes | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Changelog:
    """The changelog of a lane of a service, on a cluster."""

    connection: Connection
    service: str
    lane: int
    cluster: str

    @property
    def partition(self) -> TopicPartition:
        return TopicPartition(state(self.service), self.lane)

    def records(self, entries: Iterable[Entry]) -> Iterable[Output]:
        """The records that carry these entries."""
        topic, lane = self.partition
        return (Output(topic, lane, key, value) for key, value in entries)

    async def restore(self, into: LaneState, log: Log, restored: Callable[[float], None]) -> int:
        """Bring `into` up to the log's end, from its checkpoint or, without a proof of the checkpoint, from the start.

        Returns the number of entries read. Calls `restored` with the share read so far, from 0 to 1.
        """
        consumer = self._consumer("read_committed")
        await consumer.start()
        try:
            consumer.assign([self.partition])
            end = (await consumer.end_offsets([self.partition]))[self.partition]
            consumer.seek(self.partition, await self._proven(consumer, into, log, end))
            return await self._read(consumer, into, log.topic_id, end, restored)
        finally:
            await consumer.stop()

    async def tail(self, since: int, end: int) -> list[ConsumerRecord]:
        """The records of the last few hundred offsets before `end`, not earlier than `since`; uncommitted ones too."""
        if since >= end:
            return []
        consumer = self._consumer("read_uncommitted")
        await consumer.start()
        try:
            consumer.assign([self.partition])
            consumer.seek(self.partition, max(since, end - _TAIL))
            records: list[ConsumerRecord] = []
            async for more in self._up_to(consumer, end):
                records += more
            return records
        finally:
            await consumer.stop()

    def _consumer(self, isolation: str) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **self.connection.kafka(),
            isolation_level=isolation,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
        )

    async def _proven(self, consumer: AIOKafkaConsumer, into: LaneState, log: Log, end: int) -> int:
        """The offset to read from. The state on disk is discarded unless its checkpoint is proven."""
        checkpoint = into.checkpoint()
        if checkpoint is None:
            return log.start
        if self._plausible(checkpoint, log, end) and await self._holds(consumer, checkpoint, end):
            return checkpoint.offset
        _log.warning("checkpoint not proven", lane=self.lane, offset=checkpoint.offset)
        into.discard()
        return log.start

    def _plausible(self, checkpoint: Checkpoint, log: Log, end: int) -> bool:
        """Whether the checkpoint may be of this log, and is so young that the log still has all later tombstones."""
        return (
            (checkpoint.cluster, checkpoint.topic_id) == (self.cluster, log.topic_id)
            and log.start < checkpoint.offset <= end
            and abs(time.time() - checkpoint.seen_at) < _OLDEST_CHECKPOINT
        )

    async def _holds(self, consumer: AIOKafkaConsumer, checkpoint: Checkpoint, end: int) -> bool:
        below = checkpoint.offset - 1
        consumer.seek(self.partition, below)
        async for records in self._up_to(consumer, end, max_records=1):
            for record in records:
                first = record.offset, digest(record.key, record.value)
                return bool(first == (below, checkpoint.digest))
        return False

    async def _read(
        self,
        consumer: AIOKafkaConsumer,
        into: LaneState,
        topic_id: str,
        end: int,
        restored: Callable[[float], None],
    ) -> int:
        count = 0
        start = await consumer.position(self.partition)
        async for records in self._up_to(consumer, end):
            restored((await consumer.position(self.partition) - start) / (end - start))
            if records:
                last = records[-1]
                reached = self.reached(last.offset + 1, (last.key, last.value), topic_id)
                into.restored({record.key: record.value for record in records}, reached)
            count += len(records)
        return count

    async def _up_to(
        self, consumer: AIOKafkaConsumer, end: int, max_records: int | None = None
    ) -> AsyncIterator[list[ConsumerRecord]]:
        """The records up to `end`, as fetched. Raises TimeoutError where the position no longer moves forward."""
        reached, moved_at = await consumer.position(self.partition), time.monotonic()
        while reached < end:
            fetched = await consumer.getmany(self.partition, timeout_ms=500, max_records=max_records)
            position = await consumer.position(self.partition)
            if position > reached:
                reached, moved_at = position, time.monotonic()
            elif position < reached or time.monotonic() - moved_at > _STALLED_SECONDS:
                raise TimeoutError
            yield fetched.get(self.partition, [])

    def reached(self, offset: int, last: Entry, topic_id: str) -> Checkpoint:
        """The checkpoint after the entry `last`, which lies right below `offset`."""
        return Checkpoint(
            offset=offset,
            cluster=self.cluster,
            seen_at=time.time(),
            topic_id=topic_id,
            digest=digest(*last),
        )


def digest(key: bytes, value: bytes | None) -> str:
    """The digest by which a record of the changelog is recognised."""
    content = b"%d/%b%b" % (len(key), key, b"-" if value is None else b"+" + value)
    return blake2b(content, digest_size=16).hexdigest()


def values_of(records: Iterable[ConsumerRecord]) -> Mapping[bytes, bytes | None]:
    """The last value of each key."""
    return {record.key: record.value for record in records if record.key is not None}
