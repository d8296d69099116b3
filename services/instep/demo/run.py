"""Conducts the demo: starts Kafka and the services, publishes, waits, reads every topic, has the run judged, and ends all.

The demo has a platform of its own in a directory of its own, and so disturbs no `instep up`. The demo begins without
the data of an earlier demo.

A slow machine makes the demo late and nothing else. Every wait goes on while something moves (`local/standstill.py`), and
the judge (the module `report`) begins only when every decision can be read.
"""

import asyncio
import logging
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from instep.catalogue.files import default_directory, load_catalogue
from instep.client.reader import Item, Reader, reading
from instep.demo import evidence
from instep.demo.access_probes import attempts, suspend
from instep.demo.calendar import moved_on
from instep.demo.journey import Journey, Paths
from instep.demo.publishing import AT_ONCE, Press
from instep.demo.report import TopicEvidence, judge
from instep.demo.settled import all_dealt_with, disclosures_of, partitions_of, rejected_of
from instep.events.schema import Catalogue
from instep.kafka.connection import Connection
from instep.kafka.follow import read_network
from instep.local import java
from instep.local.broker import Broker
from instep.local.platform import Platform
from instep.local.ports import free_ports
from instep.local.process import Process, interrupts_held
from instep.local.progress import Progress, silent
from instep.local.services import LocalWorker, start_services
from instep.local.standstill import STILL_S, Standstill, patiently
from instep.network import topics
from instep.network.days import today_in_london
from instep.network.network import Network
from instep.provision.apply import apply

LEFT = ("kafka", "state", "publishers", "exports", "logs")
"""What a demo leaves in its directory."""
# A broker that lives for a minute or two: Java's second compiler would work for longer than it saves.
JVM = (*java.QUICK, *java.SMALL_HEAP)


@contextmanager
def demo(name: str, paths: Paths, tell: Progress = silent, *, keep: bool = False) -> Iterator[Journey]:
    """Run the journey. Everything stays up while the caller looks at the result, and ends afterwards unless `keep` is set.

    Raises PlatformError, NotConnectedError or NetworkError, once everything has ended.
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
    """End the processes that an earlier demo has left up; returns their names."""
    return _end(Platform(directory), tell) if directory.exists() else []


def _end_whatever_comes(platform: Platform, tell: Progress) -> None:
    """End the platform, even if a second Ctrl-C comes meanwhile."""
    try:
        with interrupts_held():
            _end(platform, tell)
    except (KeyboardInterrupt, SystemExit):
        with interrupts_held():
            _end(platform, tell)
        raise


def _end(platform: Platform, tell: Progress) -> list[str]:
    """End the services together, then the broker at once: nobody needs its records, and closing 2,200 logs takes long."""
    running = [process for process in reversed(platform.records.all()) if process.alive()]
    services = [process for process in running if process.name != Broker.name]
    if services:
        tell(f"ending {' and '.join(process.name for process in services)}")
        with ThreadPoolExecutor() as pool:
            pool.map(Process.stop, services)
    for broker in (process for process in running if process.name == Broker.name):
        broker.kill()
    platform.down(tell)  # and whatever has not ended yet
    return [process.name for process in running]


@contextmanager
def _cleared(directory: Path) -> Iterator[None]:
    """Move an earlier demo's data aside, and delete the data beside the work: thousands of topics take a disk seconds."""
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
    """Remove the data of earlier demos, interrupted ones included."""
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
    services: Sequence[LocalWorker],
    seconds: dict[str, float],
    tell: Progress,
) -> Journey:
    # Each council's memory is made durable, which costs a disk some 20 ms: beside each other, not one after another.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE))
    catalogue = load_catalogue(default_directory())
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
        press = Press(journey, paths, connection, catalogue)
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
    """Apply the network and read it back. Without an answer, apply again: a second apply completes the first."""
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
        async for item in reader.read(partitions_of(topics.inbox(*pair) for pair in topics.inboxes(network)))
    ]
    journey.evidence = TopicEvidence(
        said=[evidence.said(item) for item in outboxes.values()],
        refusals=refusals,
        disclosed=disclosed,
        received=[evidence.received(item) for item in inboxes],
    )
    journey.pair = _to_show(list(outboxes.values()), inboxes)


def _to_show(said: Sequence[Item], received: Sequence[Item]) -> tuple[Item, Item] | None:
    """A move that was delivered to another council, with many fields shared and many withheld.

    The choice does not depend on the order in which the topics were read.
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
