"""How far the services are: records that the services are not through with."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from instep.kafka.connection import Connection
from instep.network.services import SERVICES
from instep.network.topics import TopicKind
from tests.chaos.crew import Crew

_ANSWERS_S = 10.0


async def lag_of(connection: Connection, crew: Crew, councils: Sequence[str]) -> int:
    """Records on their way, markers of open ends included; asks again while the cluster does not answer.

    The group's offsets may be a second behind, so where a worker itself says that less is left, that counts.
    """
    for _ in range(120):
        try:
            async with asyncio.timeout(_ANSWERS_S):
                return await _lag_now(connection, crew, councils)
        except (KafkaError, OSError, TimeoutError):
            await asyncio.sleep(0.5)
    raise AssertionError("the cluster does not say how far the services are")


async def _lag_now(connection: Connection, crew: Crew, councils: Sequence[str]) -> int:
    admin = AIOKafkaAdminClient(**connection.kafka())
    consumer = AIOKafkaConsumer(**connection.kafka())
    try:
        await admin.start()
        await consumer.start()
        inputs = {
            name: [topic for read in row.reads for topic in _topics(read, councils)]
            for name, row in SERVICES.items()
        }
        await consumer._client.set_topics({topic for topics in inputs.values() for topic in topics})
        said: dict[tuple[str, str, int], int] = {}
        for member in crew.wanted:
            said |= await asyncio.to_thread(member.lags)
        lag = 0
        for service, topics in inputs.items():
            committed = await admin.list_consumer_group_offsets(f"sample-{service}")
            partitions = [
                TopicPartition(topic, partition)
                for topic in topics
                for partition in consumer.partitions_for_topic(topic) or ()
            ]
            for partition, end in (await consumer.end_offsets(partitions)).items():
                reached = committed[partition].offset if partition in committed else 0
                left = max(0, end - max(0, reached))
                lag += min(left, said.get((f"sample-{service}", *partition), left))
        return lag
    finally:
        await consumer.stop()
        await admin.close()


def _topics(read: str, councils: Sequence[str]) -> list[str]:
    return [f"{council}.{read}" for council in councils] if read == TopicKind.OUTBOX else [read]
