"""What a lane has read and not yet decided: batches in order, with their bytes and records counted. Plain state."""

from collections import deque

from instep.lanes.batch import Batch, size_of


class Queue:
    """The batches of one lane. Above `most` bytes it is full, and stays so until half of that is taken."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._batches: deque[Batch] = deque()
        self.bytes = 0
        self.records = 0
        self.full = False

    def __bool__(self) -> bool:
        return bool(self._batches)

    def offer(self, batch: Batch) -> bool:
        """Take a batch; whether the queue has become full by it."""
        self._batches.append(batch)
        self._count(batch, 1)
        became_full = not self.full and self.bytes > self._most
        self.full = self.full or became_full
        return became_full

    def take(self) -> tuple[Batch, bool]:
        """The first batch, and whether the queue is full no longer."""
        batch = self._batches.popleft()
        self._count(batch, -1)
        has_room = self.full and self.bytes < self._most / 2
        self.full = self.full and not has_room
        return batch, has_room

    def put_back(self, batch: Batch, at: int) -> int:
        """Leave what follows the first `at` records of a batch to come first; returns the position where that begins."""
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
