"""Decides at which offset of each partition a lane begins to read. Pure.

A lane is one share of the partitions. The decision rests on the positions in the lane's changelog (its partition of
`instep.<service>.state`), the group's committed offsets, and the start and end of each log. The changelog's position
wins, because its transaction also holds the outputs of all records before that position. The group's offsets are
committed later, for tools. A lane never guesses: where records may have gone unread (a *gap*) the lane stops, until
an operator accepts the gap.

The decision: `services/decisions/011-the-changelog-holds-positions.md`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from aiokafka import TopicPartition

from instep.kafka.log_ends import Log


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """The offset of the next record to read, and the id of the topic ("": an older version kept none)."""

    offset: int
    topic_id: str = ""


class Cause(StrEnum):
    """Why a lane cannot go on from a position."""

    LOST = "no position is known, and the log no longer begins at 0"
    EXPIRED = "the log begins after the position"
    BEYOND_END = "the log ends before the position"
    RECREATED = "the topic was deleted and made anew"
    GROUP_AHEAD = "the group's committed offset is ahead of the changelog"


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """Records of a partition that the lane may never have read. `position` is the changelog's; None without a position.

    The lane goes on at `start` once the gap is accepted, in the topic with this id.
    """

    partition: TopicPartition
    position: int | None
    start: int
    topic_id: str
    cause: Cause

    def __str__(self) -> str:
        return f"{self.partition.topic} from {self.position} to {self.start}: {self.cause}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """The positions to read from, the gaps that stop the lane, and the gaps that an operator has accepted."""

    positions: Mapping[TopicPartition, int]
    lost: tuple[Gap, ...] = ()
    accepted: tuple[Gap, ...] = ()


def where_to_start(
    *,
    committed: Mapping[TopicPartition, int | None],
    changelog_positions: Mapping[TopicPartition, Position | None],
    logs: Mapping[TopicPartition, Log],
    stated: Mapping[TopicPartition, Gap] | None = None,
    accept: Callable[[Gap], int | None] = lambda gap: None,
) -> Start:
    """The position of each partition in `logs`, and the gaps.

    `committed` are the group's offsets. `accept` gives the offset at which a lane goes on behind an accepted gap, None where
    nobody has accepted the gap. A partition without any position is new where its log is whole, or where the lane has no
    position of any other partition. `stated` are the gaps at which the lane stood before.
    """
    has_run = any(at is not None for at in (*changelog_positions.values(), *committed.values()))
    positions: dict[TopicPartition, int] = {}
    lost: list[Gap] = []
    accepted: list[Gap] = []
    for partition, log in logs.items():
        position = changelog_positions.get(partition)
        gap = _gap(partition, position, committed.get(partition), log, has_run=has_run)
        if gap is None and stated is not None:
            gap = _outgrown(stated.get(partition), position, log)
        goes_on_at = None if gap is None else accept(gap)
        if gap is None:
            positions[partition] = log.start if position is None else position.offset
        elif goes_on_at is None:
            lost.append(gap)
        else:
            positions[partition] = goes_on_at
            accepted.append(gap)
    return Start(positions=positions, lost=tuple(lost), accepted=tuple(accepted))


def _gap(
    partition: TopicPartition, position: Position | None, committed: int | None, log: Log, *, has_run: bool
) -> Gap | None:
    def gap(cause: Cause, start: int = log.start) -> Gap:
        offset = None if position is None else position.offset
        return Gap(
            partition=partition,
            position=offset,
            start=max(start, log.start),
            topic_id=log.topic_id,
            cause=cause,
        )

    if position is not None and position.topic_id not in ("", log.topic_id):
        return gap(Cause.RECREATED)
    if position is not None and position.offset < log.start:
        return gap(Cause.EXPIRED)
    if position is not None and position.offset > log.end:
        return gap(Cause.BEYOND_END)
    if committed is not None and (position is None or committed > position.offset):
        return gap(Cause.GROUP_AHEAD, min(committed, log.end))
    if position is None and log.start > 0 and has_run:
        return gap(Cause.LOST)
    return None


def _outgrown(stated: Gap | None, position: Position | None, log: Log) -> Gap | None:
    """The gap of a log that was cut below the position and has grown past again: records in between were never read."""
    if stated is None or position is None or stated.cause is not Cause.BEYOND_END:
        return None
    same = (stated.position, stated.topic_id) == (position.offset, log.topic_id)
    return stated if same else None
