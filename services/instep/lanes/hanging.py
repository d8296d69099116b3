"""For how long the last stable offset of a partition has stood still below the log's end: plain state, given the time."""

from collections.abc import Iterable

from aiokafka import TopicPartition


class Hanging:
    """The partitions of one lane where a transaction is open, and since when. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._since: dict[TopicPartition, tuple[int, float]] = {}

    def observe(self, partition: TopicPartition, stable: int, end: int, now: float) -> None:
        """Note a partition's LSO and end. An LSO that has moved begins anew, for other transactions have ended."""
        if stable >= end:
            self._since.pop(partition, None)
        elif self._since.get(partition, (-1, 0.0))[0] != stable:
            self._since[partition] = stable, now

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Watch these partitions no more."""
        for partition in partitions:
            self._since.pop(partition, None)

    def seconds(self, now: float) -> float:
        """How long the longest has stood; 0 where nothing hangs."""
        return max((now - since for _, since in self._since.values()), default=0.0)

    def longer_than(self, seconds: float, now: float) -> set[TopicPartition]:
        """The partitions that have stood for longer."""
        return {partition for partition, (_, since) in self._since.items() if now - since > seconds}
