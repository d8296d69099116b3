"""Faults as data, in an order that a seed decides, and the conductor that carries them out while work remains."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from instep.cluster.apply import apply
from instep.cluster.connection import Connection
from instep.cluster.follow import read_network
from instep.errors import TheWorlds
from instep.events.catalogue import Catalogue
from tests.chaos.cluster import Cluster
from tests.chaos.crew import SESSION_S, Crew, Member
from tests.chaos.network import add_authority, snapshot, toggle
from tests.chaos.publisher import CHUNK, Publisher
from tests.chaos.truth import Generation
from tests.chaos.workload import Workload

_NOTICED_S = 5.0
_FULL_S = 20.0


class Fault(StrEnum):
    """What can go wrong, and what people do."""

    WORKER_KILL = "a worker is killed"
    WIPED = "a worker is killed and its state directory wiped"
    BROKER_KILL = "a broker is killed and started again"
    ZOMBIE = "a worker is frozen past its session and thawed"
    MEMBERSHIP = "a worker joins or leaves"
    AGREEMENT = "an agreement is suspended or lifted"
    AUTHORITY = "an authority is added, and every worker restarted one by one"
    OFFSETS = "the offsets of a service are deleted while it is stopped"
    DISK = "a worker's disk is full, and has room again later"
    EVERYTHING = "all brokers and workers are killed at once"


def schedule(
    seed: int, *, worker_kills: int, broker_kills: int, zombies: int, disks: bool = False, short: bool = False
) -> list[Fault]:
    """A run's faults in their order. One worker kill in ten wipes its state; joins and changes come along.

    Disks are filled only where that is possible (`disks`). A `short` run leaves out what takes long: restarts of everything,
    disks, and workers that come and go.
    """
    wiped = max(1, worker_kills // 10) if worker_kills else 0
    several = max(1, worker_kills // 12)
    faults = [
        *[Fault.WORKER_KILL] * (worker_kills - wiped),
        *[Fault.WIPED] * wiped,
        *[Fault.BROKER_KILL] * broker_kills,
        *[Fault.ZOMBIE] * zombies,
        *[Fault.AGREEMENT] * 2 * several,
    ]
    if not short:
        faults += [*[Fault.MEMBERSHIP] * 2 * several, *[Fault.DISK] * (several if disks else 0)]
        faults += [Fault.AUTHORITY, Fault.OFFSETS, Fault.EVERYTHING]
    random.Random(seed).shuffle(faults)
    return faults


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When a fault struck, in seconds from the start, and what remained: records on their way, and yet to be published."""

    at: float
    waiting: int
    unpublished: int


@dataclass(frozen=True, kw_only=True)
class Done:
    """A fault that was carried out, and on whom."""

    fault: Fault
    what: str
    moment: Moment


Say = Callable[[str], None]


class Conductor:
    """Carries out the faults of one run. Publishing is spread over them: each has records on their way."""

    def __init__(
        self,
        *,
        seed: int,
        faults: list[Fault],
        cluster: Cluster,
        crew: Crew,
        publisher: Publisher,
        workload: Workload,
        directory: Path,
        connection: Connection,
        catalogue: Catalogue,
        say: Say,
    ) -> None:
        self.history: dict[int, Generation] = {}
        self.done: list[Done] = []
        self._ends: dict[int, int] = {}
        self._faults = faults
        self._random = random.Random(seed + 1)
        self._cluster = cluster
        self._crew = crew
        self._publisher = publisher
        self._workload = workload
        self._directory = directory
        self._connection = connection
        self._catalogue = catalogue
        self._say = say
        self._began = time.monotonic()
        self._moment = Moment(at=0.0, waiting=0, unpublished=0)
        self._acts: dict[Fault, Callable[[], Awaitable[str]]] = {
            Fault.WORKER_KILL: self._worker_kill,
            Fault.WIPED: self._wiped,
            Fault.BROKER_KILL: self._broker_kill,
            Fault.ZOMBIE: self._zombie,
            Fault.MEMBERSHIP: self._membership,
            Fault.AGREEMENT: self._agreement,
            Fault.AUTHORITY: self._authority,
            Fault.OFFSETS: self._offsets,
            Fault.DISK: self._disk,
            Fault.EVERYTHING: self._everything,
        }

    @property
    def counts(self) -> Counter[Fault]:
        """How often each was carried out."""
        return Counter(one.fault for one in self.done)

    async def run(self) -> None:
        """All faults, each when its share of the records is published; ends with publishing permitted to the end."""
        total = self._publisher.total
        share = total / (len(self._faults) + 1)
        for number, fault in enumerate(self._faults, start=1):
            # While one is carried out the next share is on its way.
            self._publisher.permitted = int(share * (number + 1))
            while self._publisher.confirmed < share * number:
                await asyncio.sleep(0.05)
            what = await self._acts[fault]()
            self.done.append(Done(fault=fault, what=what, moment=self._moment))
            moment = self._moment
            self._say(
                f"{moment.at:7.1f} s  {number:3}/{len(self._faults)}  {fault}: {what};"
                f" {moment.waiting} on their way, {moment.unpublished} to come"
            )
        self._publisher.permitted = total

    async def settled(self, seconds: float) -> bool:
        """Whether all that was published has come through, waiting as long as there is progress at all."""
        until = time.monotonic() + seconds
        calm = 0
        least = await self._lag()
        while calm < 10:
            await asyncio.sleep(0.3)
            lag = await self._lag()
            if lag < least:
                least, until = lag, time.monotonic() + seconds
            calm = calm + 1 if lag == 0 else 0
            if time.monotonic() > until:
                return False
        return True

    async def apply(self) -> int:
        """Apply the directory as it is, however often it takes; the generation before has then ended."""
        applied = None
        while applied is None:
            try:
                applied = await apply(self._connection, self._directory, self._catalogue)
            except (TheWorlds, KafkaError, OSError, TimeoutError) as error:
                self._say(f"           apply is tried again ({type(error).__name__})")
                await asyncio.sleep(1)
        if self.history:
            self._ends[max(self.history)] = time.time_ns() // 1_000_000
        self.history[applied.generation] = snapshot(self._directory)
        return applied.generation

    def finished_history(self) -> dict[int, Generation]:
        """Every generation, each with its end."""
        return {
            number: Generation(
                authorities=one.authorities,
                agreements=one.agreements,
                elsewhere=one.elsewhere,
                ended_at=self._ends.get(number),
            )
            for number, one in self.history.items()
        }

    # -- is there work?

    async def _work_remains(self) -> None:
        """Called right before each strike: records are on their way, and not yet through. Fails where none come."""
        for _ in range(200):
            waiting = await self._lag()
            if waiting:
                self._moment = Moment(
                    at=time.monotonic() - self._began,
                    waiting=waiting,
                    unpublished=self._publisher.total - self._publisher.confirmed,
                )
                return
            self._publisher.permitted = min(self._publisher.total, self._publisher.permitted + CHUNK)
            await asyncio.sleep(0.05)
        raise AssertionError("no work remained: this fault would prove nothing")

    async def _lag(self) -> int:
        """Records that intake or router are not through with; markers of open ends count too.

        The group's offsets may be a second behind, so where a worker itself says that less is left, that counts.
        """
        for _ in range(120):
            try:
                async with asyncio.timeout(5):
                    return await self._lag_now()
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(0.5)
        raise AssertionError("the cluster does not say how far the services are")

    async def _lag_now(self) -> int:
        admin = AIOKafkaAdminClient(**self._connection.kafka())
        consumer = AIOKafkaConsumer(**self._connection.kafka())
        try:
            await admin.start()
            await consumer.start()
            outboxes = [f"{council}.outbox" for council in self._workload.councils]
            await consumer._client.set_topics([*outboxes, "instep.events"])
            said: dict[tuple[str, str, int], int] = {}
            for member in self._crew.wanted:
                said |= await asyncio.to_thread(member.lags)
            lag = 0
            for service, topics in (("intake", outboxes), ("router", ["instep.events"])):
                committed = await admin.list_consumer_group_offsets(f"sample-{service}")
                partitions = [
                    TopicPartition(topic, partition)
                    for topic in topics
                    for partition in consumer.partitions_for_topic(topic) or ()
                ]
                for partition, end in (await consumer.end_offsets(partitions)).items():
                    reached = committed[partition].offset if partition in committed else 0
                    left = max(0, end - max(0, reached))
                    lag += min(left, said.get((f"sample-{service}", *partition), left))
            return lag
        finally:
            await consumer.stop()
            await admin.close()

    # -- the faults

    async def _victim(self) -> Member:
        """A worker that has its lanes: to kill one that is still starting proves less."""
        member = self._random.choice(self._crew.wanted)
        await member.ready()
        await self._work_remains()
        return member

    async def _worker_kill(self) -> str:
        member = await self._victim()
        member.worker.kill()
        return member.name

    async def _wiped(self) -> str:
        member = await self._victim()
        member.wanted = False
        member.worker.kill()
        member.wipe()
        member.wanted = True
        return member.name

    async def _broker_kill(self) -> str:
        await self._cluster.whole()
        node = self._random.choice(self._cluster.nodes)
        await self._work_remains()
        node.kill()
        away = self._random.uniform(0.5, 5.0)
        await asyncio.sleep(away)
        await self._cluster.start_again([node])
        return f"broker {node.number}, away for {away:.1f} s"

    async def _zombie(self) -> str:
        member = await self._victim()
        member.send(signal.SIGSTOP)
        frozen = SESSION_S + self._random.uniform(2.0, 5.0)
        await asyncio.sleep(frozen)
        member.send(signal.SIGCONT)
        return f"{member.name}, for {frozen:.1f} s"

    async def _membership(self) -> str:
        member = self._random.choice(self._crew.spare)
        await self._work_remains()
        if not member.wanted:
            member.wanted = True
            await member.ready()
            return f"{member.name} joins"
        member.wanted = False
        await self._stop(member)
        return f"{member.name} leaves"

    async def _agreement(self) -> str:
        await self._work_remains()
        status = toggle(self._directory)
        return f"council-tax is {status} from generation {await self.apply()} on"

    async def _authority(self) -> str:
        await self._work_remains()
        newcomer = add_authority(self._directory)
        generation = await self.apply()
        network = await read_network(self._connection)
        self._workload.gss[newcomer] = network.authorities[newcomer].gss
        self._workload.councils.append(newcomer)
        for member in self._crew.wanted:
            member.wanted = False
            await self._stop(member)
            member.wanted = True
            await member.ready()
        return f"{newcomer}, by generation {generation}"

    async def _offsets(self) -> str:
        service = self._random.choice(("intake", "router"))
        members = [member for member in self._crew.wanted if member.worker.service == service]
        await self._work_remains()
        for member in members:
            member.wanted = False
        await asyncio.gather(*(self._stop(member) for member in members))
        await asyncio.to_thread(_delete_group, self._connection, f"sample-{service}")
        for member in members:
            member.wanted = True
        return f"those of {service}"

    async def _disk(self) -> str:
        """It ends by itself when it has something to write, or is killed; and cannot start until there is room."""
        place = self._random.randrange(len(self._crew.disks))
        member, disk = self._crew.with_disk[place], self._crew.disks[place]
        await member.ready()
        await self._work_remains()
        starts = member.starts
        disk.fill()
        try:
            began = time.monotonic()
            while member.starts == starts and time.monotonic() - began < _NOTICED_S:
                await asyncio.sleep(0.1)
            how = "killed" if member.starts == starts else "ended by itself"
            if member.starts == starts:
                member.worker.kill()
            while member.starts < starts + 3 and time.monotonic() - began < _FULL_S:
                await asyncio.sleep(0.1)
            said = await asyncio.to_thread(member.worker.not_ready_because)
        finally:
            disk.empty()
        if said is None:
            raise AssertionError(f"{member.name} has claimed its lanes on a disk that is full")
        return f"{member.name} {how}, and was started {member.starts - starts} times meanwhile"

    async def _everything(self) -> str:
        members = self._crew.wanted
        await self._work_remains()
        for member in members:
            member.wanted = False
        self._cluster.kill_all()
        for member in members:
            if member.running():
                member.worker.kill()
        await self._cluster.start_again(self._cluster.nodes)
        for member in members:
            member.wanted = True
        return f"3 brokers and {len(members)} workers"

    async def _stop(self, member: Member) -> None:
        """As an orchestrator does: SIGTERM, and it has to be gone in time."""
        if member.running():
            await asyncio.to_thread(member.worker.stop)


def _delete_group(connection: Connection, group: str) -> None:
    """Delete a group and all that it has committed; it has to be empty, which takes a dead member's session to show."""
    admin = AdminClient({"bootstrap.servers": connection.bootstrap_servers})
    until = time.monotonic() + 60
    while True:
        try:
            admin.delete_consumer_groups([group], request_timeout=10)[group].result(15)
            return
        except KafkaException:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
