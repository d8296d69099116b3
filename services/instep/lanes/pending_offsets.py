"""Keeps the positions of a lane until they are committed to the consumer group. Does no I/O.

A lane is one share of the partitions. A position of a lane is pending once its transaction is seen to have ended in
the changelog, the lane's partition of `instep.<service>.state`. The worker commits all lanes' pending positions to
the group, once every OFFSET_COMMIT_SECONDS and when it releases the lanes. The group's offsets serve tools. A lane
itself goes by its changelog (`services/decisions/002-group-offsets-beside-the-transactions.md`).
"""

from collections.abc import Mapping

from aiokafka import TopicPartition

OFFSET_COMMIT_SECONDS = 1.0

Offsets = dict[TopicPartition, int]


class PendingOffsets:
    """The positions of one claim that the group does not have yet."""

    def __init__(self) -> None:
        self._unseen: Offsets = {}
        self._pending: Offsets = {}

    def committed(self, positions: Mapping[TopicPartition, int]) -> None:
        """A transaction has committed these positions; its end is not seen in the changelog yet."""
        self._unseen.update(positions)

    def seen(self) -> None:
        """Every commit so far is seen in the changelog."""
        self._pending.update(self._unseen)
        self._unseen.clear()

    def pending(self) -> Offsets:
        """The offsets to commit to the group now."""
        return dict(self._pending)

    def group_has(self, offsets: Mapping[TopicPartition, int]) -> None:
        """The group has these offsets. An offset that has moved on meanwhile stays pending."""
        for partition, offset in offsets.items():
            if self._pending.get(partition) == offset:
                del self._pending[partition]
