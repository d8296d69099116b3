"""Intake and the router, each doing all of its work, beside a plain at-least-once loop: one run, one broker.

Each runs alone on input that lies ready. Its rate is what it put out between the first output seen and the last, so that
no start-up counts; its cost is the processor time of its process.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from instep.cluster.apply import apply
from instep.cluster.connection import Connection
from instep.cluster.follow import read_network
from instep.events.catalogue import Catalogue
from instep.local.broker import Broker
from instep.network import topics
from tests.benchmarks.network import FIELDS, LANES, PURPOSE, RECIPIENTS, SOURCES, write_network
from tests.kafka.journey import Event, Events, create_topics, publish
from tests.kafka.services import fleet

_JVM = ("-Xms512m", "-Xmx1g", "-XX:+UseG1GC")  # a broker with its usual compiler and a heap to work in
_PLAIN_INPUT = "plain.in"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    guarantee: str
    events_per_second: int
    cpu_seconds: float
    rss_mb: int


def events_of(events: Events, count: int) -> list[Event]:
    """Moves from the areas of the recipients to those of the sources: each has one recipient."""
    made = []
    for number in range(count):
        source = SOURCES[number % len(SOURCES)]
        old = RECIPIENTS[number // len(SOURCES) % len(RECIPIENTS)]
        made.append(events.moved(source, old, source, subject=f"{number % 5000:016x}", sequence=number))
    return made


class Output:
    """How many records some topics hold, without reading them; the marker of each transaction counts as one too."""

    def __init__(self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> None:
        self._consumer = consumer
        self._partitions = partitions

    async def count(self) -> int:
        return sum((await self._consumer.end_offsets(self._partitions)).values())


@contextmanager
def plain_loop(connection: Connection, count: int, routes: dict[str, str]) -> Iterator[int]:
    """The peer's process."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.benchmarks.plain_loop",
            connection.bootstrap_servers,
            _PLAIN_INPUT,
            str(count),
            json.dumps(routes),
            json.dumps(FIELDS),
        ]
    )
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


async def watch(output: Output, pid: int, count: int) -> tuple[int, float, int]:
    """Events a second, processor seconds for the whole count, and memory, of a process that puts out `count` records."""
    process = psutil.Process(pid)
    base = await output.count()
    first = first_at = last = 0.0
    last_at = time.monotonic()
    cpu_at_first = cpu = 0.0
    rss = 0
    until = time.monotonic() + 300
    while last < count:
        assert time.monotonic() < until, f"{last} of {count} after 300 s"
        now, seen = time.monotonic(), await output.count() - base
        if seen > last:
            last, last_at = seen, now
            cpu, rss = sum(process.cpu_times()[:2]), max(rss, process.memory_info().rss)
            if not first:
                first, first_at, cpu_at_first = seen, now, cpu
        await asyncio.sleep(0.02)
    done = last - first
    return int(done / (last_at - first_at)), round((cpu - cpu_at_first) * count / done, 2), rss >> 20


async def one_round(count: int) -> list[Row]:
    """A fresh broker, the same events for each; the plain loop goes first in no round's favour: each runs alone."""
    with tempfile.TemporaryDirectory(prefix="instep-bench-") as name:
        directory = Path(name)
        broker = Broker(directory / "broker", jvm=_JVM)
        await asyncio.to_thread(broker.start)
        try:
            return await _measure(broker, directory, count)
        finally:
            broker.stop()


async def _measure(broker: Broker, directory: Path, count: int) -> list[Row]:
    connection = Connection(bootstrap_servers=broker.bootstrap_servers, security_protocol="PLAINTEXT")
    catalogue = Catalogue.load(Catalogue.default_directory())
    await apply(connection, write_network(directory / "network"), catalogue)
    network = await read_network(connection)
    made = events_of(Events(catalogue, network), count)
    await publish(connection, made)
    await _load_plain(connection, made)
    routes = {network.authorities[council].gss: f"plain.{council}" for council in RECIPIENTS}
    rows = []
    async with _consumer(connection) as consumer:
        plain = Output(consumer, [TopicPartition(topic, 0) for topic in routes.values()])
        with plain_loop(connection, count, routes) as pid:
            rows.append(Row("plain aiokafka", "at least once", *await watch(plain, pid, count)))
        with fleet(connection, directory) as ours:
            hub = Output(consumer, [TopicPartition(topics.EVENTS, lane) for lane in range(LANES)])
            intake = ours.start("intake")
            assert intake.process is not None
            rows.append(Row("intake", "exactly once", *await watch(hub, intake.process.pid, count)))
            await asyncio.sleep(2)
            intake.stop()
            inboxes = Output(consumer, [TopicPartition(topics.inbox(one, PURPOSE), 0) for one in RECIPIENTS])
            router = ours.start("router")
            assert router.process is not None
            rows.append(Row("router", "exactly once", *await watch(inboxes, router.process.pid, count)))
            router.stop()
    return rows


async def _load_plain(connection: Connection, made: Sequence[Event]) -> None:
    await create_topics(connection, _PLAIN_INPUT, partitions=LANES)
    await create_topics(connection, *(f"plain.{council}" for council in RECIPIENTS))
    producer = AIOKafkaProducer(**connection.kafka(), linger_ms=5, max_batch_size=256 * 1024)
    await producer.start()
    sent = [
        await producer.send(
            _PLAIN_INPUT, event.value, key=event.subject_ref.encode(), partition=number % LANES
        )
        for number, event in enumerate(made)
    ]
    await asyncio.gather(*sent)
    await producer.stop()


def _consumer(connection: Connection) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(**connection.kafka(), isolation_level="read_committed")


def ratios(rounds: Sequence[Sequence[Row]]) -> dict[str, float]:
    """Events a second over the plain loop's of the same round; the median of the rounds."""
    found: dict[str, list[float]] = {}
    for rows in rounds:
        plain = rows[0].events_per_second
        for row in rows[1:]:
            found.setdefault(row.name, []).append(row.events_per_second / plain)
    return {name: round(median(values), 2) for name, values in found.items()}


def as_json(rounds: Sequence[Sequence[Row]]) -> str:
    """What is written to results/latest.json."""
    return json.dumps(
        {
            "rounds": [[asdict(row) for row in rows] for rows in rounds],
            "ratios_to_plain_loop": ratios(rounds),
            "cores": os.cpu_count(),
        },
        indent=1,
    )
