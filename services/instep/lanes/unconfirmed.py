"""Remembers on which partitions a lane's commits are not yet seen to have ended.

A lane is one share of the partitions. Kafka answers EndTxn when the end is decided, and writes the end markers
afterwards. A commit has ended on a partition once the last stable offset has passed the lane's records there. New
positions may be committed to the group once their commit is seen to have ended in the changelog, which only this lane
writes (the module `pending_offsets`). The module does no I/O, and callers pass in the time.

The decision: `services/decisions/015-a-lane-watches-its-markers.md`.
"""

from collections.abc import Iterable, Mapping

from aiokafka import TopicPartition

from instep.lanes.hanging import Hanging
from instep.lanes.pending_offsets import PendingOffsets

_AGAIN_SECONDS = 60.0
"""The time after which a marker is written again: another lane's transaction may stand there, and lasts no longer."""


class Unconfirmed:
    """The partitions that a claim has written to. Times are seconds of a single monotonic clock."""

    def __init__(self, changelog: TopicPartition, hanging: Hanging) -> None:
        self._changelog = changelog
        self._hanging = hanging
        self._ends: dict[TopicPartition, int] = {}
        self._settled: dict[TopicPartition, float] = {}
        self.offsets = PendingOffsets()

    def seen_in_changelog(self) -> bool:
        """Whether every commit so far is seen in the changelog."""
        return self._changelog not in self._ends

    def partitions(self) -> set[TopicPartition]:
        """The partitions where a commit is not yet seen to have ended."""
        return set(self._ends)

    def committed(self, ends: Mapping[TopicPartition, int], positions: Mapping[TopicPartition, int]) -> None:
        """A transaction was committed, with records up to these ends; the lane is at these positions."""
        self._ends.update(ends)
        self.offsets.committed(positions)

    def observe(self, stable: Mapping[TopicPartition, int], now: float) -> None:
        """Take up last stable offsets."""
        for partition, offset in stable.items():
            end = self._ends.get(partition)
            if end is None:
                continue
            self._hanging.observe(partition, offset, end, now)
            if offset >= end:
                del self._ends[partition]
                self._settled.pop(partition, None)
        if self.seen_in_changelog():
            self.offsets.seen()

    def overdue(self, seconds: float, now: float) -> set[TopicPartition]:
        """The partitions whose LSO has stood still for longer, and to which no marker was written again of late."""
        return {
            partition
            for partition in self._hanging.longer_than(seconds, now) & self._ends.keys()
            if now - self._settled.get(partition, -_AGAIN_SECONDS) >= _AGAIN_SECONDS
        }

    def settled(self, partitions: Iterable[TopicPartition], now: float) -> None:
        """A marker was written again to these partitions."""
        self._settled.update(dict.fromkeys(partitions, now))
