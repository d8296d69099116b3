"""Finds out at which offsets a claimed lane begins to read, and stops the lane where records may be lost.

A lane is one share of the partitions; to claim a lane is to take it from its last owner. The module asks Kafka for
the logs and the group's offsets, and the claim for the changelog's positions. The module `positions` decides.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import NoReturn, Protocol

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from instep.errors import LostRecordsError
from instep.kafka.log_ends import LogEnds
from instep.lanes.claim import Claim
from instep.lanes.positions import Gap, Start, where_to_start
from instep.lanes.stated import gap_of, offset_of

_log = structlog.get_logger("instep.lanes")


class Group(Protocol):
    """The consumer group and the logs, as a lane sees them."""

    ends: LogEnds

    async def committed(self) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """The group's committed offsets, and in their metadata the gaps that lanes have stated."""

    async def say_lost(self, gaps: Collection[Gap], committed: Mapping[TopicPartition, int | None]) -> None:
        """State in the group's offsets, whose present values are `committed`, at which gaps a lane stands still."""


async def find_start(claim: Claim, group: Group, partitions: Collection[TopicPartition], lane: int) -> Start:
    """The positions at which the claim begins. Raises LostRecordsError where records may never have been read."""
    logs = await group.ends.logs(partitions)
    claim.topic_ids = {partition.topic: log.topic_id for partition, log in logs.items()}
    group_offsets = await group.committed()
    committed = {partition: offset_of(group_offsets.get(partition)) for partition in logs}
    start = where_to_start(
        committed=committed,
        changelog_positions=claim.changelog_positions(logs),
        logs=logs,
        stated={
            partition: gap
            for partition in logs
            if (gap := gap_of(partition, group_offsets.get(partition))) is not None
        },
        accept=claim.accepted,
    )
    if start.lost:
        await _stop_at(start.lost, committed, group)
    for gap in start.accepted:
        _log.warning(
            "gap accepted", lane=lane, topic=gap.partition.topic, position=gap.position, start=gap.start
        )
    return start


async def _stop_at(
    gaps: Collection[Gap], committed: Mapping[TopicPartition, int | None], group: Group
) -> NoReturn:
    """State the gaps in the group's offsets, for `instep lane list`, and raise LostRecordsError."""
    with suppress(KafkaError, TimeoutError):  # the next try states the gaps again, and /ready says so at once
        await group.say_lost(gaps, committed)
    raise LostRecordsError(
        f"Records that this lane has not read are gone ({'; '.join(map(str, gaps))}):"
        " `instep lane accept` accepts a gap, and the lane goes on."
    )
