"""Following `instep.network` on a real Kafka: what is seen, when, and how freshness comes and goes."""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from instep.errors import NetworkError, NotConnectedError
from instep.kafka.connection import Connection
from instep.kafka.follow import NetworkFollower, read_network
from instep.local.broker import Broker
from instep.network.network import load
from instep.network.records import to_records
from instep.network.topics import NETWORK
from tests.brokers import borrowed
from tests.strain import in_time

SAMPLE = load(Path(__file__).parents[2] / "deploy/network/sample")
AGREEMENT = "agreement/council-tax"


@pytest.fixture(scope="module")
def quiet_broker() -> Iterator[Broker]:
    """A broker whose `instep.network` is ours alone; tests freeze and restart the broker."""
    with borrowed() as broker:
        yield broker


class Writer:
    """Writes to `instep.network` as `apply` does, and as `apply` must not."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self.producer = producer
        self.generation = int(time.time() * 1000)  # above that of any test before

    async def put(self, records: Mapping[str, bytes | None]) -> None:
        for key, value in records.items():
            await self.producer.send_and_wait(NETWORK, value, key=key.encode(), partition=0)

    async def commit(self, records: Mapping[str, bytes | None]) -> None:
        async with self.producer.transaction():
            await self.put(records)

    async def publish(self, records: Mapping[str, bytes | None]) -> int:
        self.generation += 1
        await self.commit({**records, "generation": b"%d" % self.generation})
        return self.generation


@pytest.fixture
async def writer(quiet_broker: Broker) -> AsyncIterator[Writer]:
    await make_topic(quiet_broker)
    async with writing(quiet_broker) as writer:
        await writer.publish(to_records(SAMPLE))
        yield writer


@pytest.fixture
async def follower(quiet_broker: Broker, writer: Writer) -> AsyncIterator[NetworkFollower]:
    follower = NetworkFollower(quiet_broker.own_connection)
    await follower.start()
    await follower.changed()
    yield follower
    await follower.stop()


async def test_the_newest_generation_is_there_when_it_has_started(
    follower: NetworkFollower, writer: Writer, quiet_broker: Broker
) -> None:
    assert follower.network == replace(SAMPLE, generation=writer.generation)
    assert follower.fresh()
    assert await read_network(quiet_broker.own_connection) == follower.network


async def test_a_change_counts_only_with_its_generation_record(
    follower: NetworkFollower, writer: Writer
) -> None:
    before = follower.network
    await writer.commit({AGREEMENT: None})
    await asyncio.sleep(0.8)
    assert follower.network is before
    assert follower.fresh()
    generation = await writer.publish({})
    await soon(follower.changed())
    assert follower.network is not None
    assert follower.network.generation == generation
    assert "council-tax" not in follower.network.agreements


async def test_a_half_made_change_is_never_seen(follower: NetworkFollower, writer: Writer) -> None:
    before = follower.network
    await writer.producer.begin_transaction()
    await writer.put({AGREEMENT: None, "generation": b"%d" % (writer.generation + 1)})
    await asyncio.sleep(0.3)
    assert follower.network is before
    assert follower.fresh(), "`apply` holds its transaction open for a moment, and that holds nobody up"
    await writer.producer.abort_transaction()
    await asyncio.sleep(0.8)
    assert follower.network is before
    assert follower.fresh()
    writer.generation += 1
    generation = await writer.publish({})
    await soon(follower.changed())
    assert follower.network == replace(SAMPLE, generation=generation)


async def test_a_transaction_that_does_not_end_leaves_nothing_fresh_until_it_ends(
    follower: NetworkFollower, writer: Writer
) -> None:
    before = follower.network
    await writer.producer.begin_transaction()
    await writer.put({AGREEMENT: None, "generation": b"%d" % (writer.generation + 1)})
    await until(lambda: not follower.fresh(), within=1.3)
    for _ in range(20):
        await asyncio.sleep(0.1)
        assert not follower.fresh()
    problem = follower.stale_because()
    assert problem is not None
    assert re.fullmatch(r"a transaction in instep\.network has been open for [2-5] s", problem)
    assert follower.network is before
    await writer.producer.commit_transaction()
    writer.generation += 1
    await soon(follower.changed())
    assert follower.network is not None
    assert follower.network.generation == writer.generation
    await until(follower.fresh, within=1.0)
    assert follower.stale_because() is None


async def test_a_clock_that_is_set_makes_nothing_fresh(
    follower: NetworkFollower, quiet_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert quiet_broker.process is not None
    clock = time.time
    os.kill(quiet_broker.process.pid, signal.SIGSTOP)
    try:
        await until(lambda: not follower.fresh(), within=1.3)
        for seconds in (-86_400.0, -2.0, -1.0, 86_400.0):
            monkeypatch.setattr(time, "time", lambda by=seconds: clock() + by)
            for _ in range(20):
                assert not follower.fresh()
                await asyncio.sleep(0.02)
    finally:
        os.kill(quiet_broker.process.pid, signal.SIGCONT)
    await until(follower.fresh, within=10.0)


async def test_a_generation_that_cannot_be_used_leaves_nothing_fresh_until_one_can(
    follower: NetworkFollower, writer: Writer
) -> None:
    before = follower.network
    await writer.publish({AGREEMENT: b"{}"})
    await until(lambda: not follower.fresh(), within=2.0)
    await asyncio.sleep(0.5)
    assert follower.network is before
    assert not follower.fresh()
    assert "the newest generation in instep.network cannot be used" in (follower.stale_because() or "")
    await writer.publish({AGREEMENT: to_records(SAMPLE)[AGREEMENT]})
    await soon(follower.changed())
    await until(follower.fresh, within=1.0)


async def test_it_stays_fresh_while_nothing_happens(follower: NetworkFollower) -> None:
    end = time.monotonic() + 3.0
    while time.monotonic() < end:
        assert follower.fresh()
        await asyncio.sleep(0.01)


async def test_a_change_is_seen_within_a_second(follower: NetworkFollower, writer: Writer) -> None:
    for _ in range(5):
        await writer.publish({})
        start = time.monotonic()
        await soon(follower.changed())
        assert in_time(time.monotonic() - start, 1.0)
        assert follower.network is not None
        assert follower.network.generation == writer.generation


async def test_changes_made_between_two_waits_are_not_missed(
    follower: NetworkFollower, writer: Writer
) -> None:
    for _ in range(3):
        generation = await writer.publish({})
    await until(lambda: follower.network is not None and follower.network.generation == generation, within=2)
    await asyncio.wait_for(follower.changed(), 0.1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(follower.changed(), 0.3)


@pytest.mark.parametrize("frozen_s", [2.0, 8.0])
async def test_a_broker_that_freezes_costs_freshness_within_the_second_and_gives_it_back(
    follower: NetworkFollower, quiet_broker: Broker, frozen_s: float
) -> None:
    assert quiet_broker.process is not None
    pid = quiet_broker.process.pid
    assert follower.fresh()
    os.kill(pid, signal.SIGSTOP)
    try:
        lost_after = await until(lambda: not follower.fresh(), within=1.3)
        await asyncio.sleep(frozen_s - lost_after)
        assert not follower.fresh()
        assert follower.stale_because() == f"Kafka at {quiet_broker.bootstrap_servers} does not answer"
    finally:
        os.kill(pid, signal.SIGCONT)
    back_after = await until(follower.fresh, within=10.0)
    print(f"not fresh after {lost_after:.2f} s, fresh again {back_after:.2f} s after the thaw")


async def test_a_broker_that_is_started_again_is_followed_again(
    follower: NetworkFollower, quiet_broker: Broker
) -> None:
    await asyncio.to_thread(quiet_broker.kill)
    await until(lambda: not follower.fresh(), within=1.3)
    await asyncio.to_thread(quiet_broker.start)
    await until(follower.fresh, within=20.0)
    async with writing(quiet_broker) as writer:
        await writer.publish({AGREEMENT: None})
        await asyncio.wait_for(follower.changed(), 10)
    assert follower.network is not None
    assert follower.network.generation == writer.generation


async def test_before_anybody_has_applied_there_is_no_network_and_then_there_is(own_broker: Broker) -> None:
    connection = own_broker.own_connection
    with pytest.raises(NetworkError, match="instep network apply"):
        await read_network(connection)
    follower = NetworkFollower(connection)
    await follower.start()
    try:
        assert follower.network is None
        assert not follower.fresh()
        assert "run `instep network apply DIR`" in (follower.stale_because() or "")
        await make_topic(own_broker)
        async with writing(own_broker) as writer:
            await writer.publish(to_records(SAMPLE))
            await asyncio.wait_for(follower.changed(), 10)
        assert follower.network == replace(SAMPLE, generation=writer.generation)
    finally:
        await follower.stop()


async def test_following_a_broker_that_is_not_there_is_refused_in_one_sentence(
    quiet_broker: Broker,
) -> None:
    nowhere = Connection(bootstrap_servers="127.0.0.1:1", security_protocol="PLAINTEXT")
    with pytest.raises(NotConnectedError, match="No broker answers"):
        await NetworkFollower(nowhere).start()
    wrong = Connection(
        bootstrap_servers=quiet_broker.bootstrap_servers,
        sasl_username="leeds",
        sasl_password="geheim",
    )
    with pytest.raises(NotConnectedError, match="did not let us in over SASL_SSL") as refused:
        await NetworkFollower(wrong).start()
    assert "geheim" not in str(refused.value)


async def make_topic(broker: Broker) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(NETWORK, 1, 1, topic_configs={"cleanup.policy": "compact"})])
    finally:
        await admin.close()


@asynccontextmanager
async def writing(broker: Broker) -> AsyncIterator[Writer]:
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap_servers, transactional_id="test-apply", linger_ms=0
    )
    await producer.start()
    try:
        yield Writer(producer)
    finally:
        await producer.stop()


async def soon(waiting: Awaitable[None]) -> None:
    await asyncio.wait_for(waiting, 3.0)


async def until(true: Callable[[], bool], within: float) -> float:
    """Seconds until the condition holds; fails when the time is over."""
    start = time.monotonic()
    while not true():
        assert in_time(time.monotonic() - start, within), f"not so after {within} s"
        await asyncio.sleep(0.01)
    return time.monotonic() - start
