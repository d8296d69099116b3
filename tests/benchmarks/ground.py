"""The ground of a run: one broker with the benchmark's network applied, the input, and jobs for the entrants."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from aiokafka import AIOKafkaProducer

from instep.catalogue.files import default_directory, load_catalogue
from instep.events.schema import Catalogue
from instep.kafka.connection import Connection
from instep.kafka.follow import read_network
from instep.local.broker import Broker
from instep.local.java import FAST
from instep.network import topics
from instep.network.network import Network
from instep.provision.apply import apply
from tests.benchmarks.entrants import Entrant
from tests.benchmarks.network import FIELDS, LANES, RECIPIENTS, SOURCES, write_network
from tests.benchmarks.peers.job import Job
from tests.kafka.journey import Event, Events, create_topics

INPUT = "instep.common-in"


@dataclass(frozen=True, kw_only=True)
class Ground:
    """`directory` holds the broker and what every process of the run leaves."""

    directory: Path
    connection: Connection
    catalogue: Catalogue
    network: Network
    events: Events
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def made(self, number: int) -> list[Event]:
        """Moves from the areas of the recipients to those of the sources: each has one recipient."""
        made = []
        for sequence in range(number):
            source = SOURCES[sequence % len(SOURCES)]
            old = RECIPIENTS[sequence // len(SOURCES) % len(RECIPIENTS)]
            subject = f"{sequence % 5000:016x}"
            made.append(self.events.moved(source, old, source, subject=subject, sequence=sequence))
        return made

    async def job(self, entrant: Entrant, source: str, *, codec: bool = True, linger_ms: int = 10) -> Job:
        """A job with output topics and names of its own: what an earlier run left open cannot touch it."""
        run = f"run-{next(self.numbers)}"
        routes = {self.network.authorities[one].gss: f"{run}.{one}" for one in RECIPIENTS}
        await create_topics(self.connection, *routes.values())
        await create_topics(self.connection, topics.state(run), partitions=LANES)
        return Job(
            servers=self.connection.bootstrap_servers,
            topic=source,
            run=run,
            directory=str(self.directory / run),
            transactional=entrant.guarantee == "exactly once",
            codec=entrant.codec if codec else "",
            linger_ms=linger_ms,
            schema=self.catalogue.events["resident-moved"].latest.parsed,
            routes=routes,
            fields=FIELDS,
        )


@asynccontextmanager
async def ground(*, others: int = 0, agreements: int = 1) -> AsyncIterator[Ground]:
    """A fresh broker, gone when the run is over; `write_network` says what the arguments add."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of every topic that is new
    with tempfile.TemporaryDirectory(prefix="instep-bench-") as name:
        directory = Path(name)
        broker = Broker(directory / "broker", jvm=FAST)
        await asyncio.to_thread(broker.start)
        try:
            connection = broker.own_connection
            catalogue = load_catalogue(default_directory())
            await apply(
                connection,
                write_network(directory / "network", others=others, agreements=agreements),
                catalogue,
            )
            network = await read_network(connection)
            yield Ground(
                directory=directory,
                connection=connection,
                catalogue=catalogue,
                network=network,
                events=Events(catalogue, network),
            )
        finally:
            broker.stop()


async def load(connection: Connection, topic: str, made: Sequence[Event]) -> None:
    """Lay events ready in a new topic of as many partitions as there are lanes."""
    await create_topics(connection, topic, partitions=LANES)
    producer = AIOKafkaProducer(**connection.kafka(), linger_ms=5, max_batch_size=256 * 1024)
    await producer.start()
    sent = [
        await producer.send(topic, event.value, key=event.subject_ref.encode(), partition=number % LANES)
        for number, event in enumerate(made)
    ]
    await asyncio.gather(*sent)
    await producer.stop()
