"""Runs one process of a service, a *worker*: joins the consumer group, runs the lanes assigned to it, and answers
operators.

A lane is one share of the partitions (the module `lane`). Faust gives the worker its group membership, an agent and a life
cycle (the modules `faust_app` and `driver`). The agent hands each fetched batch to the batch's lane, and never waits for a
lane. The worker also follows the network, whose agreements the service applies (the module `following`), and runs the
watch over its lanes (the module `watch`).
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NoReturn, TypeVar, cast

import faust
import structlog
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from prometheus_client import CollectorRegistry

from instep.errors import ConfigurationError, TheWorlds, UnknownStateError
from instep.kafka.log_ends import LogEnds
from instep.kafka.soundness import unsound
from instep.lanes import memory
from instep.lanes.batch import Batch
from instep.lanes.driver import BatchConsumer
from instep.lanes.ending import EXIT_FAILED, end_within, fail
from instep.lanes.every import Backoff
from instep.lanes.faust_app import Handlers, make_app
from instep.lanes.following import FollowedNetwork
from instep.lanes.lane import Lane
from instep.lanes.leftovers import end_leftovers
from instep.lanes.metrics import HangingCollector, Lag, LagCollector, LaneMetrics
from instep.lanes.positions import Gap
from instep.lanes.processor import Processor
from instep.lanes.readiness import stalled, unready
from instep.lanes.settings import LaneSettings
from instep.lanes.slot import take_slot
from instep.lanes.stated import statements
from instep.lanes.tasks import Tasks
from instep.lanes.versions import own_version
from instep.lanes.watch import Watch
from instep.network import topics
from instep.network.network import Network
from instep.network.partition import lane_numbering
from instep.service.health import ManagementServer, Watchdog

_log = structlog.get_logger("instep.worker")

T = TypeVar("T")

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 10.0
_STOP_SECONDS = 4.0
_LAST_OFFSETS_SECONDS = 1.0


class Worker:
    """A process of a service, from its start to its end."""

    def __init__(self, processor: Processor, settings: LaneSettings, registry: CollectorRegistry) -> None:
        self.processor = processor
        self.settings = settings
        self.metrics = LaneMetrics(registry, processor.service.name, own_version())
        self.group = ""
        self.cluster = ""
        self._registry = registry
        self._lanes: dict[int, Lane] = {}
        self._waiting_for = "the broker"
        self._stopping = False
        self._server = ManagementServer(registry, self, settings.management_host, settings.management_port)
        self._watchdog = Watchdog(settings.watchdog_seconds, self._stalled)
        self._network = FollowedNetwork(settings.connection, processor, self.metrics.generation)
        self._claims = 0
        self._tasks = Tasks(self.failed)
        self.ends = LogEnds(settings.connection)
        self._watch = Watch(self)

    # -- start

    async def prepare(self) -> faust.App:
        """Open the management port, wait for the broker and the network, and make the Faust app."""
        await self._server.start()
        network = await self._first_network()
        self.group = topics.group(network, self.processor.service.name)
        await self._patiently("the broker", self._connect)
        if (problem := await unsound(self.settings.connection)) is not None:
            _log.warning("Kafka's version", problem=problem)
        self.directory, self._slot = await self._patiently("the state directory", self._take_slot)
        await end_leftovers(self.directory, self.ends, self.settings.connection)
        self._numbering = lane_numbering(network.lanes)
        self._app, self._channel = make_app(
            self.group,
            self.settings,
            self.directory,
            lanes=network.lanes,
            inputs=self.processor.service.inputs(network),
            accept=self._accept,
            handlers=Handlers(
                assigned=self._assigned, revoked=self._revoked, shutting_down=self._shutting_down
            ),
        )
        self._registry.register(LagCollector(self.group, self._lags))
        self._registry.register(HangingCollector(self.processor.service.name, self._hanging))
        self._waiting_for = "the consumer group"
        for task in (self._beat, self._follow_network, self._watch.run):
            self._tasks.start(task)
        self._watchdog.start()
        return self._app

    async def _patiently(self, thing: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """The result of the attempt, repeated until it succeeds: what the broker or a disk does wrong may pass."""
        backoff = Backoff(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        while True:
            try:
                return await attempt()
            except (TheWorlds, KafkaError, OSError, TimeoutError) as error:
                problem = str(error) if isinstance(error, TheWorlds) else type(error).__name__
                _log.warning(f"waiting for {thing}", problem=problem)
                self._waiting_for = f"{thing}: {problem}"
            await asyncio.sleep(backoff.pause())

    async def _connect(self) -> None:
        admin = AIOKafkaAdminClient(**self.settings.connection.kafka())
        try:
            await admin.start()
            self.cluster = str((await admin.describe_cluster())["cluster_id"])
            await self.ends.start()
            await self._check_topics()
        except BaseException:
            await admin.close()
            await self.ends.stop()
            raise
        self._admin = admin

    async def _take_slot(self) -> tuple[Path, IO[str]]:
        return take_slot(self.settings.state_directory / self.group)

    async def _check_topics(self) -> None:
        """Raise ConfigurationError where a hub topic is not the network's: a lane is a partition of each."""
        lanes = cast(Network, self._network.current).lanes
        names = {partition.topic for partition in self.outputs(0)} | {
            topics.state(self.processor.service.name)
        }
        hub = [name for name in names if name.startswith("instep.")]
        for name, count in (await self.ends.partition_counts(hub)).items():
            if count != lanes:
                raise ConfigurationError(
                    f"{name} has {count} partitions and the network has {lanes} lanes: the topic is another network's, or"
                    " another program's, and nothing is read or written until it has another cluster or is gone."
                )

    async def _first_network(self) -> Network:
        await self._patiently("the broker", self._network.follower.start)
        self._waiting_for = "the network: nobody has run `instep network apply`"
        return await self._network.first()

    # -- batches and lanes

    @property
    def _driver(self) -> BatchConsumer:
        return cast(BatchConsumer, self._app.consumer)

    def _accept(self, batch: Batch) -> None:
        lane = self._lanes.get(self._numbering(*batch.partition))
        if lane is not None and self._driver.claimed.get(batch.partition) == batch.claim:
            lane.offer(batch)
        if batch.last:
            for lane in self._lanes.values():
                lane.wake()

    async def _assigned(self, app: Any, assigned: Iterable[tuple[str, int]], **_: Any) -> None:
        if self._stopping:
            return  # a rebalance ended just now, and there is no time left to claim anything
        by_lane: dict[int, set[TopicPartition]] = defaultdict(set)
        for topic, partition in assigned:
            by_lane[self._numbering(topic, partition)].add(TopicPartition(topic, partition))
        self._driver.out_of_range = self._out_of_range
        self._lanes = {
            number: Lane(number, frozenset(partitions), self) for number, partitions in by_lane.items()
        }
        self._waiting_for = ""
        memory.set_aside()
        _log.info("lanes assigned", lanes=sorted(self._lanes))

    async def _revoked(self, app: Any, revoked: Any, **_: Any) -> None:
        self._waiting_for = "the consumer group"
        await self._release_all()

    async def _shutting_down(self, app: Any, **_: Any) -> None:
        self._waiting_for = "the end: it is shutting down"
        self._stopping = True
        end_within(_STOP_SECONDS, EXIT_FAILED if app.crashed else 0)
        await self._release_all()
        # mode would wait for tasks that still run, and in vain.
        self._tasks.cancel()
        await self._network.follower.stop()
        await self._admin.close()
        await self.ends.stop()
        await self._server.stop()

    async def _release_all(self) -> None:
        self._driver.claimed.clear()
        self._driver.paused.clear()
        lanes, self._lanes = self._lanes, {}
        await asyncio.gather(*(lane.release() for lane in lanes.values()))
        with suppress(KafkaError, TimeoutError):
            await asyncio.wait_for(self.commit_group_offsets(lanes.values()), _LAST_OFFSETS_SECONDS)

    def claiming_or_claimed(self) -> Collection[Lane]:
        return list(self._lanes.values())

    def end_of(self, partition: TopicPartition) -> tuple[int, int] | None:
        return self._driver.thread.end_of(partition)

    async def commit_group_offsets(self, lanes: Iterable[Lane]) -> None:
        pending = [(lane, offsets) for lane in lanes if (offsets := lane.pending_offsets())]
        if pending:
            await self._driver.thread.commit_offsets(
                {partition: offset for _, offsets in pending for partition, offset in offsets.items()}
            )
            for lane, offsets in pending:
                lane.group_has(offsets)

    def outputs(self, lane: int) -> Collection[TopicPartition]:
        network = self._network.current
        return (
            []
            if network is None
            else [TopicPartition(*partition) for partition in self.processor.service.outputs(network, lane)]
        )

    async def committed(self) -> Mapping[TopicPartition, OffsetAndMetadata]:
        offsets: Mapping[TopicPartition, OffsetAndMetadata] = await self._admin.list_consumer_group_offsets(
            self.group
        )
        return offsets

    async def go_on_at(self, offsets: Mapping[TopicPartition, int]) -> None:
        await self._driver.thread.commit_offsets(offsets)

    async def say_lost(self, gaps: Collection[Gap], committed: Mapping[TopicPartition, int | None]) -> None:
        await self._driver.thread.commit_offsets(statements(gaps, committed))

    async def begin_reading(self, lane: Lane) -> None:
        thread = self._driver.thread
        await thread.start_at(lane.next)
        await thread.set_paused(lane.next, False)
        if self._lanes.get(lane.number) is lane:
            self._claims += 1
            self._driver.claimed.update(dict.fromkeys(lane.next, self._claims))

    def stop_reading(self, lane: Lane) -> None:
        for partition in lane.partitions:
            self._driver.claimed.pop(partition, None)
            self._driver.paused.discard(partition)
        if self._lanes.get(lane.number) is lane:  # else they are revoked
            self._tasks.start(lambda: self._driver.thread.set_paused(lane.partitions, True))

    def pause(self, lane: Lane) -> None:
        self._driver.paused.update(lane.partitions)
        self._tasks.start(lambda: self._driver.thread.set_paused(lane.partitions, True))

    def resume(self, lane: Lane) -> None:
        self._driver.paused.difference_update(lane.partitions)
        self._tasks.start(lambda: self._driver.thread.set_paused(lane.partitions, False))

    def _out_of_range(self, partitions: Collection[TopicPartition]) -> None:
        """Have each lane concerned claim again, and find out why its positions are not in their logs."""
        for lane in {self._numbering(*partition) for partition in partitions} & self._lanes.keys():
            self._lanes[lane].interrupt(UnknownStateError("a position is not in its log"))

    # -- the network

    async def up_to_date(self) -> None:
        await self._network.up_to_date()

    async def _follow_network(self) -> None:
        """Take up each generation, and read the outboxes of authorities that joined."""
        while True:
            network = await self._network.changed()
            wanted = list(self.processor.service.inputs(network))
            if set(wanted) != set(self._channel.topics):
                # The agent reads from a clone, which Faust keeps for itself.
                for channel in (self._channel, *self._app.topics):
                    channel.topics = wanted
                # Not through Faust's own subscriber, which sleeps 45 s first.
                await self._driver.subscribe(await cast(Any, self._app.topics)._update_indices())
                _log.info("subscription follows the network", topics=len(wanted))

    # -- what operators see

    def unhealthy(self) -> str | None:
        return self._stalled()

    def unready(self) -> str | None:
        if self._waiting_for:
            return f"waiting for {self._waiting_for}"
        if (stale := self._network.follower.stale_because()) is not None:
            return stale
        return unready(self._lanes.values())

    def _stalled(self) -> str | None:
        if not self._network.follower.fresh():
            return None  # the broker is away: a lane has to wait
        return stalled(list(self._lanes.values()), self.settings.transaction_timeout)

    def _lags(self) -> Iterator[Lag]:
        """The lags to the end of each log: a hanging transaction must not look like nothing to do.

        A lane that stands still reads nothing, and knows no log's end any more. Its last lag would hide what comes in.
        """
        for lane in [lane for lane in self._lanes.values() if lane.claimed]:
            for partition, position in list(lane.next.items()):
                ends = self._driver.thread.end_of(partition)
                if ends is not None:
                    yield partition.topic, partition.partition, max(0, ends[1] - position)

    def _hanging(self) -> Iterator[tuple[int, float]]:
        now = time.monotonic()
        for number, lane in list(self._lanes.items()):
            yield number, max(lane.hanging.seconds(now), self._network.follower.hanging_seconds())

    async def _beat(self) -> None:
        while True:
            self._watchdog.beat()
            await asyncio.sleep(0.5)

    # -- the unexpected

    def failed(self, error: BaseException) -> NoReturn:
        fail(error)
