"""A cluster, two workers of the toy service under a supervisor, somebody who publishes, and what became of each value."""

import asyncio
import contextlib
import logging
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from instep.kafka.connection import Connection
from instep.network.network import Network
from instep.network.records import to_records
from instep.network.topics import NETWORK
from tests.chaos.cluster import Cluster
from tests.chaos.inspection import hanging_of
from tests.chaos.jars import jars_of
from tests.chaos.reading import committed_records
from tests.chaos.soundness import settlements, skips
from tests.kafka.services import Worker
from tests.kafka.toy import INPUT, OUTPUT, STATE

_BATCH = 10
_READY_S = 180.0
_THROUGH_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the values that were confirmed; of the cluster; and why workers stood, if they did."""

    published: int
    lost: int
    repeated: int
    disordered: int
    hanging: int
    skipped: int
    settlements: int
    restarts: int

    @property
    def clean(self) -> bool:
        return not (self.lost or self.repeated or self.disordered or self.hanging)


def became(confirmed: Iterable[bytes], passed_on: Iterable[tuple[int, bytes]]) -> tuple[int, int, int]:
    """How many values were lost, passed on more than once, and passed on after a later one of their partition."""
    count: Counter[bytes] = Counter()
    highest: dict[int, int] = defaultdict(lambda: -1)
    disordered = 0
    for partition, value in passed_on:
        number = int(value.removeprefix(b"v"))
        count[value] += 1
        disordered += number < highest[partition]
        highest[partition] = max(number, highest[partition])
    return len(set(confirmed) - count.keys()), sum(times > 1 for times in count.values()), disordered


class Bench:
    """`at_work` starts everything, publishes meanwhile and looks at the end; nothing is left running."""

    lanes = 8

    def __init__(self, home: Path, brokers: int, kafka: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.cluster = Cluster(home, brokers, jars_of(kafka))
        servers = self.cluster.bootstrap_servers
        self.connection = Connection(bootstrap_servers=servers, security_protocol="PLAINTEXT")
        self.workers = [Worker("toy", "tests.kafka.toy", self.connection, home, {}) for _ in range(2)]
        self.confirmed: list[bytes] = []
        self.restarts = 0
        self._copies = brokers
        self._producer: AIOKafkaProducer | None = None

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        supervisor: asyncio.Task[None] | None = None
        try:
            await self._start()
            supervisor = asyncio.create_task(self._supervise())
            done = asyncio.Event()
            publishing = asyncio.create_task(self._publish(done))
            yield
            done.set()
            await publishing
            await self._through()
            self.outcome = await self._looked_at()
        finally:
            if supervisor is not None:
                supervisor.cancel()
            for worker in self.workers:
                if worker.process is not None and worker.exit_code is None:
                    worker.kill()
            self.cluster.kill_all()

    async def ready(self) -> None:
        """Return when both workers have their lanes; raises TimeoutError with what one says instead."""
        until = time.monotonic() + _READY_S
        for worker in self.workers:
            while (said := await asyncio.to_thread(worker.not_ready_because)) is not None:
                if time.monotonic() > until:
                    raise TimeoutError(f"a worker is not ready: {said}\n{worker.tail()}")
                await asyncio.sleep(0.2)

    async def _start(self) -> None:
        await self.cluster.start()
        config = {"message.timestamp.type": "LogAppendTime", "min.insync.replicas": str(min(2, self._copies))}
        wanted = {NETWORK: 1, INPUT: self.lanes, OUTPUT: self.lanes, STATE: self.lanes}
        admin = AIOKafkaAdminClient(**self.connection.kafka())
        await admin.start()
        await admin.create_topics(
            [NewTopic(name, count, self._copies, topic_configs=config) for name, count in wanted.items()]
        )
        await admin.close()
        await self.cluster.whole()
        producer = AIOKafkaProducer(**self.connection.kafka(), transactional_id="toy-apply")
        await producer.start()
        async with producer.transaction():
            network = Network(name="toy", lanes=self.lanes, authorities={}, agreements={})
            for key, value in to_records(network).items():
                await producer.send(NETWORK, key=key.encode(), value=value)
            await producer.send(NETWORK, key=b"generation", value=b"1")
        await producer.stop()
        for worker in self.workers:
            worker.start()
        await self.ready()

    async def _supervise(self) -> None:
        while True:
            for worker in self.workers:
                if worker.exit_code is not None:
                    self.restarts += 1
                    await asyncio.sleep(0.5)
                    worker.start()
            await asyncio.sleep(0.1)

    async def _publish(self, done: asyncio.Event) -> None:
        """Numbered values, to one lane after another; a batch that is not confirmed is sent again, and comes out once."""
        number = 0
        while not done.is_set():
            while not await self._sent(range(number, number + _BATCH)):
                await asyncio.sleep(0.3)
            self.confirmed += [b"v%d" % one for one in range(number, number + _BATCH)]
            number += _BATCH
            await asyncio.sleep(0.02)
        await self._abandon()

    async def _sent(self, numbers: range) -> bool:
        try:
            if self._producer is None:
                self._producer = AIOKafkaProducer(
                    **self.connection.kafka(), enable_idempotence=True, request_timeout_ms=15_000
                )
                await self._producer.start()
            sending = [
                await self._producer.send(INPUT, b"v%d" % one, partition=one % self.lanes) for one in numbers
            ]
        except (KafkaError, OSError, TimeoutError):
            await self._abandon()
            return False
        answers = await asyncio.gather(*sending, return_exceptions=True)
        if any(isinstance(answer, BaseException) for answer in answers):
            await self._abandon()
            return False
        return True

    async def _abandon(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(producer.stop(), 10)

    async def _through(self) -> None:
        """Return when as many values are passed on as were published, or no more come for long."""
        until = time.monotonic() + _THROUGH_S
        most = -1
        while len(found := {value for _, value in await self._passed_on()}) < len(self.confirmed):
            if len(found) > most:
                most, until = len(found), time.monotonic() + _THROUGH_S
            if time.monotonic() > until:
                return
            await asyncio.sleep(1.0)

    async def _passed_on(self) -> list[tuple[int, bytes]]:
        return [
            (record.partition, record.value or b"")
            async for record in committed_records(self.connection, [OUTPUT])
        ]

    async def _looked_at(self) -> Outcome:
        hanging = await hanging_of(self.connection, 30.0)
        lost, repeated, disordered = became(self.confirmed, await self._passed_on())
        topics = [INPUT, OUTPUT, STATE, NETWORK]
        return Outcome(
            published=len(self.confirmed),
            lost=lost,
            repeated=repeated,
            disordered=disordered,
            hanging=len(hanging),
            skipped=sum(len(skips(node.text(), topics)) for node in self.cluster.nodes),
            settlements=sum(
                len(settlements(worker.log.read_text(errors="replace"))) for worker in self.workers
            ),
            restarts=self.restarts,
        )
