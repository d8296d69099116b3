"""The lanes keep their promises on a real broker, with a service that only passes records on."""

import asyncio
import shutil
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from confluent_kafka.admin import AdminClient

from instep.catalogue.files import default_directory, load_catalogue
from instep.errors import NetworkError
from instep.kafka.connection import Connection
from instep.kafka.follow import read_network
from instep.lanes.settlement import Marker
from instep.lanes.survey import accept_lost, settle_lane, survey
from instep.local.broker import Broker
from instep.network.network import Network
from instep.network.partition import lane_of
from instep.network.records import to_records
from instep.network.services import SERVICES, Service
from instep.network.topics import NETWORK
from instep.provision.apply import apply
from tests.brokers import unused
from tests.kafka.journey import Reader, create_topics
from tests.kafka.offsets import delete_group, set_group_offset
from tests.kafka.services import Fleet, Worker, fleet
from tests.kafka.toy import DEADLY, INPUT, OUTPUT, SET_ASIDE, STATE, TOY

PARTITION = TopicPartition(INPUT, 0)
LAG = f'kafka_consumergroup_lag{{consumergroup="toy-toy",partition="0",topic="{INPUT}"}}'
SAMPLE = Path(__file__).parents[2] / "deploy" / "network" / "sample"


@pytest.fixture
async def toy_connection(own_broker: Broker) -> Connection:
    """A broker with a network of one lane and the topics of the toy service."""
    return await with_toy_network(own_broker)


@pytest.fixture
def unused_broker() -> Iterator[Broker]:
    """A broker that has seen none of the lane's transactions."""
    with unused() as broker:
        yield broker


async def with_toy_network(broker: Broker) -> Connection:
    """The broker's connection, once it has a network of one lane and the topics of the toy service."""
    connection = broker.own_connection
    await create_topics(connection, NETWORK, INPUT, OUTPUT, STATE)
    producer = AIOKafkaProducer(**connection.kafka(), transactional_id="toy-apply")
    await producer.start()
    async with producer.transaction():
        records = to_records(Network(name="toy", lanes=1, authorities={}, agreements={}))
        for key, value in records.items():
            await producer.send(NETWORK, key=key.encode(), value=value)
        await producer.send(NETWORK, key=b"generation", value=b"1")
    await producer.stop()
    return connection


async def delete_before(connection: Connection, partition: TopicPartition, offset: int) -> None:
    """Delete records as retention does, before anybody has read them."""
    admin = AIOKafkaAdminClient(**connection.kafka())
    await admin.start()
    await admin.delete_records({partition: RecordsToDelete(before_offset=offset)})
    await admin.close()


@pytest.fixture(autouse=True)
def toy_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """`instep lane` knows the toy service in this process."""
    monkeypatch.setitem(cast(dict[str, Service], SERVICES), "toy", TOY)


async def made_anew(connection: Connection, topic: str) -> None:
    """Delete a topic and create it again, as when an authority leaves and joins."""
    admin = AdminClient({**connection.confluent()})
    await asyncio.to_thread(admin.delete_topics([topic])[topic].result, 30)
    async with asyncio.timeout(30):
        while topic in (await asyncio.to_thread(admin.list_topics, timeout=10)).topics:
            await asyncio.sleep(0.1)
    await create_topics(connection, topic)


async def write(connection: Connection, values: Iterable[bytes], topic: str = INPUT) -> None:
    producer = AIOKafkaProducer(**connection.kafka())
    await producer.start()
    for value in values:
        await producer.send_and_wait(topic, value)
    await producer.stop()


async def passed_on(connection: Connection, count: int) -> list[bytes]:
    """Values put out, once there are `count` and no more come."""
    async with Reader(connection, [OUTPUT]) as reader:
        await reader.until(count)
        return [record.value for record in await reader.settled(1.0)]


async def unready(worker: Worker, reason: str) -> str:
    """Wait until the worker is not ready for this reason; returns the sentence.

    A consumer notices within 30 s that a topic was made anew, since metadata last so long.
    """
    async with asyncio.timeout(90):
        while reason not in (reason_given := worker.not_ready_because() or ""):
            await asyncio.sleep(0.1)
    return reason_given


def numbered(begin: int, end: int) -> list[bytes]:
    return [b"value-%d" % number for number in range(begin, end)]


async def run_over(ours: Fleet, connection: Connection, count: int) -> Worker:
    """Start a worker, wait until everything is passed on, and stop the worker in order."""
    worker = ours.start("toy", module="tests.kafka.toy")
    await passed_on(connection, count)
    assert worker.stop() < 5.0
    assert worker.exit_code == 0
    return worker


@pytest.mark.usefixtures("closed_terminal_is_heard")
async def test_a_worker_whose_terminal_closes_ends_in_order(
    toy_connection: Connection, tmp_path: Path
) -> None:
    await write(toy_connection, numbered(0, 10))
    with fleet(toy_connection, tmp_path) as ours:
        worker = ours.start("toy", module="tests.kafka.toy")
        await passed_on(toy_connection, 10)
        assert worker.process is not None
        worker.process.send_signal(signal.SIGHUP)
        assert await asyncio.to_thread(worker.process.wait, 10) == 0


async def test_records_lost_before_they_were_read_stop_the_lane(
    toy_connection: Connection, tmp_path: Path
) -> None:
    await write(toy_connection, numbered(0, 10))
    with fleet(toy_connection, tmp_path) as ours:
        await run_over(ours, toy_connection, 10)
        await write(toy_connection, numbered(10, 20))
        await delete_before(toy_connection, PARTITION, 15)

        stopped = ours.start("toy", module="tests.kafka.toy")
        reason_given = await unready(stopped, "lost-records")
        assert f"{INPUT} from 10 to 15" in reason_given
        assert stopped.exit_code is None
        assert len(await passed_on(toy_connection, 10)) == 10


async def test_a_gap_accepted_by_command_sets_the_lane_going_without_a_restart(
    own_broker: Broker, tmp_path: Path
) -> None:
    connection = own_broker.own_connection
    await apply(connection, SAMPLE, load_catalogue(default_directory()))
    network = await read_network(connection)

    async def refused(count: int) -> int:
        async with Reader(connection, ["camden.rejected"]) as reader:
            await reader.until(count)
            return len(await reader.settled(1.0))

    with fleet(connection, tmp_path) as ours:
        await write(connection, numbered(0, 10), "camden.outbox")
        first = ours.start("intake")
        assert await refused(10) == 10
        first.stop()
        await write(connection, numbered(10, 20), "camden.outbox")
        await delete_before(connection, TopicPartition("camden.outbox", 0), 15)
        with pytest.raises(NetworkError, match=r"leeds\.outbox"):
            await accept_lost(connection, network, "intake", "leeds.outbox", "the test")

        second = ours.start("intake")
        await unready(
            second,
            "lost-records: Records that this lane has not read are gone (camden.outbox from 10 to 15: the log begins after",
        )
        views = await survey(connection, network, ["intake"])
        assert [view.lane for view in views if view.lost] == [lane_of(b"camden", network.lanes)]
        assert {view.owner.rpartition(":")[2] for view in views} == {str(second.pid)}
        await accept_lost(connection, network, "intake", "camden.outbox", "the test")
        assert await refused(15) == 15
        assert "gap accepted" in second.tail()
        await asyncio.to_thread(second.wait_until_ready)
        async with asyncio.timeout(20):
            while any(view.lost or view.lag for view in await survey(connection, network, ["intake"])):
                await asyncio.sleep(0.2)


async def test_offsets_that_the_group_forgot_are_found_in_the_changelog(
    toy_connection: Connection, tmp_path: Path
) -> None:
    """A group without members forgets its offsets after a week; without the changelog the log would be read again."""
    await write(toy_connection, numbered(0, 10))
    with fleet(toy_connection, tmp_path) as ours:
        await run_over(ours, toy_connection, 10)
        await asyncio.to_thread(delete_group, toy_connection, "toy-toy")
        shutil.rmtree(tmp_path / "state")
        await write(toy_connection, numbered(10, 12))
        again = ours.start("toy", module="tests.kafka.toy")
        assert await passed_on(toy_connection, 12) == numbered(0, 12)
        assert '"restored": 0' not in again.tail()


async def accept_at(connection: Connection, topic: str, *, repeat: bool = False) -> None:
    network = await read_network(connection)
    await accept_lost(connection, network, "toy", topic, "the test", repeat=repeat)


@pytest.mark.parametrize("anew", [4, 30], ids=["shorter", "longer"])
async def test_a_topic_that_was_deleted_and_made_anew_stops_the_lane_until_that_is_accepted(
    toy_connection: Connection, tmp_path: Path, anew: int
) -> None:
    """Its log may end below the lane's position, or beyond: then records would be passed over without a word."""
    await write(toy_connection, numbered(0, 10))
    with fleet(toy_connection, tmp_path) as ours:
        await run_over(ours, toy_connection, 10)
        await made_anew(toy_connection, INPUT)
        await write(toy_connection, numbered(100, 100 + anew))
        again = ours.start("toy", module="tests.kafka.toy")
        reason_given = await unready(again, "lost-records")
        assert f"{INPUT} from 10 to 0: the topic was deleted and made anew" in reason_given
        await accept_at(toy_connection, INPUT)
        assert await passed_on(toy_connection, 10 + anew) == [*numbered(0, 10), *numbered(100, 100 + anew)]
        await asyncio.to_thread(again.wait_until_ready)
        assert again.exit_code is None


async def test_a_topic_that_is_made_anew_while_the_lane_reads_it_stops_the_lane_and_not_the_worker(
    toy_connection: Connection, tmp_path: Path
) -> None:
    await write(toy_connection, numbered(0, 10))
    with fleet(toy_connection, tmp_path) as ours:
        worker = ours.start("toy", module="tests.kafka.toy")
        assert await passed_on(toy_connection, 10) == numbered(0, 10)
        assert LAG in worker.get("/metrics")
        await made_anew(toy_connection, INPUT)
        await write(toy_connection, numbered(100, 104))
        await unready(worker, "lost-records")
        assert LAG not in worker.get("/metrics"), "a lag that nobody measures looks like nothing to do"
        await accept_at(toy_connection, INPUT)
        assert await passed_on(toy_connection, 14) == [*numbered(0, 10), *numbered(100, 104)]
        assert worker.exit_code is None


@pytest.mark.parametrize("repeat", [False, True])
async def test_a_group_whose_offsets_were_set_ahead_stops_the_lane(
    toy_connection: Connection, tmp_path: Path, repeat: bool
) -> None:
    await write(toy_connection, numbered(0, 10))
    with fleet(toy_connection, tmp_path) as ours:
        await run_over(ours, toy_connection, 10)
        await write(toy_connection, numbered(10, 20))
        await asyncio.to_thread(set_group_offset, toy_connection, "toy-toy", INPUT, 0, 15)
        again = ours.start("toy", module="tests.kafka.toy")
        assert f"{INPUT} from 10 to 15: the group's committed offset is ahead" in await unready(
            again, "lost-records"
        )
        await accept_at(toy_connection, INPUT, repeat=repeat)
        rest = numbered(10, 20) if repeat else numbered(15, 20)
        assert await passed_on(toy_connection, 10 + len(rest)) == [*numbered(0, 10), *rest]


async def test_a_group_without_offsets_and_a_log_that_begins_later_is_a_gap_that_can_be_accepted(
    toy_connection: Connection, tmp_path: Path
) -> None:
    await write(toy_connection, numbered(0, 10))
    with fleet(toy_connection, tmp_path) as ours:
        await run_over(ours, toy_connection, 10)
        await asyncio.to_thread(delete_group, toy_connection, "toy-toy")
        await write(toy_connection, numbered(10, 20))
        await delete_before(toy_connection, PARTITION, 15)
        again = ours.start("toy", module="tests.kafka.toy")
        await unready(again, f"{INPUT} from 10 to 15: the log begins after the position")
        await accept_at(toy_connection, INPUT)
        assert await passed_on(toy_connection, 15) == [*numbered(0, 10), *numbered(15, 20)]


async def test_a_changelog_that_is_gone_stops_the_lane_though_the_group_knows_where_it_was(
    toy_connection: Connection, tmp_path: Path
) -> None:
    """The lane's memory is gone with the changelog, so going on would repeat records."""
    await write(toy_connection, numbered(0, 10))
    with fleet(toy_connection, tmp_path) as ours:
        await run_over(ours, toy_connection, 10)
        await made_anew(toy_connection, STATE)
        await write(toy_connection, numbered(0, 12))
        again = ours.start("toy", module="tests.kafka.toy")
        await unready(
            again, f"{INPUT} from None to 10: the group's committed offset is ahead of the changelog"
        )
        assert "checkpoint not proven" in again.tail()
        assert await passed_on(toy_connection, 10) == numbered(0, 10)


async def test_a_transaction_without_an_end_stops_a_lane_that_cannot_tell_how_its_own_ended_until_an_operator_decides(
    unused_broker: Broker, tmp_path: Path
) -> None:
    """The transaction here is another producer's: a lane that claims for the first time sees no difference."""
    connection = await with_toy_network(unused_broker)
    other = AIOKafkaProducer(**connection.kafka(), transactional_id="another", transaction_timeout_ms=600_000)
    await other.start()
    await other.begin_transaction()
    await other.send_and_wait(OUTPUT, b"open", partition=0)
    await write(connection, numbered(0, 3))
    try:
        with fleet(connection, tmp_path) as ours:
            worker = ours.start("toy", module="tests.kafka.toy", INSTEP_TRANSACTION_TIMEOUT_SECONDS="1")
            waits = await unready(worker, "transactions that are open")
            assert f"{OUTPUT}-0" in waits
            reason_given = await unready(worker, "hanging-transaction")
            assert "`instep lane settle SERVICE LANE` decides" in reason_given
            assert 'instep_lane_hanging_seconds{lane="0",service="toy"}' in worker.get("/metrics")
            partition = TopicPartition(OUTPUT, 0)
            await settle_lane(connection, "toy", 0, {partition: 0}, Marker.COMMIT, "the test")
            await asyncio.to_thread(worker.wait_until_ready)
            assert '"event": "transaction settled"' in worker.tail()
            assert worker.exit_code is None
            await other.abort_transaction()
            assert await passed_on(connection, 3) == numbered(0, 3)
    finally:
        await other.stop()


@pytest.mark.parametrize("hours", [-24, 24 * 400])
async def test_a_worker_whose_clock_is_wrong_decides_nothing_and_says_by_how_much(
    toy_connection: Connection, tmp_path: Path, hours: int
) -> None:
    await write(toy_connection, numbered(0, 3))
    with fleet(toy_connection, tmp_path) as ours:
        wrong = ours.start("toy", module="tests.kafka.wrong_clock", CLOCK_IS_OFF_BY_HOURS=str(hours))
        reason_given = await unready(wrong, "clock: ")
        assert f"{'ahead of' if hours > 0 else 'behind'} Kafka's" in reason_given
        assert await passed_on(toy_connection, 0) == []
        assert wrong.exit_code is None
        wrong.stop()
        ours.start("toy", module="tests.kafka.toy")
        assert await passed_on(toy_connection, 3) == numbered(0, 3)


async def test_the_groups_offsets_follow_and_are_never_ahead(
    toy_connection: Connection, tmp_path: Path
) -> None:
    await write(toy_connection, numbered(0, 10))
    with fleet(toy_connection, tmp_path) as ours:
        ours.start("toy", module="tests.kafka.toy")
        await passed_on(toy_connection, 10)
        admin = AIOKafkaAdminClient(**toy_connection.kafka())
        await admin.start()
        try:
            async with asyncio.timeout(20):
                while (
                    PARTITION not in (group_offsets := await admin.list_consumer_group_offsets("toy-toy"))
                    or group_offsets[PARTITION].offset < 10
                ):
                    await asyncio.sleep(0.1)
            assert group_offsets[PARTITION].offset == 10
        finally:
            await admin.close()


async def test_a_wiped_state_directory_is_rebuilt_from_the_changelog(
    toy_connection: Connection, tmp_path: Path
) -> None:
    await write(toy_connection, numbered(0, 10))
    with fleet(toy_connection, tmp_path) as ours:
        await run_over(ours, toy_connection, 10)
        shutil.rmtree(tmp_path / "state")
        await write(toy_connection, numbered(0, 11))
        ours.start("toy", module="tests.kafka.toy")
        assert await passed_on(toy_connection, 11) == numbered(0, 11)


async def test_a_record_that_kills_its_decoder_twice_is_set_aside_and_the_rest_goes_on(
    toy_connection: Connection, tmp_path: Path
) -> None:
    await write(toy_connection, [b"before", DEADLY, b"after"])
    with fleet(toy_connection, tmp_path) as ours:
        first = ours.start("toy", module="tests.kafka.toy")
        async with asyncio.timeout(30):
            while first.exit_code is None:
                await asyncio.sleep(0.1)
        assert first.exit_code == -9
        shutil.rmtree(tmp_path / "state")  # the next worker has nothing of the one that died
        second = ours.start("toy", module="tests.kafka.toy")
        assert await passed_on(toy_connection, 3) == [b"before", SET_ASIDE, b"after"]
        assert second.exit_code is None


async def test_a_worker_waits_for_the_broker_and_for_a_network_and_says_so(
    own_broker: Broker, tmp_path: Path
) -> None:
    connection = own_broker.own_connection
    own_broker.stop()
    with fleet(connection, tmp_path) as ours:
        worker = ours.start("toy", module="tests.kafka.toy")
        await unready(worker, "the broker")
        await asyncio.to_thread(own_broker.start)
        assert own_broker.bootstrap_servers == connection.bootstrap_servers
        await unready(worker, "the network")
        assert worker.get("/healthy") == "ok\n"
