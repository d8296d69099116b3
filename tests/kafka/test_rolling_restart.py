"""New councils join and every worker is restarted, one by one, while events flow: nothing crashes, nothing is lost."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from aiokafka import AIOKafkaProducer

from tests.kafka.journey import Event, Reader, out_of_order
from tests.kafka.services import Worker
from tests.kafka.stage import Bus, Pair, Stage, edit, opened, owner_of, pair_of, sample
from tests.strain import strain

COUNCILS = ("camden", "croydon", "lambeth")
SUBJECTS = 5
"""Of each council."""
PAUSE = 0.03
"""Seconds between two events of the flow."""
STOPS_WITHIN = 5.0

FIRST = "wakefield,Wakefield Council,E08000036,metropolitan,,1974-04-01,,\n"
SECOND = "kirklees,Kirklees Council,E08000034,metropolitan,,1974-04-01,,\n"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp("rolling")
    # Two of each, and so few records at once that each is always in the middle of something.
    services = ("intake", "router", "intake", "router")
    with opened(home, sample(home), *services, INSTEP_POLL_RECORDS="20") as stage:
        yield stage


@dataclass
class Flow:
    """Moves among councils, each published by the gaining council; `councils` may grow meanwhile."""

    stage: Stage
    councils: list[str] = field(default_factory=lambda: list(COUNCILS))
    published: list[tuple[Event, str]] = field(default_factory=list)
    """Each event, and the council moved from."""

    async def __aenter__(self) -> "Flow":
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        async with AIOKafkaProducer(**self.stage.connection.kafka(), enable_idempotence=True) as producer:
            while True:
                event, _ = self._next()
                await producer.send(f"{event.source}.outbox", event.value, key=event.subject_ref.encode())
                await asyncio.sleep(PAUSE)

    def _next(self) -> tuple[Event, str]:
        number = len(self.published)
        turn, at = divmod(number, len(self.councils))
        source = self.councils[at]
        old = self.councils[(at + 1 + turn % (len(self.councils) - 1)) % len(self.councils)]
        event = self.stage.events.moved(
            source, old, source, subject=f"{source}-{turn % SUBJECTS}", sequence=number
        )
        self.published.append((event, old))
        return self.published[-1]


async def join(stage: Stage, newcomer: str, version: int) -> int:
    """Add an authority (a line of authorities.csv) and make it a party of the council-tax agreement."""
    name = newcomer.partition(",")[0]
    with (stage.network / "authorities.csv").open("a", encoding="utf-8") as file:
        file.write(newcomer)
    approval = f'approved = [\n    {{ authority = "{name}", by = "SIRO", on = 2026-03-02 }},'
    edit(
        stage.network / "agreements" / "council-tax.toml",
        (f"version = {version - 1}", f"version = {version}"),
        ("\nsources = [", f'\nsources = [\n    "{name}",'),
        ("\nrecipients = [", f'\nrecipients = [\n    "{name}",'),
        ("\napproved = [", f"\n{approval}"),
    )
    applied = await stage.apply()
    stage.events.network = await stage.network_now()
    assert stage.events.network.generation == applied.generation
    return applied.generation


async def all_follow(workers: list[Worker], generation: int) -> None:
    """Return when every worker is ready and follows this generation."""
    until = time.monotonic() + 60
    for worker in workers:
        shown = f'instep_network_generation{{service="{worker.service}"}} {generation}.0'
        while (why := worker.not_ready_because()) is not None or shown not in worker.get("/metrics"):
            runs(worker)
            assert time.monotonic() < until, f"{worker.service}: {why or shown}\n{worker.tail()}"
            await asyncio.sleep(0.05)


def runs(worker: Worker) -> None:
    """The worker has not ended by itself, now or before."""
    assert worker.exit_code is None, worker.tail()
    assert "stopping on the unexpected" not in worker.log.read_text()


async def restart(worker: Worker) -> float:
    """Stop the worker as an orchestrator does, and start another; returns the seconds of stopping, without the strain."""
    runs(worker)
    took = (await asyncio.to_thread(worker.stop)) / strain()
    assert worker.exit_code == 0, worker.tail()
    worker.start()
    return took


async def joined(stage: Stage, council: str, seconds: float = 60.0) -> float:
    """Seconds until its outbox is read (its own moves are delivered to others), and until its inbox is filled."""
    began = time.monotonic()
    inboxes = [f"{authority}.inbox.council-tax" for authority in (*COUNCILS, council)]
    async with asyncio.timeout(seconds), Reader(stage.connection, inboxes) as reader:
        while not (
            any(
                owner_of(record) != council and record.key.startswith(f"{council}/".encode())
                for record in reader.records
            )
            and any(owner_of(record) == council for record in reader.records)
        ):
            await reader.more()
    return time.monotonic() - began


async def test_councils_join_and_workers_restart_one_by_one_while_events_flow(stage: Stage) -> None:
    workers = stage.fleet.workers
    async with Flow(stage) as flow:
        await joined(stage, "camden")
        generation = await join(stage, FIRST, 3)
        await all_follow(workers, generation)
        flow.councils.append("wakefield")
        print(f"wakefield has joined, without a restart, {await joined(stage, 'wakefield'):.1f} s later")

        stops = []
        for number, worker in enumerate(workers):
            stops.append(await restart(worker))
            if number == 0:
                # While it starts, so that workers know different topics: it the newcomer's, the others not yet.
                generation = await join(stage, SECOND, 4)
            await asyncio.to_thread(worker.wait_until_ready)
            await all_follow(workers, generation)
            if number == 0:
                flow.councils.append("kirklees")
        await joined(stage, "kirklees")
    bus = await stage.bus()
    print(f"{len(flow.published)} events; stopping took {', '.join(f'{took:.1f}' for took in stops)} s")
    assert max(stops) < STOPS_WITHIN
    for worker in workers:
        runs(worker)
    judge(bus, flow.published)


def judge(bus: Bus, published: list[tuple[Event, str]]) -> None:
    """Each event disclosed once; delivered once to either side, in order; nothing refused."""
    events = [event for event, _ in published]
    assert not bus.refused
    disclosed = {identity[2]: len(records) for identity, records in bus.disclosed.items()}
    assert disclosed == dict.fromkeys((event.event_id for event in events), 1)
    wanted: Counter[tuple[Pair, str]] = Counter(
        ((council, "council-tax"), event.event_id)
        for event, old in published
        for council in (event.source, old)
    )
    delivered = Counter((pair_of(record), dict(record.headers)["ce_id"].decode()) for record in bus.inboxes)
    assert len(wanted - delivered) == 0, "lost"
    assert len(delivered - wanted) == 0, "repeated, or sent to somebody else"
    sequences: Mapping[str, int] = {event.event_id: event.sequence for event in events}
    assert out_of_order(bus.inboxes, dict(sequences)) == 0
    newcomers = Counter(event.source for event in events)
    assert newcomers["wakefield"] > 20
    assert newcomers["kirklees"] > 20
