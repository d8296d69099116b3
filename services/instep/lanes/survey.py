"""Lanes seen from outside: who owns each, how far it is, and the gaps that an operator may accept.

It asks the group and the logs only, so it costs the same however much a lane remembers.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.protocol import admin as protocol

from instep.cluster.connection import Connection, connecting
from instep.errors import NetworkError
from instep.lanes.assignor import lane_numbering
from instep.lanes.changelog import accepted_entry
from instep.network import topics
from instep.network.network import Network

# XXX: aiokafka 0.14 reads the answer of version 3 by the form of version 2, and fails on it.
protocol.DescribeGroupsRequest_v3.RESPONSE_TYPE = protocol.DescribeGroupsResponse_v3


@dataclass(frozen=True, kw_only=True, slots=True)
class LostRange:
    """Records of a topic that nobody has read: from `position` (None: lost) up to the log's `start`."""

    topic: str
    position: int | None
    start: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneView:
    """One lane of a service; `owner` is `host:pid`, "" when nobody has it; `lag` counts records and markers."""

    service: str
    lane: int
    owner: str
    topics: int
    lag: int
    lost: tuple[LostRange, ...]


def inputs_of(network: Network, service: str) -> list[TopicPartition]:
    """Every partition that a service reads."""
    if service == "intake":
        return [TopicPartition(outbox, 0) for outbox in topics.outboxes(network)]
    return [TopicPartition(topics.EVENTS, lane) for lane in range(network.lanes)]


async def survey(connection: Connection, network: Network, services: Sequence[str]) -> list[LaneView]:
    """The lanes of these services, as they are now. Raises NotConnectedError."""
    async with connecting(connection), AsyncExitStack() as stack:
        admin = AIOKafkaAdminClient(**connection.kafka())
        await admin.start()
        stack.push_async_callback(admin.close)
        consumer = AIOKafkaConsumer(**connection.kafka(), isolation_level="read_committed")
        await consumer.start()
        stack.push_async_callback(consumer.stop)
        return [view for service in services for view in await _survey(admin, consumer, network, service)]


async def _survey(
    admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, network: Network, service: str
) -> list[LaneView]:
    group = topics.group(network, service)
    partitions = inputs_of(network, service)
    found = await admin.list_consumer_group_offsets(group)
    committed = {tp: found[tp].offset for tp in partitions if tp in found and found[tp].offset >= 0}
    starts = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)
    numbering = lane_numbering(network.lanes)
    owners = await _owners(admin, group, network)
    by_lane: dict[int, list[TopicPartition]] = {lane: [] for lane in range(network.lanes)}
    for partition in partitions:
        by_lane[numbering(partition.topic, partition.partition)].append(partition)
    return [
        LaneView(
            service=service,
            lane=lane,
            owner=owners.get(lane, ""),
            topics=len(held),
            lag=sum(ends[tp] - max(committed.get(tp, 0), starts[tp]) for tp in held),
            lost=tuple(_lost(held, committed, starts)),
        )
        for lane, held in by_lane.items()
    ]


def _lost(
    held: Iterable[TopicPartition],
    committed: Mapping[TopicPartition, int],
    starts: Mapping[TopicPartition, int],
) -> Iterable[LostRange]:
    for partition in held:
        position, start = committed.get(partition), starts[partition]
        if start > 0 and committed and (position is None or position < start):
            yield LostRange(topic=partition.topic, position=position, start=start)


async def _owners(admin: AIOKafkaAdminClient, group: str, network: Network) -> dict[int, str]:
    numbering = lane_numbering(network.lanes)
    owners: dict[int, str] = {}
    for answer in await admin.describe_consumer_groups([group]):
        for _, _, _, _, _, members, *_ in answer.groups:
            for _, client_id, _, _, assignment in members:
                held = ConsumerProtocolMemberAssignment.decode(assignment).assignment if assignment else ()
                owners |= {
                    numbering(topic, one): client_id for topic, partitions in held for one in partitions
                }
    return owners


async def accept_lost(
    connection: Connection, network: Network, service: str, topic: str, by: str
) -> LostRange:
    """Accept that a topic's records are gone; its lane goes on at the log's start within seconds.

    The acceptance lies in the lane's changelog, with who gave it and when. Raises NetworkError when nothing is lost.
    """
    views = await survey(connection, network, [service])
    for view in views:
        for lost in view.lost:
            if lost.topic == topic:
                await _write(connection, service, view.lane, lost, by)
                return lost
    raise NetworkError(f"No records of {topic} are lost to {service}, so there is nothing to accept.")


async def _write(connection: Connection, service: str, lane: int, lost: LostRange, by: str) -> None:
    now = time.time_ns() // 1_000_000
    key, value = accepted_entry(lost.topic, position=lost.position, start=lost.start, by=by, at=now)
    async with connecting(connection):
        producer = AIOKafkaProducer(**connection.kafka(), acks="all", enable_idempotence=True)
        await producer.start()
        try:
            await producer.send_and_wait(topics.state(service), key=key, value=value, partition=lane)
        finally:
            await producer.stop()
