"""Watches the lanes of a worker (its shares of the partitions) for what can go wrong without an error from Kafka.

Once a second, the watch asks whether commits have ended on every partition that the lanes wrote, and notes whether the last
stable offsets of their inputs stand still. Every 5 s it asks whether a topic was deleted and made anew. The watch hands its
findings to the lanes, which act between two transactions. Once a second, the watch also has pending offsets committed to
the consumer group, for tools: a lane itself goes by its changelog.

The decision: `services/decisions/015-a-lane-watches-its-markers.md`.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from instep.errors import TheWorlds, UnknownStateError
from instep.kafka.log_ends import LogEnds
from instep.lanes.every import Every
from instep.lanes.lane import Lane
from instep.lanes.pending_offsets import OFFSET_COMMIT_SECONDS

_log = structlog.get_logger("instep.lanes")

_TOPICS_SECONDS = 5.0


class Watched(Protocol):
    """The worker, as far as the watch needs it."""

    ends: LogEnds

    def claiming_or_claimed(self) -> Collection[Lane]:
        """The lanes assigned to the worker."""

    def end_of(self, partition: TopicPartition) -> tuple[int, int] | None:
        """LSO and end of an input partition, as of its last fetch."""

    async def commit_group_offsets(self, lanes: Iterable[Lane]) -> None:
        """Commit the pending offsets of these lanes to the group."""


class Watch:
    """Runs until cancelled; a question that the broker does not answer is asked again."""

    def __init__(self, worker: Watched) -> None:
        self._worker = worker
        self._topics = Every(_TOPICS_SECONDS, float("-inf"))

    async def run(self) -> None:
        while True:
            await asyncio.sleep(OFFSET_COMMIT_SECONDS)
            try:
                await self._look()
            except (TheWorlds, KafkaError, OSError, TimeoutError) as error:
                _log.warning("the logs' ends cannot be read", error=type(error).__name__)

    async def _look(self) -> None:
        lanes = self._worker.claiming_or_claimed()
        self._look_at_inputs(lanes, time.monotonic())
        if written := {partition for lane in lanes for partition in lane.unconfirmed()}:
            stable = await self._worker.ends.shared_stable.of(written)
            for lane in lanes:
                lane.note_stable(stable)
        await self._worker.commit_group_offsets(lanes)
        if self._topics.due(time.monotonic()):
            await self._look_at_topics(lanes)

    def _look_at_inputs(self, lanes: Iterable[Lane], now: float) -> None:
        for lane in lanes:
            for partition in lane.next:
                ends = self._worker.end_of(partition)
                if ends is not None:
                    lane.hanging.observe(partition, *ends, now)

    async def _look_at_topics(self, lanes: Iterable[Lane]) -> None:
        claimed = [lane for lane in lanes if lane.claimed]
        topics = {partition.topic for lane in claimed for partition in lane.partitions}
        ids = await self._worker.ends.topic_ids(topics)
        for lane in claimed:
            if changed := others(lane.topic_ids, ids, {partition.topic for partition in lane.partitions}):
                lane.interrupt(UnknownStateError(f"{changed[0]} is another topic than the lane was reading"))


def others(known: Mapping[str, str], ids: Mapping[str, str], topics: Iterable[str]) -> list[str]:
    """The topics that exist under another id than the known id, or did not exist before."""
    return sorted(topic for topic in topics if topic in ids and known.get(topic) != ids[topic])
