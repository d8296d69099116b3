"""Where a lane goes on: decided from what the group has committed, what the changelog says, and where the log starts.

Silence is never an answer: a position that is lost, or that lies below the log's start, means records that nobody has
read. The lane stops until an operator accepts the gap.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiokafka import TopicPartition


@dataclass(frozen=True, slots=True)
class Gap:
    """Records of a partition that are gone: from `position` (None: lost) to the log's `start`."""

    partition: TopicPartition
    position: int | None
    start: int


@dataclass(frozen=True, slots=True)
class Start:
    """Where to read each partition from, the gaps that stop the lane, and the gaps that an operator has accepted."""

    positions: Mapping[TopicPartition, int]
    lost: tuple[Gap, ...]
    accepted: tuple[Gap, ...]


def where_to_start(
    *,
    committed: Mapping[TopicPartition, int | None],
    kept: Mapping[TopicPartition, int | None],
    earliest: Mapping[TopicPartition, int],
    has_run: bool,
    accept: Callable[[Gap], bool] = lambda gap: False,
) -> Start:
    """The larger of the committed and the kept position; the log's start for a partition never read.

    `has_run` says that this lane has kept any position before: then a partition without one is new only while its log is
    whole. `accept` says whether an operator has accepted a gap.
    """
    positions: dict[TopicPartition, int] = {}
    lost: list[Gap] = []
    accepted: list[Gap] = []
    for partition, start in earliest.items():
        known = [at for at in (committed.get(partition), kept.get(partition)) if at is not None and at >= 0]
        position = max(known, default=None)
        if position is None and (start == 0 or not has_run):
            positions[partition] = start
        elif position is not None and position >= start:
            positions[partition] = position
        else:
            positions[partition] = start
            gap = Gap(partition, position, start)
            (accepted if accept(gap) else lost).append(gap)
    return Start(positions, tuple(lost), tuple(accepted))
