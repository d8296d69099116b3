"""`apply` that stops before its commit, or whose marker is never written: services wait, and the next `apply` settles."""

import asyncio
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import ProducerFenced

from instep.catalogue.files import default_directory, load_catalogue
from instep.errors import NetworkError
from instep.kafka.connection import Connection
from instep.kafka.follow import NetworkFollower
from instep.local.broker import Broker
from instep.network.topics import EVENTS, NETWORK
from instep.provision import settling
from instep.provision.apply import apply
from instep.provision.network_writer import TRANSACTION_MS
from tests.kafka.stage import Stage, opened, sample
from tests.kafka.test_apply import edit, environment
from tests.kafka.test_follow import until
from tests.kafka.test_suspension import publish

CATALOGUE = load_catalogue(default_directory())

STOPS = """
import asyncio, os, sys
from pathlib import Path
from aiokafka import AIOKafkaProducer
from instep.provision.apply import apply
from instep.kafka.connection import from_env
from instep.catalogue.files import default_directory, load_catalogue
from instep.errors import NetworkError

commit = AIOKafkaProducer.commit_transaction
async def stop_and_commit(self):
    os.kill(os.getpid(), int(sys.argv[2]))
    await commit(self)
AIOKafkaProducer.commit_transaction = stop_and_commit
catalogue = load_catalogue(default_directory())
try:
    asyncio.run(apply(from_env(os.environ), Path(sys.argv[1]), catalogue))
except NetworkError as error:
    sys.exit(str(error))
"""
"""Runs `apply` in a process that sends itself a signal between the records and the commit."""


@pytest.fixture(scope="module")
def settling_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that takes a transaction's records although the coordinator does not know of their partition."""
    broker = Broker(
        tmp_path_factory.mktemp("settling"), settings="transaction.partition.verification.enable=false\n"
    )
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def connection(settling_broker: Broker) -> Connection:
    return settling_broker.own_connection


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample network, to change; versions of agreements never go back, so all tests share it."""
    return sample(tmp_path_factory.mktemp("network"))


@pytest.fixture
async def follower(connection: Connection, network: Path) -> AsyncIterator[NetworkFollower]:
    """A follower of the sample network in its present state."""
    await apply(connection, network, CATALOGUE)
    follower = NetworkFollower(connection)
    await follower.start()
    await until(follower.fresh, within=5.0)
    yield follower
    await follower.stop()


def stopping(broker: Broker, network: Path, by: signal.Signals) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", STOPS, str(network), str(int(by))]
    return subprocess.Popen(argv, env=environment(broker), stderr=subprocess.PIPE, text=True)


async def test_frozen_before_its_commit_it_makes_services_wait_until_kafka_aborts_it(
    settling_broker: Broker, follower: NetworkFollower, network: Path
) -> None:
    before = follower.network
    wanted = change(network)
    frozen = stopping(settling_broker, network, signal.SIGSTOP)
    try:
        await until(lambda: not follower.fresh(), within=30.0)
        assert re.fullmatch(
            r"a transaction in instep\.network has been open for \d s", follower.stale_because() or ""
        )
        waited = await until(follower.fresh, within=TRANSACTION_MS / 1000 + 15.0)
        assert follower.network is before
        print(f"services waited {waited:.1f} s for the transaction of a frozen apply to be aborted")
        frozen.send_signal(signal.SIGCONT)
        _, printed = await asyncio.to_thread(frozen.communicate, timeout=30)
        assert frozen.returncode == 1
        assert f"more than {TRANSACTION_MS // 1000} s" in printed, (
            "it says that its own transaction may have been too slow"
        )
        await asyncio.sleep(1.5)
        assert follower.network is before
        assert follower.fresh()
    finally:
        frozen.kill()
        frozen.wait()
    done = await apply(settling_broker.own_connection, network, CATALOGUE)
    await until(lambda: status(follower) == (wanted, done.generation), within=2.0)
    assert follower.fresh()


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGSTOP])
async def test_the_next_apply_ends_what_a_stopped_one_left_and_services_go_on(
    settling_broker: Broker, follower: NetworkFollower, network: Path, by: signal.Signals
) -> None:
    wanted = change(network)
    stopped = stopping(settling_broker, network, by)
    try:
        await until(lambda: not follower.fresh(), within=30.0)
        done = await apply(settling_broker.own_connection, network, CATALOGUE)
        await until(lambda: status(follower) == (wanted, done.generation), within=2.0)
        assert follower.fresh()
        stopped.send_signal(signal.SIGCONT)
        await asyncio.to_thread(stopped.communicate, timeout=30)
        assert stopped.returncode != 0
        await asyncio.sleep(1.5)
        assert status(follower) == (wanted, done.generation)
        assert follower.fresh()
    finally:
        stopped.kill()
        stopped.wait()


async def test_a_generation_whose_marker_was_lost_is_never_followed_and_the_next_apply_replaces_it(
    connection: Connection, follower: NetworkFollower, network: Path
) -> None:
    before = follower.network
    assert before is not None
    async with marker_lost(connection, "sample-apply") as writer:
        await writer.begin_transaction()
        # An earlier apply was to remove an agreement, and Kafka answered its commit.
        await writer.send_and_wait(NETWORK, None, key=b"agreement/council-tax", partition=0)
        generation = b"%d" % (before.generation + 1)
        await writer.send_and_wait(NETWORK, generation, key=b"generation", partition=0)
        await writer.commit_transaction()
    await until(lambda: not follower.fresh(), within=1.5)
    assert follower.network is before
    began = time.monotonic()
    done = await apply(connection, network, CATALOGUE)
    print(f"apply took {time.monotonic() - began:.1f} s to settle it")
    assert done.records_changed == (), "it finds what readers see, not what hangs"
    await until(follower.fresh, within=2.0)
    await asyncio.sleep(0.5)
    assert follower.network == before
    wanted = change(network)
    done = await apply(connection, network, CATALOGUE)
    await until(lambda: status(follower) == (wanted, before.generation + 1), within=2.0)


async def test_apply_whose_own_marker_is_lost_ends_it_with_the_next(
    connection: Connection, follower: NetworkFollower, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert follower.network is not None
    generation = follower.network.generation
    monkeypatch.setattr("instep.provision.network_writer.MARKER_WITHIN_S", 3.0)
    lose_markers(monkeypatch, times=1)
    wanted = change(network)
    done = await apply(connection, network, CATALOGUE)
    assert done.generation == generation + 1
    await until(lambda: status(follower) == (wanted, generation + 1), within=2.0)
    assert follower.fresh()


async def test_a_transaction_of_another_program_is_named_with_what_to_do(
    connection: Connection, follower: NetworkFollower, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "MARKER_WITHIN_S", 1.0)
    monkeypatch.setattr(settling, "OTHERS_WITHIN_S", 2.0)
    async with AIOKafkaProducer(**connection.kafka(), transactional_id="somebody-else") as other:
        await other.begin_transaction()
        await other.send_and_wait(NETWORK, b"{}", key=b"agreement/forged", partition=0)
        with pytest.raises(
            NetworkError, match=r"another program in instep\.network.*kafka-transactions\.sh"
        ) as refused:
            await apply(connection, network, CATALOGUE)
        assert str(refused.value).count(". ") == 0, "one sentence"
        await other.abort_transaction()
    await apply(connection, network, CATALOGUE)
    await until(follower.fresh, within=2.0)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with opened(tmp_path, sample(tmp_path), "intake", "router") as opened_stage:
        yield opened_stage


async def test_services_share_nothing_while_a_transaction_hangs_and_go_on_after_the_next_apply(
    stage: Stage,
) -> None:
    connection = stage.connection
    events = [
        stage.events.moved("lambeth", "camden", "lambeth", subject="s1", sequence=number) for number in (1, 2)
    ]
    await publish(connection, events[:1])
    await stage.bus(seconds=60)
    async with AIOKafkaProducer(**connection.kafka(), transactional_id="sample-apply") as frozen:
        await frozen.begin_transaction()
        await frozen.send_and_wait(NETWORK, None, key=b"agreement/council-tax", partition=0)
        await asyncio.sleep(1.5)
        await publish(connection, events[1:])
        await asyncio.sleep(4.0)
        assert await length(connection, "camden.inbox.council-tax") == 1
        assert await length(connection, EVENTS) == 1
        for worker in stage.fleet.workers:
            assert worker.exit_code is None
            assert worker.not_ready_because() is not None
        await stage.apply()
        with suppress(ProducerFenced):
            await frozen.abort_transaction()
    bus = await stage.bus(seconds=60)
    assert len(bus.by_topic["camden.inbox.council-tax"]) == 2
    stage.fleet.wait_until_ready()


async def length(connection: Connection, topic: str) -> int:
    """The number of records of a topic that readers see."""
    async with AIOKafkaConsumer(**connection.kafka(), isolation_level="read_committed") as consumer:
        await consumer._client.set_topics([topic])
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        assert partitions
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        records = 0
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            records += sum(map(len, (await consumer.getmany(timeout_ms=300)).values()))
        return records


def change(network: Path) -> str:
    """Suspend the council-tax agreement, or let it go on; returns its status."""
    file = network / "agreements/council-tax.toml"
    document = tomllib.loads(file.read_text("utf-8"))
    status = "suspended" if document["status"] == "active" else "active"
    edit(file, f'status = "{document["status"]}"', f'status = "{status}"')
    edit(file, f"\nversion = {document['version']}\n", f"\nversion = {document['version'] + 1}\n")
    return status


def status(follower: NetworkFollower) -> tuple[str, int]:
    assert follower.network is not None
    return follower.network.agreements["council-tax"].status, follower.network.generation


@asynccontextmanager
async def marker_lost(connection: Connection, transactional_id: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer whose commits never reach `instep.network`, because its coordinator knows of another partition alone."""
    producer = AIOKafkaProducer(**connection.kafka(), transactional_id=transactional_id)
    await producer.start()
    _mislead(producer)
    try:
        yield producer
    finally:
        with suppress(Exception):
            await producer.stop()


def lose_markers(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """The next so many transactions of any producer never end in `instep.network`."""
    begin = AIOKafkaProducer.begin_transaction
    left = times

    async def beginning(self: AIOKafkaProducer) -> None:
        nonlocal left
        if left > 0:
            _mislead(self)
        else:
            self._txn_manager.__dict__.pop("maybe_add_partition_to_txn", None)
        left -= 1
        await begin(self)

    monkeypatch.setattr(AIOKafkaProducer, "begin_transaction", beginning)


def _mislead(producer: AIOKafkaProducer) -> None:
    manager = producer._txn_manager
    add = type(manager).maybe_add_partition_to_txn

    def add_another(partition: TopicPartition) -> None:
        add(manager, TopicPartition(EVENTS, 0) if partition.topic == NETWORK else partition)

    manager.maybe_add_partition_to_txn = add_another
