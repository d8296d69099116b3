"""How long an event takes from when it was to be published to when a reader of committed records has it.

Open loop: events are due at even times whatever happens to those before, and each one's time counts from when it was due,
so a service that stalls is charged for everything that waited (coordinated omission is not left out). Publisher and
reader are in this process, beside the service and the broker.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from instep.kafka.connection import Connection
from instep.network import topics
from tests.benchmarks.entrants import Entrant
from tests.benchmarks.ground import Ground
from tests.benchmarks.network import LANES, PURPOSE, RECIPIENTS
from tests.benchmarks.throughput import SERVICES
from tests.kafka.journey import Event, create_topics
from tests.kafka.services import fleet

_WARM_UP_RATE = 50
_WARM_UP_ANSWERS = 200
_START_SECONDS = 60
_STRAGGLERS_SECONDS = 30

Place = Callable[[int, Event], tuple[str, int]]
"""Where the event of this number is published: topic and partition."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Milliseconds; `missing` events had not come 30 s after the last was due."""

    rate: int
    p50_ms: float
    p99_ms: float
    most_ms: float
    missing: int


def middle(rounds: Sequence[Latency]) -> Latency:
    """The round whose p99 is the median one."""
    return sorted(rounds, key=lambda one: one.p99_ms)[len(rounds) // 2]


class Loop:
    """Publishes events when they are due and notes when they come out; an async context manager."""

    def __init__(self, connection: Connection, place: Place, outputs: Sequence[str]) -> None:
        self._place = place
        self._outputs = [TopicPartition(name, 0) for name in outputs]
        self._producer = AIOKafkaProducer(**connection.kafka(), linger_ms=0)
        self._consumer = AIOKafkaConsumer(
            **connection.kafka(), isolation_level="read_committed", fetch_max_wait_ms=100
        )
        self._due: dict[bytes, float] = {}
        self._took: list[float] = []

    async def __aenter__(self) -> "Loop":
        await self._producer.start()
        await self._consumer.start()
        self._consumer.assign(self._outputs)
        await self._consumer.seek_to_end()
        for output in self._outputs:
            await self._consumer.position(output)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        await self._producer.stop()
        await self._consumer.stop()

    async def _read(self) -> None:
        while True:
            fetched = await self._consumer.getmany(timeout_ms=1000)
            now = time.perf_counter()
            for records in fetched.values():
                for record in records:
                    due = self._due.pop(record.value[6:42], None)  # behind the framing and the id's length
                    if due is not None:
                        self._took.append((now - due) * 1e3)

    async def warm_up(self, events: Iterator[Event]) -> None:
        """Publish slowly until enough has come out."""
        async with asyncio.timeout(_START_SECONDS):
            while len(self._took) < _WARM_UP_ANSWERS:
                await self._publish(list(islice(events, _WARM_UP_RATE)), _WARM_UP_RATE)

    async def measure(self, events: Sequence[Event], rate: int) -> Latency:
        """Publish these at this many a second."""
        await self._settled()
        self._due.clear()
        self._took.clear()
        gc.collect()
        gc.freeze()
        await self._publish(events, rate)
        await self._settled()
        took = sorted(self._took)
        return Latency(
            rate=rate,
            p50_ms=round(took[len(took) // 2], 1),
            p99_ms=round(took[int(len(took) * 0.99)], 1),
            most_ms=round(took[-1], 1),
            missing=len(self._due),
        )

    async def _publish(self, events: Sequence[Event], rate: int) -> None:
        began = time.perf_counter()
        for number, event in enumerate(events):
            due = began + number / rate
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            self._due[event.event_id.encode()] = due
            topic, partition = self._place(number, event)
            await self._producer.send(topic, event.value, key=event.subject_ref.encode(), partition=partition)

    async def _settled(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_STRAGGLERS_SECONDS):
                while self._due:
                    await asyncio.sleep(0.05)


async def of_entrant(ground: Ground, entrant: Entrant, rates: Sequence[int], seconds: float) -> list[Latency]:
    """One hop of the common job, with linger 0 and, for those that commit by time, a short interval."""
    topic = f"instep.live-{next(ground.numbers)}"
    await create_topics(ground.connection, topic, partitions=LANES)
    job = await ground.job(entrant, topic, linger_ms=0)
    with entrant.running(job):
        return await _at_each(
            Loop(ground.connection, lambda number, event: (topic, number % LANES), job.outputs),
            ground,
            rates,
            seconds,
        )


async def of_journey(ground: Ground, rates: Sequence[int], seconds: float, workers: int = 1) -> list[Latency]:
    """Both hops: from outbox through intake and router to inbox, with so many workers of each."""
    inboxes = [topics.inbox(one, PURPOSE) for one in RECIPIENTS]
    with services(ground, workers):
        return await _at_each(
            Loop(ground.connection, lambda number, event: (topics.outbox(event.source), 0), inboxes),
            ground,
            rates,
            seconds,
        )


@contextmanager
def services(ground: Ground, workers: int) -> Iterator[None]:
    """So many workers of intake and of the router, ready."""
    with fleet(ground.connection, ground.directory) as ours:
        for number in range(workers):
            for service in SERVICES:
                # The workers of one service share a machine, not a directory.
                ours.start(service, INSTEP_STATE_DIR=str(ground.directory / f"state-{number}"))
        ours.wait_until_ready()
        yield


async def _at_each(loop: Loop, ground: Ground, rates: Sequence[int], seconds: float) -> list[Latency]:
    async with loop:
        await loop.warm_up(iter(ground.made(_WARM_UP_RATE * _START_SECONDS)))
        return [await loop.measure(ground.made(max(int(rate * seconds), 100)), rate) for rate in rates]
