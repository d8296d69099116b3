"""Writes and reads, in the metadata of the group's committed offset, at which gap a lane stands still.

A lane is one share of the partitions, and a gap is records that the lane may never have read. Operators of lanes may
read the group's offsets, and not the changelog, for the changelog knows who was sent an event. The offset itself
stays unchanged, as evidence. Where the group had no offset, 0 is written and the metadata says so.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from instep.lanes.positions import Cause, Gap

_MARK = "instep/lost "


def offset_of(committed: OffsetAndMetadata | None) -> int | None:
    """The group's committed offset; None without an offset."""
    if committed is None or committed.offset < 0:
        return None
    statement = _statement_in(committed)
    offset: int | None = committed.offset if statement is None else statement["committed"]
    return offset


def gap_of(partition: TopicPartition, committed: OffsetAndMetadata | None) -> Gap | None:
    """The gap at which a lane stands still, by its own statement."""
    statement = _statement_in(committed)
    if statement is None:
        return None
    return Gap(
        partition=partition,
        position=statement["position"],
        start=statement["start"],
        topic_id=statement["topic_id"],
        cause=Cause[statement["cause"]],
    )


def statements(
    gaps: Iterable[Gap], committed: Mapping[TopicPartition, int | None]
) -> dict[TopicPartition, OffsetAndMetadata]:
    """The offsets to commit to the group, given the present offsets."""
    return {gap.partition: _statement(gap, committed.get(gap.partition)) for gap in gaps}


def _statement(gap: Gap, committed: int | None) -> OffsetAndMetadata:
    statement = {
        "committed": committed,
        "position": gap.position,
        "start": gap.start,
        "topic_id": gap.topic_id,
        "cause": gap.cause.name,
    }
    return OffsetAndMetadata(0 if committed is None else committed, _MARK + json.dumps(statement))


def _statement_in(committed: OffsetAndMetadata | None) -> dict[str, Any] | None:
    """A lane's statement; None for any other metadata, which other tools may write."""
    if committed is None or not committed.metadata.startswith(_MARK):
        return None
    statement: dict[str, Any] = json.loads(committed.metadata.removeprefix(_MARK))
    return statement
