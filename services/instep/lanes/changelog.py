"""The changelog of a lane: its partition of `instep.<service>.state`, from which any worker can rebuild the lane.

Beside the processor's entries it holds the lane's positions, so that offsets which the group has forgotten are not taken
for a lane that never ran.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from instep.cluster.connection import Connection
from instep.lanes.processor import Output
from instep.lanes.state import OWN, Checkpoint, LaneState
from instep.network.topics import TOMBSTONE_DAYS, state

_POSITION = OWN + b"position/"
_CLAIMS = OWN + b"claims"
_ACCEPTED = OWN + b"accepted/"
_OLDEST_CHECKPOINT = TOMBSTONE_DAYS * 86_400 / 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Changelog:
    """The changelog of one lane of a service, on a cluster."""

    connection: Connection
    service: str
    lane: int
    cluster: str

    @property
    def partition(self) -> TopicPartition:
        return TopicPartition(state(self.service), self.lane)

    def entries(self, changes: Mapping[bytes, bytes | None]) -> Iterable[Output]:
        """The records that carry these changes."""
        topic, lane = self.partition
        return (Output(topic, lane, key, value) for key, value in changes.items())

    async def restore(self, into: LaneState, restored: Callable[[float], None]) -> int:
        """Bring `into` up to the log's end, from its checkpoint or, where that cannot be trusted, from the start.

        Returns the number of entries read; tells `restored` how much of it is there, from 0 to 1.
        """
        consumer = AIOKafkaConsumer(
            **self.connection.kafka(),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
        )
        await consumer.start()
        try:
            consumer.assign([self.partition])
            start = (await consumer.beginning_offsets([self.partition]))[self.partition]
            end = (await consumer.end_offsets([self.partition]))[self.partition]
            consumer.seek(self.partition, self._trusted(into, start, end))
            return await self._read(consumer, into, end, restored)
        finally:
            await consumer.stop()

    def _trusted(self, into: LaneState, start: int, end: int) -> int:
        """Where to read from; what is on disk is discarded unless it is of this log and younger than its tombstones."""
        checkpoint = into.checkpoint()
        if checkpoint is None:
            return start
        young = time.time() - checkpoint.seen_at < _OLDEST_CHECKPOINT
        if checkpoint.cluster == self.cluster and start <= checkpoint.offset <= end and young:
            return checkpoint.offset
        into.discard()
        return start

    async def _read(
        self, consumer: AIOKafkaConsumer, into: LaneState, end: int, restored: Callable[[float], None]
    ) -> int:
        count = 0
        position = start = await consumer.position(self.partition)
        while position < end:
            restored((position - start) / (end - start))
            fetched = await consumer.getmany(self.partition, timeout_ms=500)
            records = fetched.get(self.partition, [])
            position = await consumer.position(self.partition)
            into.restored({record.key: record.value for record in records}, self.reached(position))
            count += len(records)
        return count

    def reached(self, offset: int) -> Checkpoint:
        return Checkpoint(offset=offset, cluster=self.cluster, seen_at=time.time())


def position_entry(partition: TopicPartition, offset: int) -> tuple[bytes, bytes]:
    """The state entry that keeps a position."""
    return _POSITION + f"{partition.topic}/{partition.partition}".encode(), str(offset).encode()


def position_in(state: LaneState, partition: TopicPartition) -> int | None:
    """The position kept for a partition, None where the lane has never read it."""
    found = state.get(position_entry(partition, 0)[0])
    return None if found is None else int(found)


def accepted_entry(topic: str, *, position: int | None, start: int, by: str, at: int) -> tuple[bytes, bytes]:
    """The entry by which an operator accepts the loss of a topic's records from `position` to `start`; `at` is epoch ms.

    It is not written by the lane, whose claim reads it, and it stays in the changelog: who accepted what, and when.
    """
    value = {"position": position, "start": start, "by": by, "at": at}
    return _ACCEPTED + topic.encode(), json.dumps(value).encode()


def accepted_start(state: LaneState, topic: str) -> int | None:
    """Up to where an operator has accepted that a topic's records are gone."""
    found = state.get(_ACCEPTED + topic.encode())
    return None if found is None else int(json.loads(found)["start"])


def fruitless_claims(state: LaneState) -> int:
    """How many claims in a row have ended without a commit."""
    return int(state.get(_CLAIMS) or b"0")


def claims_entry(count: int) -> tuple[bytes, bytes]:
    """The state entry that keeps that number."""
    return _CLAIMS, str(count).encode()
