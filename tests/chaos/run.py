"""One run: a cluster and its workers, records published while faults strike, and the judge's verdict over what came of it.

A killed broker keeps its page cache, so this shows what happens when processes die; it does not show a loss of power.
"""

import asyncio
import contextlib
import json
import logging
import random
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer

from instep.catalogue.files import default_directory, load_catalogue
from instep.kafka.connection import Connection
from instep.kafka.follow import read_network
from tests.chaos.cluster import Cluster
from tests.chaos.conductor import Conductor
from tests.chaos.crew import Crew
from tests.chaos.faults import Fault, schedule
from tests.chaos.inspection import Found, inspect
from tests.chaos.jars import jars_of
from tests.chaos.judge import Judge, Verdict
from tests.chaos.network import sample_of_three, widen
from tests.chaos.on_call import OnCall
from tests.chaos.publisher import Publisher
from tests.chaos.reading import Court, committed_records, in_order
from tests.chaos.scene import Say, Scene, applied
from tests.chaos.soundness import Skip, settlements, skips, unsettled
from tests.chaos.workload import Workload
from tests.kafka.stage import sample

SETTLES_S = 180.0
"""Without any progress, after the last fault."""
PAGE_CACHE = (
    "A broker that is killed keeps its page cache: this is the death of processes, not a loss of power."
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run is to be; `rate` bounds the events published in a second.

    `councils` are added to the sample to make claims as wide as the UK's, `rounds` is how often each fault strikes that is
    not counted by itself, and `only` picks some of those. `kafka` is "" for the version that Instep runs, or "4.3.1".
    """

    events: int
    worker_kills: int
    broker_kills: int
    zombies: int
    seed: int
    rate: int
    short: bool = False
    brokers: int = 3
    kafka: str = ""
    rounds: int = 1
    councils: int = 0
    only: tuple[Fault, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a run was, and what the judge found.

    `found` is the cluster at the end; `skipped` are markers that brokers left out, `stops` the sentences of lanes that
    stood for them, `settled_by` what was decided then, and `settlements` those that lanes made by themselves.
    """

    plan: Plan
    kafka: str
    conductor: Conductor
    verdict: Verdict
    settled: bool
    found: Found
    skipped: tuple[Skip, ...]
    settlements: int
    stops: tuple[str, ...]
    settled_by: tuple[str, ...]
    seconds: float
    restarts: int
    interruptions: int

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each thing went wrong, in records and in the cluster."""
        wrong = self.conductor.wrong
        return {
            **self.verdict.counts,
            **{name: count + wrong[name] for name, count in self.found.counts.items()},
            "unsettled": len(unsettled(self.skipped, self.found.hanging)),
        }

    @property
    def clean(self) -> bool:
        return not any(self.counts.values()) and self.settled

    def as_json(self) -> str:
        """For results/latest.json."""
        counts = self.conductor.counts
        told: dict[str, Any] = {
            "events": self.plan.events,
            "brokers": self.plan.brokers,
            "kafka": self.kafka,
            "worker_kills": counts[Fault.WORKER_KILL] + counts[Fault.WIPED],
            "broker_kills": counts[Fault.BROKER_KILL],
            "zombies": counts[Fault.ZOMBIE],
            **self.counts,
            "seed": self.plan.seed,
            "seconds": round(self.seconds),
            "settled": self.settled,
            "faults": {fault.name.lower(): counts[fault] for fault in Fault},
            "markers_skipped": len(self.skipped),
            "settled_by_lanes": self.settlements,
            "lanes_that_stood": list(self.stops),
            "settled_by_command": list(self.settled_by),
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
            ("markers that brokers skipped", len(self.skipped)),
            ("settlements by lanes themselves", self.settlements),
            ("lanes that stood for a transaction that hung", len(self.stops)),
            *((f"judged: {what}", number) for what, number in self.verdict.judged.items()),
            *self.counts.items(),
        ]
        examples = [f"  {kind}: {one}" for kind, found in self.verdict.examples.items() for one in found]
        return "\n".join(
            [
                f"seed {self.plan.seed}, {self.plan.events} events, {self.plan.brokers} broker(s) of Kafka {self.kafka},"
                f" {self.seconds:.0f} s",
                *(f"  {name:72} {number:9,}" for name, number in rows),
                *examples,
                *([f"  {self.found}"] if any(self.found.counts.values()) else []),
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
    async with _stage(plan, home, say) as scene:
        faults = _faults(plan, scene.crew)
        conductor = Conductor(scene, faults)
        on_call = OnCall(scene.connection, scene.crew, say)
        for member in scene.crew.wanted:
            await member.ready(300.0)
        if not scene.crew.can_fill_disks:
            say("no disk will be full: this user may not mount one to fill")
        say(f"{time.monotonic() - began:7.1f} s  ready; {len(faults)} faults to come")
        watch = asyncio.create_task(on_call.run())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(scene.publisher.run())
            tasks.create_task(conductor.run())
        say(f"{time.monotonic() - began:7.1f} s  all is published; waiting until it has come through")
        settled = await conductor.settled(SETTLES_S)
        found = await inspect(scene.connection)
        restarts = sum(member.starts for member in scene.crew.members)
        watch.cancel()
        say(f"{time.monotonic() - began:7.1f} s  judging")
        scene.crew.end()
        await scene.cluster.whole()
        verdict = await _judge(scene)
        all_topics = await _topics(scene.connection)
        return Report(
            plan=plan,
            kafka=scene.cluster.kafka,
            conductor=conductor,
            verdict=verdict,
            settled=settled,
            found=found,
            skipped=tuple(skip for node in scene.cluster.nodes for skip in skips(node.text(), all_topics)),
            settlements=sum(len(settlements(member.text())) for member in scene.crew.members),
            stops=tuple(on_call.stops),
            settled_by=tuple(on_call.settled),
            seconds=time.monotonic() - began,
            restarts=restarts,
            interruptions=scene.publisher.interruptions,
        )


def _faults(plan: Plan, crew: Crew) -> list[Fault]:
    return schedule(
        plan.seed,
        worker_kills=plan.worker_kills,
        broker_kills=plan.broker_kills,
        zombies=plan.zombies,
        brokers=plan.brokers,
        rounds=plan.rounds,
        disks=crew.can_fill_disks,
        short=plan.short,
        only=plan.only,
    )


@contextlib.asynccontextmanager
async def _stage(plan: Plan, home: Path, say: Say) -> AsyncIterator[Scene]:
    """The brokers, the sample network applied, and workers under a supervisor; all gone afterwards."""
    catalogue = load_catalogue(default_directory())
    cluster = Cluster(home, plan.brokers, jars_of(plan.kafka))
    connection = Connection(bootstrap_servers=cluster.bootstrap_servers, security_protocol="PLAINTEXT")
    crew = Crew(connection, home)
    directory = sample_of_three(home) if plan.brokers > 1 else sample(home)
    widen(directory, plan.councils)
    supervisor: asyncio.Task[None] | None = None
    try:
        await cluster.start()
        # The workload needs the network, and the scene applies it.
        await applied(connection, directory, catalogue, say)
        workload = Workload(plan.seed, catalogue, await read_network(connection))
        scene = Scene(
            cluster=cluster,
            crew=crew,
            publisher=Publisher(connection, workload, plan.events, plan.rate),
            workload=workload,
            directory=directory,
            connection=connection,
            catalogue=catalogue,
            random=random.Random(plan.seed + 1),
            say=say,
        )
        await scene.apply()
        supervisor = asyncio.create_task(crew.supervise())
        yield scene
    finally:
        if supervisor is not None:
            supervisor.cancel()
        crew.end()
        cluster.kill_all()


async def _judge(scene: Scene) -> Verdict:
    network = await read_network(scene.connection)
    judge = Judge(scene.history)
    schemas = scene.catalogue.bind(network.schemas)
    court = Court(judge, schemas, scene.publisher.planted, scene.anew)
    outboxes, *others = in_order(await _topics(scene.connection))
    court.bring_deleted()
    async for record in committed_records(scene.connection, outboxes):
        court.bring(record)
    judge.confirmed(scene.publisher.event_ids)
    for topics in others:
        async for record in committed_records(scene.connection, topics):
            court.bring(record)
    return judge.verdict()


async def _topics(connection: Connection) -> list[str]:
    async with AIOKafkaConsumer(**connection.kafka()) as consumer:
        return sorted(topic for topic in await consumer.topics() if not topic.startswith("__"))
