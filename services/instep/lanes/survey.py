"""Shows operators the lanes of services (`instep lane`), and writes down what operators decide about a lane.

A lane is one share of a service's partitions. A survey gives owners, lags, gaps (records that a lane may never have
read) and hanging transactions (those without an end marker). It asks the group and the logs alone, since a lane that
stands still says why in the group's offsets (the module `stated`). So a survey costs the same however much a lane
remembers, and needs no right to read the lane's state. Decisions are written to the lane's changelog.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.protocol import admin as protocol

from instep.errors import NetworkError
from instep.kafka.connection import Connection, connecting
from instep.kafka.log_ends import Log, LogEnds, unfinished
from instep.lanes.changelog import Changelog
from instep.lanes.entries import accepted_entry, settled_entry
from instep.lanes.positions import Cause, Gap
from instep.lanes.settlement import Marker
from instep.lanes.stated import gap_of, offset_of
from instep.network import topics
from instep.network.network import Network
from instep.network.partition import lane_numbering
from instep.network.services import service as service_named

# XXX: aiokafka 0.14 reads the answer of version 3 by the form of version 2, and fails on it.
protocol.DescribeGroupsRequest_v3.RESPONSE_TYPE = protocol.DescribeGroupsResponse_v3

_HANGS_SECONDS = 3.0
"""How long a last stable offset has to stand still before a transaction counts as hanging: sound ones end sooner."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneView:
    """A lane of a service; `owner` is `host:pid`, "" without an owner; `lag` counts records and markers."""

    service: str
    lane: int
    owner: str
    topics: int
    lag: int
    lost: tuple[Gap, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """The clients that a survey asks."""

    connection: Connection
    admin: AIOKafkaAdminClient
    consumer: AIOKafkaConsumer
    ends: LogEnds


@asynccontextmanager
async def _asking(connection: Connection) -> AsyncIterator[_Asked]:
    async with connecting(connection), AsyncExitStack() as stack:
        admin = AIOKafkaAdminClient(**connection.kafka())
        await admin.start()
        stack.push_async_callback(admin.close)
        consumer = AIOKafkaConsumer(**connection.kafka(), isolation_level="read_committed")
        await consumer.start()
        stack.push_async_callback(consumer.stop)
        ends = LogEnds(connection)
        await ends.start()
        stack.push_async_callback(ends.stop)
        yield _Asked(connection=connection, admin=admin, consumer=consumer, ends=ends)


async def survey(connection: Connection, network: Network, services: Sequence[str]) -> list[LaneView]:
    """The lanes of the services at this moment. Raises NotConnectedError."""
    async with _asking(connection) as asked:
        return [view for service in services for view in await _survey(asked, network, service)]


async def _survey(asked: _Asked, network: Network, service: str) -> list[LaneView]:
    group = topics.group(network, service)
    numbering = lane_numbering(network.lanes)
    logs = await asked.ends.logs(await _inputs(asked, network, service))
    group_offsets = await asked.admin.list_consumer_group_offsets(group)
    committed = {tp: offset for tp in logs if (offset := offset_of(group_offsets.get(tp))) is not None}
    stated = {tp: gap for tp in logs if (gap := gap_of(tp, group_offsets.get(tp))) is not None}
    owners = await _owners(asked.admin, group, network)
    by_lane: dict[int, list[TopicPartition]] = {lane: [] for lane in range(network.lanes)}
    for partition in logs:
        by_lane[numbering(partition.topic, partition.partition)].append(partition)
    return [
        LaneView(
            service=service,
            lane=lane,
            owner=owners.get(lane, ""),
            topics=len(partitions),
            lag=sum(max(0, logs[tp].end - max(committed.get(tp, 0), logs[tp].start)) for tp in partitions),
            lost=tuple(
                gap for tp in partitions if (gap := stated.get(tp) or _expired(tp, committed, logs[tp]))
            ),
        )
        for lane, partitions in by_lane.items()
    ]


async def _inputs(asked: _Asked, network: Network, service: str) -> list[TopicPartition]:
    """Every partition that a service reads."""
    names = service_named(service).inputs(network)
    # With a single request: the consumer would ask for each topic by itself.
    await asked.consumer._client.set_topics(names)
    return [
        TopicPartition(name, number)
        for name in names
        for number in sorted(asked.consumer.partitions_for_topic(name) or ())
    ]


def _changelog(connection: Connection, service: str, lane: int) -> Changelog:
    return Changelog(connection=connection, service=service, lane=lane, cluster="")


def _expired(partition: TopicPartition, committed: Mapping[TopicPartition, int], log: Log) -> Gap | None:
    """A gap that no worker has stated yet, since none runs: the log begins after the group's offset."""
    position = committed.get(partition)
    if log.start == 0 or not committed or (position is not None and position >= log.start):
        return None
    cause = Cause.LOST if position is None else Cause.EXPIRED
    return Gap(partition=partition, position=position, start=log.start, topic_id=log.topic_id, cause=cause)


async def _owners(admin: AIOKafkaAdminClient, group: str, network: Network) -> dict[int, str]:
    numbering = lane_numbering(network.lanes)
    owners: dict[int, str] = {}
    for answer in await admin.describe_consumer_groups([group]):
        for _, _, _, _, _, members, *_ in answer.groups:
            for _, client_id, _, _, assignment in members:
                topics_of = (
                    ConsumerProtocolMemberAssignment.decode(assignment).assignment if assignment else ()
                )
                owners |= {
                    numbering(topic, number): client_id
                    for topic, partitions in topics_of
                    for number in partitions
                }
    return owners


async def accept_lost(
    connection: Connection, network: Network, service: str, topic: str, by: str, *, repeat: bool = False
) -> list[Gap]:
    """Accept the gaps of a topic; their lanes go on within seconds, at the gap's end.

    With `repeat` they go on at the changelog's position instead, and records from there on are read again. The
    acceptance lies in the lane's changelog, with its author and time. Raises NetworkError when nothing is lost.
    """
    accepted = []
    for view in await survey(connection, network, [service]):
        for gap in view.lost:
            if gap.partition.topic == topic:
                goes_on_at = gap.start if not repeat or gap.position is None else gap.position
                entry = accepted_entry(gap, goes_on_at=goes_on_at, by=by, at=_now())
                await _write(connection, service, view.lane, entry)
                accepted.append(gap)
    if not accepted:
        raise NetworkError(f"No records of {topic} are lost to {service}, so there is nothing to accept.")
    return accepted


async def hanging_of(
    connection: Connection, network: Network, service: str, lane: int
) -> dict[TopicPartition, int]:
    """The partitions written by the lane where a transaction has stood open for seconds, each with its LSO."""
    if not 0 <= lane < network.lanes:
        raise NetworkError(f"There is no lane {lane}: the network has lanes 0 to {network.lanes - 1}.")
    async with _asking(connection) as asked:
        changelog = _changelog(connection, service, lane).partition
        outputs = {TopicPartition(*partition) for partition in service_named(service).outputs(network, lane)}
        there = await asked.ends.existing({*outputs, changelog})
        ends = await asked.ends.shared_ends.of(there)
        before = await asked.ends.stable(there)
        await asyncio.sleep(_HANGS_SECONDS)
        after = await asked.ends.stable(there)
        return {
            tp: after[tp] for tp in unfinished(ends, after) if tp in after and before.get(tp) == after[tp]
        }


async def settle_lane(
    connection: Connection,
    service: str,
    lane: int,
    hanging: Mapping[TopicPartition, int],
    ending: Marker,
    by: str,
) -> None:
    """Decide to commit or to abort hanging transactions. The lane, which stands still, then ends them within seconds."""
    await _write(connection, service, lane, settled_entry(hanging, ending, by=by, at=_now()))


def _now() -> int:
    return time.time_ns() // 1_000_000


async def _write(connection: Connection, service: str, lane: int, entry: tuple[bytes, bytes]) -> None:
    key, value = entry
    async with connecting(connection):
        producer = AIOKafkaProducer(**connection.kafka(), acks="all", enable_idempotence=True)
        await producer.start()
        try:
            await producer.send_and_wait(topics.state(service), key=key, value=value, partition=lane)
        finally:
            await producer.stop()
