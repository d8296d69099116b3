"""Sends one transaction of a lane: the processor's outputs and the lane's changelog entries, all or nothing.

A lane is one share of the partitions. Its changelog, a partition of `instep.<service>.state`, gets the changes of the
lane's state and the new positions. The consumer group's offsets are no part of the transaction. To commit these
offsets in the transaction as well was two fifths of the cost of a small transaction
(`services/decisions/002-group-offsets-beside-the-transactions.md`).

Records are packed into Kafka's batches by hand (0.4 µs a record against 3.5 through aiokafka's `send`).

The transaction begins when it sends its first batch. Before that it awaits `ready`: the lane's last transaction has to be
seen to have ended in the changelog. Until then the lane decides and packs records.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from instep.errors import Ours
from instep.lanes.processor import Output

_log = structlog.get_logger("instep.lanes")

BATCH_BYTES = 512 * 1024
_LOG_APPEND_TIME = 1


class Transaction:
    """A lane has a single transaction at a time. `ready` is awaited before anything is sent.

    `named` says whether the network names a topic. Outputs to a topic that neither the network nor Kafka has any more
    are dropped: an authority has left, an operator has deleted its topics, and nobody can read there. Waiting for that topic
    would hold up everybody else.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        ready: Callable[[], Awaitable[None]],
        named: Callable[[str], bool],
    ) -> None:
        self._producer = producer
        self._ready = ready
        self._named = named
        self._begun = False
        self._open: dict[TopicPartition, BatchBuilder] = {}
        self._sent: list[asyncio.Future[RecordMetadata]] = []
        self._last: dict[TopicPartition, tuple[asyncio.Future[RecordMetadata], int]] = {}

    async def add(self, outputs: Iterable[Output]) -> None:
        """Pack outputs; a full batch is on its way while the next records are decided."""
        batches = self._open
        for topic, partition, key, value, headers in outputs:
            where = (topic, partition)
            headers = headers or []  # aiokafka takes a list, and nothing else
            batch = batches.get(where)  # a TopicPartition is such a pair
            if batch is None:
                where = TopicPartition(topic, partition)
                batch = batches[where] = self._producer.create_batch()
            if batch.append(timestamp=None, key=key, value=value, headers=headers) is not None:
                continue
            where = TopicPartition(topic, partition)
            if batch.record_count():
                await self._send(where, batch)
            batch = batches[where] = self._producer.create_batch()
            if batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
                raise Ours(
                    f"A record for {topic} is larger than {BATCH_BYTES} bytes, so it can never be sent."
                )

    async def _send(self, where: TopicPartition, batch: BatchBuilder) -> None:
        if await self._gone(where.topic):
            _log.warning(
                "outputs dropped: the topic is gone", topic=where.topic, records=batch.record_count()
            )
            return
        if not self._begun:
            await self._ready()
            await self._producer.begin_transaction()
            self._begun = True
        batch.close()
        future = await self._producer.send_batch(batch, where.topic, partition=where.partition)
        self._sent.append(future)
        self._last[where] = (future, batch.record_count())

    async def _gone(self, topic: str) -> bool:
        """Whether neither Kafka nor the network has the topic. Asked for each batch, so without a copy of all topics."""
        cluster = self._producer.client.cluster
        if cluster.partitions_for_topic(topic) is not None:
            return False
        await self._find([topic])
        return cluster.partitions_for_topic(topic) is None and not self._named(topic)

    async def _find(self, topics: Iterable[str]) -> None:
        """Learn the leaders of new topics with a single request: one by one, many would outlast a transaction's limit."""
        client = self._producer.client
        with_leaders = client.cluster.topics()
        new = {topic for topic in topics if topic not in with_leaders}
        if new:
            await client.set_topics(with_leaders | new)

    async def commit(self) -> None:
        """Send the packed records, then commit; without any record do nothing. Raises the broker's errors."""
        await self._find(where.topic for where in self._open)
        for where, batch in self._open.items():
            await self._send(where, batch)
        self._open = {}
        await asyncio.gather(*self._sent)
        if self._begun:
            await self._producer.commit_transaction()

    def ends(self) -> dict[TopicPartition, int]:
        """After the commit: for each partition the offset that follows the last record sent there.

        A partition is missing where the broker has the batch from an earlier try, and no longer knows the batch's offset.
        """
        first = {where: (future.result().offset, count) for where, (future, count) in self._last.items()}
        return {where: offset + count for where, (offset, count) in first.items() if offset >= 0}

    def appended_at(self, where: TopicPartition) -> int | None:
        """After the commit: when the broker appended the last batch there, in epoch ms by its own clock.

        None where nothing was sent, or where the topic keeps the producer's timestamps.
        """
        last = self._last.get(where)
        if last is None:
            return None
        metadata = last[0].result()
        return int(metadata.timestamp) if metadata.timestamp_type == _LOG_APPEND_TIME else None
