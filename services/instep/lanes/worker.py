"""One worker of a service: the Faust app, its lanes, the network that they follow, and what operators see of them.

Faust gives the group membership, the agent, the signals and the life cycle. The agent takes whole batches from the driver
and hands each to its lane; it never waits on one.
"""

import asyncio
import gc
import os
import signal
import sys
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NoReturn, TypeVar, cast

import faust
import structlog
import uvloop
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.worker import Worker as FaustWorker
from mode import Worker as ModeWorker
from prometheus_client import CollectorRegistry

from instep.errors import ConfigurationError, InstepError, TheWorlds, UnknownStateError
from instep.kafka.follow import NetworkFollower
from instep.kafka.log_ends import LogEnds
from instep.kafka.record_parser import install_record_parser
from instep.kafka.soundness import unsound
from instep.lanes.batch import Batch
from instep.lanes.driver import BatchConsumer
from instep.lanes.faust_app import Handlers, make_app
from instep.lanes.lane import Lane
from instep.lanes.leftovers import end_leftovers
from instep.lanes.metrics import HangingCollector, Lag, LagCollector, LaneMetrics
from instep.lanes.positions import Gap
from instep.lanes.processor import Processor
from instep.lanes.settings import LaneSettings
from instep.lanes.slot import take_slot
from instep.lanes.stated import statements
from instep.lanes.versions import check_versions, own_version
from instep.lanes.watch import Watch
from instep.network import topics
from instep.network.network import Network
from instep.network.partition import lane_numbering
from instep.service.health import ManagementServer, Watchdog
from instep.service.logs import configure_logs

_log = structlog.get_logger("instep.worker")

T = TypeVar("T")

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 10.0
_STALLED_SECONDS = 120.0
_PAST_ITS_TIME = 3  # times the limit after which the broker has aborted the transaction
_EXIT_FAILED = 70
_STOP_SECONDS = 4.0
_FRESH_POLL_SECONDS = 0.02
_LAST_OFFSETS_SECONDS = 1.0


class Worker:
    """One process of a service, from its start to its end."""

    def __init__(self, processor: Processor, settings: LaneSettings, registry: CollectorRegistry) -> None:
        self.processor = processor
        self.settings = settings
        self.metrics = LaneMetrics(registry, processor.service.name, own_version())
        self.group = ""
        self.cluster = ""
        self._registry = registry
        self._lanes: dict[int, Lane] = {}
        self._followed: Network | None = None
        self._waiting_for = "the broker"
        self._stopping = False
        self._server = ManagementServer(registry, self, settings.management_host, settings.management_port)
        self._watchdog = Watchdog(settings.watchdog_seconds, self._stalled)
        self._follower = NetworkFollower(settings.connection)
        self._claims = 0
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
        self._tasks = [
            asyncio.ensure_future(self._guard(task))
            for task in (self._beat, self._follow_network, self._watch.run)
        ]
        self._watchdog.start()
        return self._app

    async def _patiently(self, what: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """What the attempt comes to, however often it takes: what the broker or a disk does wrong may pass."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await attempt()
            except (TheWorlds, KafkaError, OSError, TimeoutError) as error:
                said = str(error) if isinstance(error, TheWorlds) else type(error).__name__
                _log.warning(f"waiting for {what}", problem=said)
                self._waiting_for = f"{what}: {said}"
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

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
        lanes = cast(Network, self._followed).lanes
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
        await self._patiently("the broker", self._follower.start)
        self._waiting_for = "the network: nobody has run `instep network apply`"
        while self._follower.network is None:
            await self._follower.changed()
        self._switch(self._follower.network)
        return self._follower.network

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
        self._lanes = {number: Lane(number, frozenset(held), self) for number, held in by_lane.items()}
        self._waiting_for = ""
        set_aside()
        _log.info("lanes assigned", lanes=sorted(self._lanes))

    async def _revoked(self, app: Any, revoked: Any, **_: Any) -> None:
        self._waiting_for = "the consumer group"
        await self._release_all()

    async def _shutting_down(self, app: Any, **_: Any) -> None:
        self._waiting_for = "the end: it is shutting down"
        self._stopping = True
        _end_within(_STOP_SECONDS, _EXIT_FAILED if app.crashed else 0)
        await self._release_all()
        # What still ran would be waited for, and in vain.
        for task in self._tasks:
            task.cancel()
        await self._follower.stop()
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
        network = self._followed
        return (
            []
            if network is None
            else [TopicPartition(*one) for one in self.processor.service.outputs(network, lane)]
        )

    async def committed(self) -> Mapping[TopicPartition, OffsetAndMetadata]:
        held: Mapping[TopicPartition, OffsetAndMetadata] = await self._admin.list_consumer_group_offsets(
            self.group
        )
        return held

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
            self._spawn(self._driver.thread.set_paused(lane.partitions, True))

    def pause(self, lane: Lane) -> None:
        self._driver.paused.update(lane.partitions)
        self._spawn(self._driver.thread.set_paused(lane.partitions, True))

    def resume(self, lane: Lane) -> None:
        self._driver.paused.difference_update(lane.partitions)
        self._spawn(self._driver.thread.set_paused(lane.partitions, False))

    def _out_of_range(self, partitions: Collection[TopicPartition]) -> None:
        """Let each lane look for itself why its positions are not in their logs; no other lane is concerned."""
        for lane in {self._numbering(*partition) for partition in partitions} & self._lanes.keys():
            self._lanes[lane].interrupt(UnknownStateError("a position is not in its log"))

    # -- the network

    async def up_to_date(self) -> None:
        while not self._follower.fresh():  # noqa: ASYNC110  # freshness passes with time, not with an event
            await asyncio.sleep(_FRESH_POLL_SECONDS)
        network = self._follower.network
        if network is not None and network is not self._followed:
            self._switch(network)

    def _switch(self, network: Network) -> None:
        self.processor.follow(network)
        self._followed = network
        gc.unfreeze()  # what the network before it was made of may go
        set_aside()
        self.metrics.generation.set(network.generation)
        _log.info("network followed", generation=network.generation)

    async def _follow_network(self) -> None:
        """Switch also while no lane has work, and read the outboxes of authorities that joined."""
        while True:
            await self._follower.changed()
            network = self._follower.network
            if network is None:
                continue
            if network is not self._followed:
                self._switch(network)
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
        if (stale := self._follower.stale_because()) is not None:
            return stale
        stopped = [lane.stopped for lane in self._lanes.values() if lane.stopped]
        if stopped:
            return stopped[0]
        waiting = sorted(number for number, lane in self._lanes.items() if not lane.claimed)
        return f"lanes {waiting} are not claimed yet{self._claiming()}" if waiting else None

    def _claiming(self) -> str:
        """What the lanes that are not claimed yet are at."""
        said = [
            f"lane {number} has {lane.restored:.0%} of its state"
            if lane.restored is not None
            else f"lane {number} waits for {lane.waiting_for}"
            for number, lane in sorted(self._lanes.items())
            if not lane.claimed and (lane.restored is not None or lane.waiting_for)
        ]
        return f": {', '.join(said)}" if said else ""

    def _stalled(self) -> str | None:
        if not self._follower.fresh():
            return None  # the broker is away: waiting is what it should do
        for number, lane in list(self._lanes.items()):
            if lane.silent_for() > _STALLED_SECONDS:
                return f"lane {number} has work and has committed nothing for {_STALLED_SECONDS:g} s"
            if lane.open_for() > _PAST_ITS_TIME * self.settings.transaction_timeout:
                return f"lane {number} has had a transaction open for {lane.open_for():.0f} s"
        return None

    def _lags(self) -> Iterator[Lag]:
        """To the end of each log: a transaction that hangs must not look like nothing to do."""
        for lane in list(self._lanes.values()):
            for partition, position in list(lane.next.items()):
                ends = self._driver.thread.end_of(partition)
                if ends is not None:
                    yield partition.topic, partition.partition, max(0, ends[1] - position)

    def _hanging(self) -> Iterator[tuple[int, float]]:
        now = time.monotonic()
        for number, lane in list(self._lanes.items()):
            yield number, max(lane.hanging.seconds(now), self._follower.hanging_seconds())

    async def _beat(self) -> None:
        while True:
            self._watchdog.beat()
            await asyncio.sleep(0.5)

    # -- the unexpected

    async def _guard(self, task: Callable[[], Any]) -> None:
        try:
            await task()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  # whatever it is, this process must not go on
            self.failed(error)

    def _spawn(self, work: Any) -> None:
        async def run() -> None:
            await work

        self._tasks.append(asyncio.ensure_future(self._guard(run)))
        self._tasks = [task for task in self._tasks if not task.done()]

    def failed(self, error: BaseException) -> NoReturn:
        """End the process at once; what is uncommitted is aborted by the next claim, and a supervisor starts again.

        Only our own errors are quoted: another's message may hold what was in an event.
        """
        where = "".join(traceback.format_tb(error.__traceback__))
        said = str(error) if isinstance(error, InstepError) else ""
        _log.critical("stopping on the unexpected", error=type(error).__name__, problem=said, where=where)
        sys.stderr.flush()
        os._exit(_EXIT_FAILED)


def set_aside() -> None:
    """Keep what lives long (modules, the network, the app) out of Python's collections, which else stop every lane.

    Through 90,000 objects one takes 50 ms, every few seconds at 1,000 events a second, and more for a large network.
    """
    gc.collect()
    gc.freeze()


def _end_within(seconds: float, code: int) -> None:
    """End the process even if its farewells are not answered, as when the broker is away: the next claim needs none."""
    timer = threading.Timer(seconds, os._exit, (code,))
    timer.daemon = True
    timer.start()


def run(make_processor: Callable[[CollectorRegistry], Processor], settings: LaneSettings) -> NoReturn:
    """Run one worker until it is told to stop (SIGTERM or SIGINT)."""
    check_versions()
    configure_logs()
    install_record_parser()
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # mode would open a debugger
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    registry = CollectorRegistry()
    worker = Worker(make_processor(registry), settings, registry)
    try:
        app = loop.run_until_complete(worker.prepare())
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001  # the broker may have gone in the middle: it is worth another start
        worker.failed(error)
    faust_worker = FaustWorker(
        app, loop=loop, loglevel="WARN", redirect_stdouts=False, logging_config=_NO_CHANGE
    )
    faust_worker.spinner = None
    execute(faust_worker)


def execute(worker: ModeWorker) -> NoReturn:
    """Run it to its end. A crash ends with 1 there, which is kept for settings: no supervisor starts that again."""
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        sys.exit(_EXIT_FAILED if end.code else 0)


_NO_CHANGE: dict[str, Any] = {"version": 1, "incremental": True, "disable_existing_loggers": False}
"""Faust would install its own log handlers; ours stay."""
