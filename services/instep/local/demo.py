"""The demo: the whole journey of one network on a real Kafka, from councils' files to other councils' inboxes, and judged.

It has a platform of its own in a directory of its own, so that it disturbs no `instep up`; it begins with nothing, and
unless it is told to leave it up, it ends with nothing running, whatever happened. What it reports comes from the topics.

A slow machine makes the demo late and nothing else: every wait goes on while something moves (`standstill`), and nothing is
judged before all that was decided can be read.
"""

import asyncio
import logging
import shutil
import threading
import time
from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from instep.adapters import Memory, Settings, read
from instep.client.filing import Filing, LineResult
from instep.client.publisher import Gate, Publisher, publishing
from instep.client.reader import Item, Reader, reading
from instep.cluster.apply import apply
from instep.cluster.connection import Connection
from instep.cluster.follow import read_network
from instep.events.catalogue import Catalogue
from instep.local import evidence, java
from instep.local.broker import Broker
from instep.local.calendar import moved_on
from instep.local.exports import Expectation, Export, Exporter, Exports, expectations
from instep.local.guards import Attempt, Suspension, attempts, suspend
from instep.local.metrics import Exposition
from instep.local.platform import Platform
from instep.local.ports import free_ports
from instep.local.process import Process, interrupts_held
from instep.local.progress import Progress, silent
from instep.local.report import Check, Evidence, Expected, Identity, judge
from instep.local.services import Service, start_services
from instep.local.settled import all_dealt_with, disclosures_of, partitions_of, rejected_of
from instep.local.standstill import STILL_S, Standstill, patiently
from instep.network import topics
from instep.network.days import today_in_london
from instep.network.network import Network
from instep.network.postcodes import Postcodes

AT_ONCE = 24
"""Councils that publish at the same time."""
MOVES = {"uk": ("moves.csv",), "sample": ("moves.csv", "sample-moves.csv")}
LEFT = ("kafka", "state", "publishers", "exports", "logs")
"""What a demo leaves in its directory."""
REGISTRATIONS = "food-registrations.json"
# A broker that lives for a minute or two: Java's second compiler would work for longer than it saves.
JVM = (*java.QUICK, *java.SMALL_HEAP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Where the demo finds things and works. `root` is the repository, `directory` all that the demo leaves."""

    root: Path
    directory: Path
    postcodes: Path

    @property
    def data(self) -> Path:
        """The sample data."""
        return self.root / "deploy" / "demo"

    def network(self, name: str) -> Path:
        """The network's directory."""
        return self.root / "deploy" / "network" / name


@dataclass(kw_only=True, slots=True)
class Journey:
    """What the demo has come to."""

    network: Network
    services: Sequence[Service] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, Counter[str]] = field(default_factory=dict)
    """Outcomes of lines by the file they come from."""
    by_council: dict[str, Counter[str]] = field(default_factory=dict)
    held_back: Counter[str] = field(default_factory=Counter)
    """Published lines by a field that they have and no agreement of their council names: it did not leave the council."""
    faulty: list[tuple[str, LineResult]] = field(default_factory=list)
    redated: int = 0
    moved_on: int = 0
    """Days by which the agreements' dates were moved on."""
    evidence: Evidence = field(
        default_factory=lambda: Evidence(said=[], refusals=[], disclosed=[], received=[])
    )
    checks: list[Check] = field(default_factory=list)
    pair: tuple[Item, Item] | None = None
    """One event in the outbox, and as somebody received it."""
    metrics: dict[str, Exposition] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    suspension: Suspension | None = None

    @property
    def broker_log(self) -> Path:
        """What the broker says."""
        return self.services[0].platform.logs / f"{Broker.name}.log"

    def supervise(self) -> None:
        """Start services again that have ended; raises PlatformError when one keeps ending."""
        for service in self.services:
            service.supervise()

    @property
    def holds(self) -> bool:
        """Whether everything adds up, the broker refused what it should, and the suspension held."""
        added_up = all(check.holds for check in self.checks)
        refused = all(attempt.holds for attempt in self.attempts)
        return added_up and refused and (self.suspension is None or self.suspension.holds)


@contextmanager
def demo(name: str, paths: Paths, tell: Progress = silent, *, keep: bool = False) -> Iterator[Journey]:
    """The journey, with everything up while the caller looks at it; then everything is ended, unless it is to be kept.

    Raises PlatformError, NotConnectedError or NetworkError; then too everything has been ended.
    """
    platform = Platform(paths.directory, jvm=JVM)
    stop_demo(paths.directory, tell)
    kept = False
    try:
        with _cleared(paths.directory):
            yield _run(name, paths, platform, tell)
        kept = keep
    finally:
        if not kept:
            _end_whatever_comes(platform, tell)


def stop_demo(directory: Path, tell: Progress = silent) -> list[str]:
    """End what an earlier demo has left up; returns the names of what was ended."""
    return _end(Platform(directory), tell) if directory.exists() else []


def _end_whatever_comes(platform: Platform, tell: Progress) -> None:
    """A second Ctrl-C may come before the first has got here."""
    try:
        with interrupts_held():
            _end(platform, tell)
    except (KeyboardInterrupt, SystemExit):
        with interrupts_held():
            _end(platform, tell)
        raise


def _end(platform: Platform, tell: Progress) -> list[str]:
    """End the services together, then the broker at once: nobody needs its records, and closing 2,200 logs takes long."""
    running = [one for one in reversed(platform.records.all()) if one.alive()]
    services = [one for one in running if one.name != Broker.name]
    if services:
        tell(f"ending {' and '.join(one.name for one in services)}")
        with ThreadPoolExecutor() as pool:
            pool.map(Process.stop, services)
    for broker in (one for one in running if one.name == Broker.name):
        broker.kill()
    platform.down(tell)  # and whatever has not ended yet
    return [one.name for one in running]


@contextmanager
def _cleared(directory: Path) -> Iterator[None]:
    """Without an earlier demo's data. Thousands of topics take a disk seconds to forget: that goes on beside the work."""
    old = directory / f"old-{time.time_ns()}"
    old.mkdir(parents=True)
    for name in LEFT:
        if (directory / name).exists():
            (directory / name).rename(old / name)
    clearing = threading.Thread(target=_clear, args=(directory,), name="clear the last demo", daemon=True)
    clearing.start()
    yield
    clearing.join()


def _clear(directory: Path) -> None:
    """What an interrupted demo has not got to is taken along."""
    for old in directory.glob("old-*"):
        shutil.rmtree(old, ignore_errors=True)


def _run(name: str, paths: Paths, platform: Platform, tell: Progress) -> Journey:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    began = time.monotonic()
    # The broker's logs, the postcodes and the services' imports can all be made ready beside each other.
    platform.up(free_ports(1)[0], tell)
    services = start_services(platform)
    connection = platform.connection()
    seconds = {"start": time.monotonic() - began}
    return asyncio.run(_journey(name, paths, connection, services, seconds, tell))


async def _journey(
    name: str,
    paths: Paths,
    connection: Connection,
    services: Sequence[Service],
    seconds: dict[str, float],
    tell: Progress,
) -> Journey:
    catalogue = Catalogue.load(Catalogue.default_directory())
    with _timed(seconds, "network"):
        tell(f"making the network {name}: topics, agreements, schemas")
        today = today_in_london(time.time_ns() // 1_000_000)
        directory = paths.directory / "exports" / "agreed"
        moved = moved_on(paths.network(name), directory, today)
        network = await _applied(connection, directory, catalogue, tell, services[0].platform)
    journey = Journey(network=network, services=services, seconds=seconds, moved_on=moved)
    with _timed(seconds, "services"):
        tell("waiting for intake and router")
        for service in services:
            await service.wait_until_ready(tell)
    with _timed(seconds, "publish"):
        press = _Press(journey, paths, connection, catalogue)
        expected = await press.publish(name, tell)
    schemas = catalogue.bind(network.schemas)
    async with reading(connection, schemas, patience_s=STILL_S) as reader:
        with _timed(seconds, "route"):
            published = sum(outcomes["published"] for outcomes in journey.lines.values())
            await all_dealt_with(reader, connection, journey.network, services, published, tell)
        with _timed(seconds, "read"):
            tell("reading every topic")
            await _read(reader, journey)
    journey.checks = judge(journey.evidence, expected)
    journey.metrics = {service.name: await service.metrics() for service in services}
    if journey.pair is not None:
        with _timed(seconds, "guards"):
            original, delivery = journey.pair
            source = original.topic.partition(".")[0]
            tell(f"{source} tries what it may not")
            journey.attempts = await attempts(connection, source, delivery.topic, journey.broker_log)
            tell("suspending an agreement")
            scratch = paths.directory / "exports" / "network"
            journey.suspension = await suspend(
                connection, directory, catalogue, network, original, delivery, scratch, services
            )
    return journey


async def _applied(
    connection: Connection, directory: Path, catalogue: Catalogue, tell: Progress, platform: Platform
) -> Network:
    """Apply the network and read it back, again where an answer has not come: applying completes what was begun."""
    still = Standstill("the network to be applied", platform.logs / f"{Broker.name}.log")

    def doing(text: str, done: int = 0, total: int = 0) -> None:
        tell(text, done, total)
        still.look((text, done))

    await patiently(lambda: apply(connection, directory, catalogue, doing), still)
    return await patiently(lambda: read_network(connection), still)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        seconds[stage] = time.monotonic() - began


class _Press:
    """Publishes every council's exports, several councils at once, with the code of `instep publish`."""

    def __init__(self, journey: Journey, paths: Paths, connection: Connection, catalogue: Catalogue) -> None:
        self._journey = journey
        self._paths = paths
        self._connection = connection
        self._postcodes = Postcodes.open(paths.postcodes)
        self._gate = Gate(journey.network, catalogue)
        now = time.time_ns() // 1_000_000
        self._today = today_in_london(now)
        self._now = datetime.fromtimestamp(now / 1000, UTC)
        self._expected: dict[tuple[str, int], Expected] = {}
        self._done = 0

    async def publish(self, name: str, tell: Progress) -> list[Expected]:
        """Publish everything; returns whom each published line of moves is expected to concern."""
        tell("splitting the files into each council's own")
        exports = self._exports(name)
        self._journey.redated = exports.redated
        answers = {file: expectations(self._paths.data / _expected_of(file)) for file in MOVES[name]}
        councils = exports.by_authority
        at_once = asyncio.Semaphore(AT_ONCE)
        tell("publishing", 0, len(councils))
        async with publishing(self._connection, patience_s=STILL_S) as publisher:
            await publisher.find(councils)
            await _all(
                self._council(authority, own, answers, publisher, at_once, tell, len(councils))
                for authority, own in councils.items()
            )
        # In the order of the file: what a line corrects has come before it.
        return [self._expected[place] for place in sorted(self._expected)]

    def _exports(self, name: str) -> Exports:
        network = self._journey.network
        exporter = Exporter(self._paths.data, self._paths.directory / "exports", network, self._now)
        for file in MOVES[name]:
            exporter.moves(file, self._authority_of)
        exporter.registrations(REGISTRATIONS)
        return exporter.done()

    def _authority_of(self, postcode: str) -> str | None:
        authority = self._journey.network.by_gss.get(self._postcodes.gss(postcode) or "")
        return authority.id if authority else None

    async def _council(
        self,
        authority: str,
        exports: Sequence[Export],
        answers: Mapping[str, Mapping[int, Expectation]],
        publisher: Publisher,
        at_once: asyncio.Semaphore,
        tell: Progress,
        councils: int,
    ) -> None:
        async with at_once:
            # Each memory is made durable, which costs a disk some 20 ms: beside each other, not one after another.
            memory = await asyncio.to_thread(Memory.open, self._paths.directory / "publishers", authority)
            try:
                for export in exports:
                    await self._export(export, answers.get(export.source, {}), memory, publisher)
            finally:
                await asyncio.to_thread(memory.close)
        self._done += 1
        tell("publishing", self._done, councils)

    async def _export(
        self, export: Export, answers: Mapping[int, Expectation], memory: Memory, publisher: Publisher
    ) -> None:
        settings = Settings(
            today=self._today,
            known_postcode=lambda postcode: self._postcodes.gss(postcode) is not None,
        )

        def tell(result: LineResult) -> None:
            self._count(export, result)
            line = export.line_of(result.line)
            if result.outcome == "published" and line is not None and line in answers:
                self._expected[export.source, line] = self._expect(export, result, answers[line])

        lines = read(export.file, export.format, authority=export.authority, settings=settings)
        filing = Filing(lines=lines, authority=export.authority, gate=self._gate, memory=memory, tell=tell)
        await filing.publish(publisher)

    def _count(self, export: Export, result: LineResult) -> None:
        journey = self._journey
        journey.lines.setdefault(export.source, Counter())[result.outcome] += 1
        journey.by_council.setdefault(export.authority, Counter())[result.outcome] += 1
        journey.held_back.update(result.held_back)
        if result.outcome in ("refused", "review"):
            journey.faulty.append((export.place(result.line), result))

    def _expect(self, export: Export, result: LineResult, answer: Expectation) -> Expected:
        network = self._journey.network
        return Expected(
            place=export.place(result.line),
            identity=Identity(export.authority, result.subject_ref, result.event_id),
            concerned=self._in_force(answer.concerned),
            told_before=self._in_force(answer.told_before),
            always=frozenset(
                recipient
                for agreement in network.agreements_of(export.authority, "resident-moved")
                for share in agreement.events["resident-moved"]
                if share.when == "always"
                for recipient in agreement.recipients
            ),
        )

    def _in_force(self, authorities: frozenset[str]) -> frozenset[str]:
        """Those of the network, less bodies that are gone: nobody reads their inboxes, and their successors are named."""
        known = self._journey.network.authorities
        return frozenset(id for id in authorities if id in known and known[id].in_force(self._today))


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all of it at once; the first that fails ends the others, and its error is the one raised."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _expected_of(file: str) -> str:
    return file.replace(".csv", "-expected.csv")


async def _read(reader: Reader, journey: Journey) -> None:
    """Read every outbox, rejection, disclosure and inbox whole, and keep one delivery to show."""
    network = journey.network
    outboxes = {
        (item.topic, item.offset): item async for item in reader.read(partitions_of(topics.outboxes(network)))
    }
    refusals = [evidence.refusal(item) async for item in reader.read(rejected_of(network))]
    disclosed = [evidence.disclosed(item) async for item in reader.read(disclosures_of(network))]
    inboxes = [
        item
        async for item in reader.read(partitions_of(topics.inbox(*one) for one in topics.inboxes(network)))
    ]
    journey.evidence = Evidence(
        said=[evidence.said(item) for item in outboxes.values()],
        refusals=refusals,
        disclosed=disclosed,
        received=[evidence.received(item) for item in inboxes],
    )
    journey.pair = _to_show(list(outboxes.values()), inboxes)


def _to_show(said: Sequence[Item], received: Sequence[Item]) -> tuple[Item, Item] | None:
    """A move, delivered to another council: one of which much is withheld and much is told.

    Of those alike, it is always the same one, in whatever order the topics were read.
    """
    originals = {item.content["header"]["event_id"]: item for item in said if "header" in item.content}
    pairs = [
        (originals[item.content["header"]["event_id"]], item)
        for item in received
        if item.kind == "resident-moved" and not item.topic.startswith(f"{item.content['header']['source']}.")
    ]

    def worth(pair: tuple[Item, Item]) -> tuple[int, int, str, int, str]:
        original, delivery = pair
        before, after = (len(evidence.body(item)) for item in pair)
        return min(before - after, 4) * 100 + after, -before, original.topic, -original.offset, delivery.topic

    return max(pairs, key=worth, default=None)
