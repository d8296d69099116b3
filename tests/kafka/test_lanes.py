"""What the lanes promise on a real broker, seen with a service that only passes records on."""

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from confluent_kafka.admin import AdminClient

from instep.cluster.apply import apply
from instep.cluster.connection import Connection
from instep.cluster.follow import read_network
from instep.errors import NetworkError
from instep.events.catalogue import Catalogue
from instep.lanes.survey import accept_lost, survey
from instep.local.broker import Broker
from instep.network.network import Network, to_records
from instep.network.partition import lane_of
from instep.network.topics import NETWORK
from tests.kafka.journey import Reader, create_topics
from tests.kafka.services import Fleet, Worker, fleet
from tests.kafka.toy import DEADLY, INPUT, OUTPUT, SET_ASIDE, STATE

PARTITION = TopicPartition(INPUT, 0)
SAMPLE = Path(__file__).parents[2] / "deploy" / "network" / "sample"


@pytest.fixture
async def toy_connection(own_broker: Broker) -> Connection:
    """A broker with a network of one lane and the topics of the toy service."""
    connection = Connection(bootstrap_servers=own_broker.bootstrap_servers, security_protocol="PLAINTEXT")
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
    """As retention does to what nobody has read in time."""
    admin = AIOKafkaAdminClient(**connection.kafka())
    await admin.start()
    await admin.delete_records({partition: RecordsToDelete(before_offset=offset)})
    await admin.close()


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
    """Wait until the worker says that it is not ready for this reason."""
    async with asyncio.timeout(30):
        while reason not in (said := worker.not_ready_because() or ""):
            await asyncio.sleep(0.1)
    return said


def numbered(begin: int, end: int) -> list[bytes]:
    return [b"value-%d" % number for number in range(begin, end)]


async def run_over(ours: Fleet, connection: Connection, count: int) -> Worker:
    """Start a worker, let it pass on everything, and stop it in order."""
    worker = ours.start("toy", module="tests.kafka.toy")
    await passed_on(connection, count)
    assert worker.stop() < 5.0
    assert worker.exit_code == 0
    return worker


async def test_records_lost_before_they_were_read_stop_the_lane(
    toy_connection: Connection, tmp_path: Path
) -> None:
    await write(toy_connection, numbered(0, 10))
    with fleet(toy_connection, tmp_path) as ours:
        await run_over(ours, toy_connection, 10)
        await write(toy_connection, numbered(10, 20))
        await delete_before(toy_connection, PARTITION, 15)

        stopped = ours.start("toy", module="tests.kafka.toy")
        said = await unready(stopped, "lost-records")
        assert f"{INPUT} from 10 to 15" in said
        assert stopped.exit_code is None
        assert len(await passed_on(toy_connection, 10)) == 10


async def test_a_gap_accepted_by_command_sets_the_lane_going_without_a_restart(
    own_broker: Broker, tmp_path: Path
) -> None:
    connection = Connection(bootstrap_servers=own_broker.bootstrap_servers, security_protocol="PLAINTEXT")
    await apply(connection, SAMPLE, Catalogue.load(Catalogue.default_directory()))
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
            second, "lost-records: Records that this lane has not read are gone (camden.outbox from 10 to 15: the log begins after"
        )
        views = await survey(connection, network, ["intake"])
        assert [view.lane for view in views if view.lost] == [lane_of(b"camden", network.lanes)]
        assert {view.owner.rpartition(":")[2] for view in views} == {str(second.pid)}
        await accept_lost(connection, network, "intake", "camden.outbox", "the test")
        assert await refused(15) == 15
        assert "gap accepted" in second.tail()
        await asyncio.to_thread(second.wait_until_ready)
        assert all(not view.lost and view.lag == 0 for view in await survey(connection, network, ["intake"]))


async def test_offsets_that_the_group_forgot_are_found_in_the_changelog(
    toy_connection: Connection, tmp_path: Path
) -> None:
    """A group without members forgets its offsets after a week; without the changelog the log would be read again."""
    await write(toy_connection, numbered(0, 10))
    with fleet(toy_connection, tmp_path) as ours:
        await run_over(ours, toy_connection, 10)
        admin = AdminClient({**toy_connection.confluent()})
        await asyncio.to_thread(admin.delete_consumer_groups(["toy-toy"])["toy-toy"].result, 30)
        shutil.rmtree(tmp_path / "state")
        await write(toy_connection, numbered(10, 12))
        again = ours.start("toy", module="tests.kafka.toy")
        assert await passed_on(toy_connection, 12) == numbered(0, 12)
        assert '"restored": 0' not in again.tail()


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
    connection = Connection(bootstrap_servers=own_broker.bootstrap_servers, security_protocol="PLAINTEXT")
    own_broker.stop()
    with fleet(connection, tmp_path) as ours:
        worker = ours.start("toy", module="tests.kafka.toy")
        await unready(worker, "the broker")
        await asyncio.to_thread(own_broker.start)
        assert own_broker.bootstrap_servers == connection.bootstrap_servers
        await unready(worker, "the network")
        assert worker.get("/healthy") == "ok\n"
