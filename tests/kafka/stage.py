"""A stage for tests of the journey: a Kafka of its own, a network applied to it, and real workers of the services.

    outbox -> intake -> hub -> router -> inboxes, disclosures, outcomes;   refusals -> rejected

Every record of an outbox ends in its source's `rejected` or in its `outcomes`, so a test waits for that and never for time.
"""

import asyncio
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord

from instep.catalogue.files import default_directory, load_catalogue
from instep.events.decoding import Decoder, Sound
from instep.events.schema import Catalogue
from instep.kafka.connection import Connection
from instep.kafka.follow import read_network
from instep.local.broker import Broker
from instep.network.network import Network
from instep.provision.apply import Applied, apply
from tests.brokers import borrowed
from tests.kafka.journey import Event, Events, Reader, header
from tests.kafka.services import Fleet, fleet

SAMPLE = Path(__file__).parents[2] / "deploy" / "network" / "sample"

Datum = dict[str, Any]
Pair = tuple[str, str]
"""An authority and a purpose."""
Identity = tuple[str, str, str]
"""Source, subject reference, event id."""


class Bus:
    """What has been read from every topic so far."""

    def __init__(self, events: Events, catalogue: Catalogue) -> None:
        self._events = events
        self._decoder = Decoder(catalogue, events.schemas)
        self.by_topic: dict[str, list[ConsumerRecord]] = defaultdict(list)
        self.disclosed: dict[Identity, list[Datum]] = defaultdict(list)
        self.accepted: dict[Identity, list[Datum]] = defaultdict(list)
        self.refused: dict[tuple[str, int], tuple[ConsumerRecord, Datum]] = {}
        """By source and offset in its outbox."""

    def take(self, record: ConsumerRecord) -> None:
        self.by_topic[record.topic].append(record)
        owner, _, kind = record.topic.partition(".")
        match kind:
            case "disclosures":
                self.disclosed[_identity(datum := self._events.read(record))].append(datum)
            case "outcomes":
                for entry in self._events.read(record)["entries"]:
                    self.accepted[owner, entry["subject_ref"], entry["event_id"]].append(entry)
            case "rejected":
                datum = self._events.read(record)
                self.refused[owner, datum["outbox_offset"]] = record, datum

    @property
    def inboxes(self) -> list[ConsumerRecord]:
        """Every record of every inbox."""
        return [one for topic, records in self.by_topic.items() if ".inbox." in topic for one in records]

    @property
    def outboxes(self) -> list[ConsumerRecord]:
        """Every record of every outbox."""
        return [
            one for topic, records in self.by_topic.items() if topic.endswith(".outbox") for one in records
        ]

    def event_in(self, record: ConsumerRecord) -> Datum | None:
        """The event of an outbox's record, None where its bytes hold none."""
        decoded = self._decoder.decode(record.value)
        return decoded.event if isinstance(decoded, Sound) else None

    def waiting(self) -> list[ConsumerRecord]:
        """Records of outboxes that have come to no end yet."""
        return [record for record in self.outboxes if not self.ended(record)]

    def ended(self, record: ConsumerRecord) -> bool:
        """Whether this record of an outbox has been refused, or its source told that it was accepted."""
        if (owner_of(record), record.offset) in self.refused:
            return True
        event = self.event_in(record)
        return (
            event is not None and _identity(event["header"] | {"source": owner_of(record)}) in self.accepted
        )

    # -- what was said of one event

    def disclosure(self, event: Event) -> Datum:
        """The one disclosure of an event."""
        (disclosure,) = self.disclosed[_key(event)]
        return disclosure

    def decisions(self, event: Event) -> dict[Pair, Datum]:
        """The entries of its disclosure."""
        return {(one["authority"], one["purpose"]): one for one in self.disclosure(event)["decisions"]}

    def results(self, event: Event) -> dict[Pair, str]:
        """Its entries in a word: the reason where it was withheld or withdrawn, "delivered" otherwise."""
        return {pair: one["reason"] or one["result"].lower() for pair, one in self.decisions(event).items()}

    def deliveries(self, event: Event) -> dict[Pair, ConsumerRecord]:
        """What lies of it in inboxes; fails where one holds it twice."""
        found: dict[Pair, ConsumerRecord] = {}
        for record in self.inboxes:
            if header(record, "ce_id") == event.event_id:
                assert pair_of(record) not in found, "delivered twice"
                found[pair_of(record)] = record
        return found

    def outcome(self, event: Event) -> Datum:
        """What its source was told, once."""
        (entry,) = self.accepted[_key(event)]
        return entry

    def refusal(self, source: str, offset: int) -> Datum:
        """Why the record at this offset of the source's outbox was refused."""
        return self.refused[source, offset][1]

    def read(self, record: ConsumerRecord) -> Datum:
        return self._events.read(record)


def pair_of(inbox: ConsumerRecord) -> Pair:
    """Whose inbox, for which purpose."""
    authority, _, purpose = inbox.topic.split(".")
    return authority, purpose


def owner_of(record: ConsumerRecord) -> str:
    """The authority that a tenant's topic belongs to."""
    return str(record.topic).partition(".")[0]


def _identity(datum: Mapping[str, Any]) -> Identity:
    return datum["source"], datum["subject_ref"], datum["event_id"]


def _key(event: Event) -> Identity:
    return event.source, event.subject_ref, event.event_id


@dataclass(frozen=True, kw_only=True)
class Stage:
    """`network` is the directory that was applied: edit it and `apply` again."""

    home: Path
    network: Path
    broker: Broker
    catalogue: Catalogue
    connection: Connection
    events: Events
    fleet: Fleet

    async def apply(self) -> Applied:
        """Apply the network's directory as it is now."""
        return await apply(self.connection, self.network, self.catalogue)

    async def network_now(self) -> Network:
        """The network as services read it."""
        return await read_network(self.connection)

    async def topics(self) -> Sequence[str]:
        """The names of all topics, Kafka's own included."""
        async with AIOKafkaConsumer(**self.connection.kafka()) as consumer:
            return sorted(await consumer.topics())

    async def bus(self, seconds: float = 30.0) -> Bus:
        """All that lies in any topic, once each record that is in an outbox now has come to its end.

        A repeat comes to an end of which nothing tells: publish another event of its subject behind it.
        """
        bus = Bus(self.events, self.catalogue)
        async with Reader(self.connection, await self.topics()) as reader:
            for record in await reader.to_the_end():
                bus.take(record)
            waiting = bus.waiting()
            try:
                async with asyncio.timeout(seconds):
                    while waiting := [record for record in waiting if not bus.ended(record)]:
                        for record in await reader.more(0.1):
                            bus.take(record)
            except TimeoutError:
                raise AssertionError(self._said(waiting)) from None
            # The last transaction was seen in one topic: its markers reach the others on their own.
            seen = len(reader.records)
            for record in (await reader.to_the_end())[seen:]:
                bus.take(record)
        return bus

    def _said(self, waiting: Sequence[ConsumerRecord]) -> str:
        tails = "\n\n".join(f"{worker.service}:\n{worker.tail()}" for worker in self.fleet.workers)
        return f"{len(waiting)} records of outboxes came to no end in time.\n\n{tails}"


@contextmanager
def opened(home: Path, network: Path, *services: str, **settings: str) -> Iterator[Stage]:
    """A stage in `home`, with the network of that directory and a worker for each of `services`, ready."""
    catalogue = load_catalogue(default_directory())
    with borrowed() as broker, fleet(broker.own_connection, home) as ours:
        for service in services:
            ours.start(service, **settings)
        # While they start: a service waits until there is a network.
        asyncio.run(apply(broker.own_connection, network, catalogue))
        ours.wait_until_ready()
        yield Stage(
            home=home,
            network=network,
            broker=broker,
            catalogue=catalogue,
            connection=broker.own_connection,
            events=Events(catalogue, asyncio.run(read_network(broker.own_connection))),
            fleet=ours,
        )


def sample(home: Path) -> Path:
    """A copy of the sample network, to be edited; its agreements stand as they did, whatever day it is."""
    network = shutil.copytree(SAMPLE, home / "network")
    today = datetime.now(UTC).date()
    for file in (network / "agreements").glob("*.toml"):
        text = re.sub(
            r"^review_by = .*",
            f"review_by = {today + timedelta(days=200)}",
            file.read_text(),
            flags=re.MULTILINE,
        )
        if file.stem == "licensed-premises":  # not in force yet
            text = re.sub(
                r"^effective_from = .*",
                f"effective_from = {today + timedelta(days=40)}",
                text,
                flags=re.MULTILINE,
            )
        file.write_text(text)
    return network


def edit(file: Path, *changes: tuple[str, str]) -> None:
    """Replace text in a file; fails where the text does not stand in it once."""
    text = file.read_text(encoding="utf-8")
    for before, after in changes:
        assert text.count(before) == 1, f"{before!r} stands {text.count(before)} times in {file.name}"
        text = text.replace(before, after)
    file.write_text(text, encoding="utf-8")
