"""One run of the chaos suite: publish, let things go wrong, wait until all has come through, judge, tell.

A killed broker keeps its page cache, so this shows what happens when processes die; it does not show a loss of power.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer

from instep.cluster.apply import apply
from instep.cluster.connection import Connection
from instep.cluster.follow import read_network
from instep.events.catalogue import Catalogue
from tests.chaos.cluster import Cluster
from tests.chaos.crew import Crew
from tests.chaos.faults import Conductor, Fault, Say, schedule
from tests.chaos.judge import Judge, Verdict
from tests.chaos.network import sample_of_three
from tests.chaos.publisher import Publisher
from tests.chaos.reading import Court, committed_records, in_order
from tests.chaos.workload import Workload

SETTLES_S = 120.0
"""Without any progress, after the last fault."""
PAGE_CACHE = (
    "A broker that is killed keeps its page cache: this is the death of processes, not a loss of power."
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run is to be; `rate` bounds the events published in a second."""

    events: int
    worker_kills: int
    broker_kills: int
    zombies: int
    seed: int
    rate: int
    short: bool = False


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a run was, and what the judge found."""

    plan: Plan
    conductor: Conductor
    verdict: Verdict
    settled: bool
    seconds: float
    restarts: int
    interruptions: int

    @property
    def clean(self) -> bool:
        return self.verdict.clean and self.settled

    def as_json(self) -> str:
        """For results/latest.json."""
        counts = self.conductor.counts
        told: dict[str, Any] = {
            "events": self.plan.events,
            "worker_kills": counts[Fault.WORKER_KILL] + counts[Fault.WIPED],
            "broker_kills": counts[Fault.BROKER_KILL],
            "zombies": counts[Fault.ZOMBIE],
            **self.verdict.counts,
            "seed": self.plan.seed,
            "seconds": round(self.seconds),
            "settled": self.settled,
            "faults": {fault.name.lower(): counts[fault] for fault in Fault},
            "judged": self.verdict.judged,
            "page_cache": PAGE_CACHE,
        }
        return json.dumps(told, indent=2)

    def as_text(self) -> str:
        """For people."""
        counts = self.conductor.counts
        rows = [
            *((fault.value, counts[fault]) for fault in Fault),
            ("times that the supervisor started a worker", self.restarts),
            ("times that the publisher began anew", self.interruptions),
            *((f"judged: {what}", number) for what, number in self.verdict.judged.items()),
            *self.verdict.counts.items(),
        ]
        examples = [f"  {kind}: {one}" for kind, found in self.verdict.examples.items() for one in found]
        return "\n".join(
            [
                f"seed {self.plan.seed}, {self.plan.events} events, {self.seconds:.0f} s",
                *(f"  {name:64} {number:9,}" for name, number in rows),
                *examples,
                *([] if self.settled else ["  Not all came through before time ran out."]),
                PAGE_CACHE,
            ]
        )


async def run(plan: Plan, home: Path, say: Say = print) -> Report:
    """Carry it out in `home`; nothing is left running."""
    say(f"seed {plan.seed}; logs in {home}")
    # aiokafka tells each broker that is away, again and again; what matters is counted.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    began = time.monotonic()
    catalogue = Catalogue.load(Catalogue.default_directory())
    async with _stage(home, catalogue) as (cluster, crew, connection, directory):
        workload = Workload(plan.seed, catalogue, await read_network(connection))
        publisher = Publisher(connection, workload, plan.events, plan.rate)
        faults = schedule(
            plan.seed,
            worker_kills=plan.worker_kills,
            broker_kills=plan.broker_kills,
            zombies=plan.zombies,
            disks=crew.can_fill_disks,
            short=plan.short,
        )
        conductor = Conductor(
            seed=plan.seed,
            faults=faults,
            cluster=cluster,
            crew=crew,
            publisher=publisher,
            workload=workload,
            directory=directory,
            connection=connection,
            catalogue=catalogue,
            say=say,
        )
        await conductor.apply()
        for member in crew.wanted:
            await member.ready()
        if not crew.can_fill_disks:
            say("no disk will be full: this user may not mount one to fill")
        say(f"{time.monotonic() - began:7.1f} s  ready; {len(faults)} faults to come")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(publisher.run())
            tasks.create_task(conductor.run())
        say(f"{time.monotonic() - began:7.1f} s  all is published; waiting until it has come through")
        settled = await conductor.settled(SETTLES_S)
        restarts = sum(member.starts for member in crew.members)
        say(f"{time.monotonic() - began:7.1f} s  judging")
        crew.end()
        await cluster.whole()
        verdict = await _judge(connection, catalogue, conductor, publisher)
    return Report(
        plan=plan,
        conductor=conductor,
        verdict=verdict,
        settled=settled,
        seconds=time.monotonic() - began,
        restarts=restarts,
        interruptions=publisher.interruptions,
    )


@contextlib.asynccontextmanager
async def _stage(home: Path, catalogue: Catalogue) -> AsyncIterator[tuple[Cluster, Crew, Connection, Path]]:
    """Three brokers, the sample network applied, and workers under a supervisor; all gone afterwards."""
    cluster = Cluster(home)
    connection = Connection(bootstrap_servers=cluster.bootstrap_servers, security_protocol="PLAINTEXT")
    crew = Crew(connection, home)
    directory = sample_of_three(home)
    supervisor: asyncio.Task[None] | None = None
    try:
        await cluster.start()
        await apply(connection, directory, catalogue)
        supervisor = asyncio.create_task(crew.supervise())
        yield cluster, crew, connection, directory
    finally:
        if supervisor is not None:
            supervisor.cancel()
        crew.end()
        cluster.kill_all()


async def _judge(
    connection: Connection, catalogue: Catalogue, conductor: Conductor, publisher: Publisher
) -> Verdict:
    network = await read_network(connection)
    judge = Judge(conductor.finished_history())
    court = Court(judge, catalogue.bind(network.schemas), publisher.planted)
    outboxes, *others = in_order(await _topics(connection))
    async for record in committed_records(connection, outboxes):
        court.bring(record)
    judge.confirmed(publisher.event_ids)
    for topics in others:
        async for record in committed_records(connection, topics):
            court.bring(record)
    return judge.verdict()


async def _topics(connection: Connection) -> list[str]:
    async with AIOKafkaConsumer(**connection.kafka()) as consumer:
        return sorted(topic for topic in await consumer.topics() if not topic.startswith("__"))
