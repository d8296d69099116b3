"""The demo's judge reads when all that was decided can be read, and not before."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from instep.demo.settled import all_visible
from instep.kafka.connection import Connection
from tests.conftest import CreateTopics


@pytest.mark.parametrize("commit", [True, False])
async def test_a_transaction_that_is_open_on_one_of_many_topics_is_waited_for(
    connection: Connection, create_topics: CreateTopics, tmp_path: Path, commit: bool
) -> None:
    names = [f"settled.{number}.{uuid4().hex}" for number in range(20)]
    await create_topics(*names)
    partitions = [TopicPartition(name, 0) for name in names]
    producer = AIOKafkaProducer(**connection.kafka(), transactional_id=uuid4().hex)
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(names[7], b"decided, and to be seen")
        waiting = asyncio.ensure_future(all_visible(connection, partitions, tmp_path / "broker.log"))
        done, _ = await asyncio.wait([waiting], timeout=2)
        assert not done
        await (producer.commit_transaction() if commit else producer.abort_transaction())
        await asyncio.wait_for(waiting, 30)
    finally:
        await producer.stop()


async def test_topics_without_an_open_transaction_are_not_waited_for(
    connection: Connection, create_topics: CreateTopics, tmp_path: Path
) -> None:
    name = f"settled.{uuid4().hex}"
    await create_topics(name, partitions=3)
    partitions = [TopicPartition(name, number) for number in range(3)]
    await asyncio.wait_for(all_visible(connection, partitions, tmp_path / "broker.log"), 30)
