"""The broker that tests, demo and `instep up` share."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from instep.errors import PlatformError
from instep.local.broker import Broker
from instep.local.kafka import cluster_at
from instep.local.ports import is_open
from tests.conftest import CreateTopics


async def test_a_record_that_is_sent_is_read(broker: Broker, create_topics: CreateTopics) -> None:
    topic = f"broker.{uuid4().hex}"
    await create_topics(topic)
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers) as producer:
        await producer.send_and_wait(topic, b"here")
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=broker.bootstrap_servers, auto_offset_reset="earliest"
    ) as consumer:
        assert (await consumer.getone()).value == b"here"


def test_killed_and_started_again_it_is_at_the_same_address(own_broker: Broker) -> None:
    before = own_broker.bootstrap_servers
    own_broker.kill()
    assert not is_open(own_broker.port)
    own_broker.start()
    assert own_broker.bootstrap_servers == before
    assert cluster_at(own_broker.own_connection)
    # Its controller would hold the dead one's registration for the time of a session, a minute.
    assert "DUPLICATE_BROKER_REGISTRATION" not in own_broker.log.read_text()


def test_a_broker_that_dies_before_it_is_in_service_is_started_again(own_broker: Broker) -> None:
    own_broker.stop()
    own_broker.log.unlink()
    with ThreadPoolExecutor(1) as other:
        other.submit(_kill_when_it_has_registered, own_broker)
        with pytest.raises(PlatformError, match="ended as it started"):
            own_broker.start()
    own_broker.start()
    assert cluster_at(own_broker.own_connection)
    assert "DUPLICATE_BROKER_REGISTRATION" not in own_broker.log.read_text()


def _kill_when_it_has_registered(broker: Broker) -> None:
    until = time.monotonic() + 60
    while not (broker.log.exists() and "Successfully registered broker" in broker.log.read_text()):
        assert time.monotonic() < until
        time.sleep(0.005)
    assert broker.process
    broker.process.kill()


def test_a_port_that_is_taken_is_named_and_no_process_is_left(
    broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    second = Broker(tmp_path_factory.mktemp("second"), port=broker.port)
    with pytest.raises(PlatformError, match=f"Port {broker.port}"):
        second.start()
    assert second.process is None
    assert cluster_at(broker.own_connection)
