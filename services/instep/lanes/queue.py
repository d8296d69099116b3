"""Holds the fetched batches that a lane (one share of the partitions) has yet to decide, and says when too many bytes
are queued.
"""

from collections import deque

from instep.lanes.batch import Batch, size_of


class Queue:
    """The batches of a lane. Above `most` bytes the queue is full, and stays full until half of the bytes are left."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._batches: deque[Batch] = deque()
        self.bytes = 0
        self.records = 0
        self.full = False

    def __bool__(self) -> bool:
        return bool(self._batches)

    def offer(self, batch: Batch) -> bool:
        """Queue a batch; returns whether the queue has become full now."""
        self._batches.append(batch)
        self._count(batch, 1)
        became_full = not self.full and self.bytes > self._most
        self.full = self.full or became_full
        return became_full

    def take(self) -> tuple[Batch, bool]:
        """The first batch, and whether the queue has room again now."""
        batch = self._batches.popleft()
        self._count(batch, -1)
        has_room = self.full and self.bytes < self._most / 2
        self.full = self.full and not has_room
        return batch, has_room

    def put_back(self, batch: Batch, at: int) -> int:
        """Put the records after the first `at` back to the front; returns the position where they begin."""
        position: int = batch.records[at - 1].offset + 1
        rest = batch.records[at:]
        left = Batch(batch.partition, position, batch.after, rest, size_of(rest), batch.claim)
        self._batches.appendleft(left)
        self._count(left, 1)
        return position

    def clear(self) -> None:
        """Forget everything."""
        self._batches.clear()
        self.bytes = self.records = 0
        self.full = False

    def _count(self, batch: Batch, sign: int) -> None:
        self.bytes += sign * batch.size
        self.records += sign * len(batch.records)
