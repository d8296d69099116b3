"""Events a second: each runs alone on input that lies ready, on one broker.

A rate is what a process put out between the first output seen and the last, so that no start-up counts; its cost is the
processor time of its process. A slow one is watched for some time only. Output is counted by the ends of topics; a
transaction's marker counts as a record there, which makes transactional rates up to one in two hundred too high.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition

from instep.kafka.connection import Connection
from instep.network import topics
from tests.benchmarks.entrants import Entrant
from tests.benchmarks.ground import INPUT, Ground
from tests.benchmarks.network import LANES, PURPOSE, RECIPIENTS
from tests.kafka.services import fleet

SERVICES = ("intake", "router")
"""In the order of the journey."""
_START_SECONDS = 60
_WATCH_SECONDS = 25
_COMMIT_SECONDS = 30
_UNTIL_SECONDS = 120


class NotMeasuredError(Exception):
    """There is no figure; says why."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What was measured of one process; `cpu_seconds` are for the whole input."""

    events_per_second: int
    cpu_seconds: float
    rss_mb: int


def middle(rounds: Sequence[Rate]) -> Rate:
    """The round whose rate is the median one."""
    return sorted(rounds, key=lambda one: one.events_per_second)[len(rounds) // 2]


class Output:
    """How many records some topics hold, without reading them."""

    def __init__(
        self, written: AIOKafkaConsumer, committed: AIOKafkaConsumer, names: Sequence[TopicPartition]
    ):
        self._written = written
        self._committed = committed
        self._partitions = names

    async def written(self) -> int:
        return sum((await self._written.end_offsets(self._partitions)).values())

    async def committed(self) -> int:
        return sum((await self._committed.end_offsets(self._partitions)).values())


class Meter:
    """Watches processes put out records; an async context manager."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Meter":
        kafka = self._connection.kafka()
        self._written, self._committed = [
            await self._stack.enter_async_context(AIOKafkaConsumer(**kafka, isolation_level=isolation))
            for isolation in ("read_uncommitted", "read_committed")
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def watch(self, pids: Sequence[int], names: Sequence[TopicPartition], count: int) -> Rate:
        """The rate of processes that are to put `count` records into these empty topics; memory is that of the largest."""
        output = Output(self._written, self._committed, names)
        processes = [psutil.Process(pid) for pid in pids]
        first, first_at, cpu_before = await self._first(processes, output)
        done, done_at, cpu, rss = first, first_at, cpu_before, 0
        while done < count and done_at < first_at + _WATCH_SECONDS:
            await asyncio.sleep(0.02)
            done, done_at = await output.written(), time.monotonic()
            cpu, rss = _cpu(processes), max(rss, *(one.memory_info().rss for one in processes))
        if done >= count:
            async with asyncio.timeout(_COMMIT_SECONDS):
                while await output.committed() < count:
                    await asyncio.sleep(0.05)
        did = done - first
        if did <= 0:
            raise NotMeasuredError("everything came out between two looks: too few events")
        return Rate(
            events_per_second=int(did / (done_at - first_at)),
            cpu_seconds=round((cpu - cpu_before) * count / did, 2),
            rss_mb=rss >> 20,
        )

    async def until(self, names: Sequence[TopicPartition], count: int) -> None:
        """Return once these topics hold so many committed records; raises TimeoutError after two minutes."""
        output = Output(self._written, self._committed, names)
        async with asyncio.timeout(_UNTIL_SECONDS):
            while await output.committed() < count:
                await asyncio.sleep(0.1)

    async def _first(self, processes: Sequence[psutil.Process], output: Output) -> tuple[int, float, float]:
        async with asyncio.timeout(_START_SECONDS):
            while not (first := await output.written()):
                if any(not one.is_running() or one.status() == psutil.STATUS_ZOMBIE for one in processes):
                    raise NotMeasuredError("it has ended; see its log")
                await asyncio.sleep(0.02)
        return first, time.monotonic(), _cpu(processes)


def _cpu(processes: Sequence[psutil.Process]) -> float:
    return float(sum(sum(one.cpu_times()[:2]) for one in processes))


async def of_entrant(ground: Ground, entrant: Entrant, count: int, *, codec: bool = True) -> Rate:
    """The common job's rate; without `codec`, that of passing values on."""
    job = await ground.job(entrant, INPUT, codec=codec)
    with entrant.running(job) as process:
        async with Meter(ground.connection) as meter:
            return await meter.watch([process.pid], [TopicPartition(name, 0) for name in job.outputs], count)


async def of_services(ground: Ground, count: int, workers: int = 1) -> dict[str, Rate]:
    """Intake, and then the router on what intake put out, each doing all of its work on outboxes that lie ready.

    Of several workers it is what they do together, from when all of them are ready.
    """
    rates = {}
    outputs = {
        "intake": [TopicPartition(topics.EVENTS, lane) for lane in range(LANES)],
        "router": [TopicPartition(topics.inbox(one, PURPOSE), 0) for one in RECIPIENTS],
    }
    for service, names in outputs.items():
        with fleet(ground.connection, ground.directory) as ours:
            pids = [
                ours.start(service, INSTEP_STATE_DIR=str(ground.directory / f"state-{number}")).pid
                for number in range(workers)
            ]
            async with Meter(ground.connection) as meter:
                if workers > 1:
                    await asyncio.to_thread(ours.wait_until_ready)
                rates[service] = await meter.watch(pids, names, count)
            for worker in ours.workers:
                worker.stop()
    return rates
