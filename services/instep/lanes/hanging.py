"""Measures for how long the last stable offset of each partition has stood still below the log's end.

A standing offset means a transaction that does not end. The module does no I/O, and callers pass in the time.
"""

from collections.abc import Iterable

from aiokafka import TopicPartition


class Hanging:
    """The partitions of a lane with an open transaction, and since when. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._since: dict[TopicPartition, tuple[int, float]] = {}

    def observe(self, partition: TopicPartition, stable: int, end: int, now: float) -> None:
        """Note a partition's LSO and end. When the LSO moves, the count begins anew, for other transactions have ended."""
        if stable >= end:
            self._since.pop(partition, None)
        elif self._since.get(partition, (-1, 0.0))[0] != stable:
            self._since[partition] = stable, now

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Watch the partitions no more."""
        for partition in partitions:
            self._since.pop(partition, None)

    def seconds(self, now: float) -> float:
        """For how long the LSO has stood still where it has stood longest; 0 where nothing hangs."""
        return max((now - since for _, since in self._since.values()), default=0.0)

    def longer_than(self, seconds: float, now: float) -> set[TopicPartition]:
        """The partitions that have stood for longer."""
        return {partition for partition, (_, since) in self._since.items() if now - since > seconds}
