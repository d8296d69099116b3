"""Moves partitions to other brokers, for faults that need one without a leader: AlterPartitionReassignments, version 0."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Schema, TaggedFields
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from instep.kafka.connection import Connection

_TAGS = ("tags", TaggedFields)
_WITHIN_S = 60.0


class _Answer(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 45
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("error_message", CompactString()),
        (
            "responses",
            CompactArray(
                ("name", CompactString()),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("error_message", CompactString()),
                        _TAGS,
                    ),
                ),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class _Move(RequestStruct):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 45
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("timeout_ms", Int32),
        (
            "topics",
            CompactArray(
                ("name", CompactString()),
                (
                    "partitions",
                    CompactArray(("partition", Int32), ("replicas", CompactArray(Int32)), _TAGS),
                ),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class Reassignment(Request[_Move]):  # type: ignore[misc]  # aiokafka has no types
    """The first partitions of each topic are to lie on these brokers, the first of which is to lead."""

    API_KEY = 45

    def __init__(self, topics: Sequence[str], brokers: Sequence[int], partitions: int) -> None:
        self._topics = topics
        self._partitions = partitions
        self._brokers = brokers

    def build(self, request_struct_class: type[_Move]) -> Any:
        held: list[Any] = [
            (topic, [(number, list(self._brokers), {}) for number in range(self._partitions)], {})
            for topic in self._topics
        ]
        return request_struct_class(int(_WITHIN_S * 1000), held, {})


async def moved_to(
    connection: Connection,
    topics: Sequence[str],
    brokers: Sequence[int],
    *,
    min_in_sync: int,
    partitions: int = 1,
) -> None:
    """Move the first partitions of these topics, and return when they lie there and nowhere else."""
    await asyncio.to_thread(_set_min_in_sync, connection, topics, min_in_sync)
    client = AIOKafkaClient(**connection.kafka())
    await client.bootstrap()
    try:
        answer = await client.send(client.get_random_node(), Reassignment(topics, brokers, partitions))
        for _, moves, _ in answer.responses:
            for _, error, said, _ in moves:
                if error:
                    raise for_code(error)(said)
    finally:
        await client.close()
    until = time.monotonic() + _WITHIN_S
    while not await asyncio.to_thread(_lie_on, connection, topics, set(brokers), partitions):
        if time.monotonic() > until:
            raise TimeoutError(f"{topics} do not come to lie on {brokers}")
        await asyncio.sleep(0.2)


def _lie_on(connection: Connection, topics: Sequence[str], brokers: set[int], partitions: int) -> bool:
    found = AdminClient({**connection.confluent()}).list_topics(timeout=10).topics
    held: list[Any] = [found[topic].partitions[number] for topic in topics for number in range(partitions)]
    return all(set(one.replicas) == set(one.isrs) == brokers for one in held)


def _set_min_in_sync(connection: Connection, topics: Sequence[str], count: int) -> None:
    admin = AdminClient({**connection.confluent()})
    changes = [
        ConfigResource(
            ResourceType.TOPIC,
            topic,
            incremental_configs=[
                ConfigEntry("min.insync.replicas", str(count), incremental_operation=AlterConfigOpType.SET)
            ],
        )
        for topic in topics
    ]
    for done in admin.incremental_alter_configs(changes).values():
        done.result(30)
