"""How a lane that stands still says at which gap: in the metadata of the group's committed offset.

Whoever looks after lanes may read the group's offsets and not the changelog, which knows who was sent what. The offset
itself stays what it was, for it is evidence; where the group had none, 0 is written and the metadata says so.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from instep.lanes.positions import Cause, Gap

_MARK = "instep/lost "


def offset_of(held: OffsetAndMetadata | None) -> int | None:
    """What the group had committed, None where it had nothing."""
    if held is None or held.offset < 0:
        return None
    content = _content(held)
    offset: int | None = held.offset if content is None else content["committed"]
    return offset


def gap_of(partition: TopicPartition, held: OffsetAndMetadata | None) -> Gap | None:
    """The gap at which a lane says that it stands."""
    content = _content(held)
    if content is None:
        return None
    return Gap(
        partition=partition,
        position=content["position"],
        start=content["start"],
        topic_id=content["topic_id"],
        cause=Cause[content["cause"]],
    )


def statements(
    gaps: Iterable[Gap], committed: Mapping[TopicPartition, int | None]
) -> dict[TopicPartition, OffsetAndMetadata]:
    """What to commit to the group, given what it has."""
    return {gap.partition: _statement(gap, committed.get(gap.partition)) for gap in gaps}


def _statement(gap: Gap, committed: int | None) -> OffsetAndMetadata:
    content = {
        "committed": committed,
        "position": gap.position,
        "start": gap.start,
        "topic_id": gap.topic_id,
        "cause": gap.cause.name,
    }
    return OffsetAndMetadata(0 if committed is None else committed, _MARK + json.dumps(content))


def _content(held: OffsetAndMetadata | None) -> dict[str, Any] | None:
    """What a lane has said; None for any other metadata, which other tools may write."""
    if held is None or not held.metadata.startswith(_MARK):
        return None
    content: dict[str, Any] = json.loads(held.metadata.removeprefix(_MARK))
    return content
