"""Where faults strike: the cluster, the workers, the publisher, the network; and what every fault asks of them."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from instep.errors import TheWorlds
from instep.events.schema import Catalogue
from instep.kafka.connection import Connection
from instep.kafka.log_ends import LogEnds
from instep.network import services
from instep.provision.apply import apply
from tests.chaos.cluster import Cluster
from tests.chaos.crew import Crew, Member
from tests.chaos.faults import Moment
from tests.chaos.network import snapshot
from tests.chaos.progress import lag_of
from tests.chaos.publisher import CHUNK, Publisher
from tests.chaos.reading import Incarnations
from tests.chaos.truth import Generation
from tests.chaos.workload import Workload

Say = Callable[[str], None]
READY_S = 300.0


@dataclass(kw_only=True)
class Scene:
    """Everything of a run that faults act on. `history` has the generations, `anew` the outboxes that were deleted."""

    cluster: Cluster
    crew: Crew
    publisher: Publisher
    workload: Workload
    directory: Path
    connection: Connection
    catalogue: Catalogue
    random: random.Random
    say: Say
    history: dict[int, Generation] = field(default_factory=dict)
    anew: dict[str, Incarnations] = field(default_factory=dict)
    moment: Moment = field(default_factory=lambda: Moment(at=0.0, waiting=0, unpublished=0))
    began: float = field(default_factory=time.monotonic)

    # -- is there work?

    async def work_remains(self) -> None:
        """Called right before each strike: records are on their way, and not yet through. Fails where none come."""
        for _ in range(200):
            waiting = await self.lag()
            if waiting:
                self.moment = Moment(
                    at=time.monotonic() - self.began,
                    waiting=waiting,
                    unpublished=self.publisher.total - self.publisher.confirmed,
                )
                return
            self.publisher.permitted = min(self.publisher.total, self.publisher.permitted + CHUNK)
            await asyncio.sleep(0.05)
        raise AssertionError("no work remained: this fault would prove nothing")

    async def lag(self) -> int:
        """Records that intake or router are not through with; asks until the cluster answers."""
        return await lag_of(self.connection, self.crew, self.workload.councils)

    async def drained(self, seconds: float = 300.0) -> None:
        """Return when nothing is on its way any more; to be called while the publisher is held."""
        calm = 0
        async with asyncio.timeout(seconds):
            while calm < 5:
                calm = calm + 1 if await self.lag() == 0 else 0
                await asyncio.sleep(0.3)

    # -- workers

    async def victim(self) -> Member:
        """A worker that has its lanes: to kill one that is still starting proves less."""
        member = self.random.choice(self.crew.wanted)
        await member.ready(READY_S)
        await self.work_remains()
        return member

    async def stop(self, *members: Member) -> None:
        """As an orchestrator does: SIGTERM, and each has to be gone in time; the supervisor does not start it again."""
        for member in members:
            member.wanted = False
        await asyncio.gather(
            *(asyncio.to_thread(member.worker.stop) for member in members if member.running())
        )

    async def start(self, *members: Member) -> None:
        """The supervisor starts them; returns when they are ready."""
        for member in members:
            member.wanted = True
        for member in members:
            await member.ready(READY_S)

    @asynccontextmanager
    async def stopped(self, service: str) -> AsyncIterator[list[Member]]:
        """All workers of a service are ended in order, and wanted again afterwards."""
        members = self.crew.of(service)
        await self.stop(*members)
        try:
            yield members
        finally:
            for member in members:
                member.wanted = True

    async def until_one_says(self, service: str, what: str, seconds: float = 240.0) -> str:
        """What a worker of the service says in `/ready`, once one says this."""
        until = time.monotonic() + seconds
        while True:
            said = [await asyncio.to_thread(member.says) for member in self.crew.of(service)]
            if found := next((one for one in said if what in one), None):
                return found
            if time.monotonic() > until:
                raise AssertionError(f"no worker of {service} says {what!r} within {seconds:g} s, but {said}")
            await asyncio.sleep(0.2)

    async def all_ready(self) -> None:
        """Return when every wanted worker is ready."""
        for member in self.crew.wanted:
            await member.ready(READY_S)

    # -- the cluster

    async def leader_of(self, topic: str) -> int:
        """The number of the broker that leads partition 0."""
        ends = LogEnds(self.connection)
        await ends.start()
        try:
            await ends.topic_ids([topic])
            return ends._leaders[TopicPartition(topic, 0)]
        finally:
            await ends.stop()

    async def apply(self) -> int:
        """Apply the directory as it is, however often it takes; the generation before has then ended."""
        generation = await applied(self.connection, self.directory, self.catalogue, self.say)
        self._stands(generation)
        return generation

    def _stands(self, generation: int) -> None:
        if generation in self.history:
            return
        if self.history:
            before = max(self.history)
            self.history[before] = replace(self.history[before], ended_at=time.time_ns() // 1_000_000)
        self.history[generation] = snapshot(self.directory)

    def group(self, service: str) -> str:
        """The consumer group of a service of the sample network."""
        return f"sample-{service}"


async def applied(connection: Connection, directory: Path, catalogue: Catalogue, say: Say) -> int:
    """The generation of the directory, which is applied as often as it takes: these brokers soon forget ids (`cluster`)."""
    while True:
        try:
            return (await apply(connection, directory, catalogue)).generation
        except (TheWorlds, KafkaError, OSError, TimeoutError) as error:
            say(f"           apply is tried again ({type(error).__name__}: {error})")
            await asyncio.sleep(1)


Act = Callable[[Scene], Awaitable[str]]
"""Carries a fault out, and says on whom."""

SERVICES = tuple(services.SERVICES)
