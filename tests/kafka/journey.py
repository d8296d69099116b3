"""What the Kafka tests of the journey share: sound events in bulk, outboxes to write to, whole topics to read."""

import asyncio
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import ConsumerRecord

from instep.cluster.connection import Connection
from instep.events.catalogue import Catalogue, Schema
from instep.events.framing import frame, unframe
from instep.network.network import Network

DAY = (date(2026, 10, 1) - date(1970, 1, 1)).days
MILLIS = DAY * 86_400_000

Name = str


@dataclass(frozen=True)
class Event:
    """One event as it lies in an outbox."""

    source: str
    subject_ref: str
    event_id: str
    sequence: int
    value: bytes


class Events:
    """Makes events for a network that has been applied."""

    def __init__(self, catalogue: Catalogue, network: Network) -> None:
        self.network = network
        self.schemas = catalogue.bind(network.schemas)
        self._ids = {schema.full_name: number for number, schema in self.schemas.items()}
        self._moved = catalogue.events["resident-moved"].latest

    def moved(self, source: str, old: str, new: str, *, subject: str, sequence: int, **other: Any) -> Event:
        """A move from the area of `old` to that of `new`; `other` replaces header fields (`handling="PROTECTED"`, …)."""
        event_id = str(other.pop("event_id", None) or uuid.uuid4())
        person = {"family_name": other.pop("family_name", "Example"), "given_names": "Alex"}
        datum = {
            "header": {
                "event_id": event_id,
                "source": source,
                "source_system": "test",
                "subject_ref": subject,
                "sequence": sequence,
                "change_kind": "NEW",
                "replaces": None,
                "occurred_on": DAY,
                "recorded_at": MILLIS,
                "published_at": MILLIS,
                "handling": "ORDINARY",
                "requested_by": None,
                "synthetic": False,
            }
            | other,
            "person": person,
            "old_address": self._address(old),
            "new_address": self._address(new),
            "moved_on": DAY,
            "residence": "MAIN",
            "reason": "MOVE",
            "status": "CONFIRMED",
            "contact": {"email": f"{subject}@example.org"},
        }
        return Event(source, subject, event_id, sequence, self.framed(self._moved, datum))

    def framed(self, schema: Schema, datum: dict[str, Any]) -> bytes:
        """The value of a record of this schema."""
        return frame(self._ids[schema.full_name], schema.encode(datum))

    def read(self, record: ConsumerRecord) -> dict[str, Any]:
        """A record's value, decoded."""
        framed = unframe(record.value)
        assert framed is not None
        return self.schemas[framed[0]].decode(framed[1])

    def _address(self, authority: str) -> dict[str, Any]:
        gss = self.network.authorities[authority].gss
        return {
            "lines": ["1 Example Street"],
            "postcode": "AA1 1AA",
            "authority_gss": gss,
            "uprn": "999000000001",
        }


async def create_topics(connection: Connection, *names: str, partitions: int = 1) -> None:
    """Make topics that no network names."""
    admin = AIOKafkaAdminClient(**connection.kafka())
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1) for name in names])
    finally:
        await admin.close()


async def publish(connection: Connection, events: Iterable[Event]) -> None:
    """Write events to their sources' outboxes, in this order."""
    producer = AIOKafkaProducer(
        **connection.kafka(), linger_ms=5, max_batch_size=256 * 1024, enable_idempotence=True
    )
    await producer.start()
    try:
        sent = [
            await producer.send(f"{event.source}.outbox", event.value, key=event.subject_ref.encode())
            for event in events
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


class Reader:
    """Reads topics as any outside program would: `read_committed`, without a group, from their beginning."""

    def __init__(self, connection: Connection, topics: Sequence[str]) -> None:
        self.topics = topics
        self.records: list[ConsumerRecord] = []
        self._consumer = AIOKafkaConsumer(
            **connection.kafka(),
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
        )

    async def __aenter__(self) -> "Reader":
        await self._consumer.start()
        partitions = [
            TopicPartition(topic, partition)
            for topic in self.topics
            for partition in await self._partitions(topic)
        ]
        self._consumer.assign(partitions)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def _partitions(self, topic: str) -> Sequence[int]:
        await self._consumer._client.add_topic(topic)
        await self._consumer._client._wait_on_metadata(topic)
        return sorted(self._consumer.partitions_for_topic(topic) or ())

    async def more(self, seconds: float = 0.2) -> list[ConsumerRecord]:
        """What has come since the last call, waiting at most this long for anything."""
        fetched = await self._consumer.getmany(timeout_ms=int(seconds * 1000))
        new = [record for records in fetched.values() for record in records]
        self.records += new
        return new

    async def until(self, count: int, seconds: float = 60.0) -> list[ConsumerRecord]:
        """All records, once there are `count`; fails when there are not by then."""
        async with asyncio.timeout(seconds):
            while len(self.records) < count:
                await self.more()
        return self.records

    async def settled(self, seconds: float = 2.0) -> list[ConsumerRecord]:
        """All records, once none has come for this long."""
        while await self.more(seconds):
            pass
        return self.records


async def read_all(connection: Connection, *topics: str, count: int = 0) -> list[ConsumerRecord]:
    """Every record of these topics once there are at least `count` and no more come."""
    async with Reader(connection, topics) as reader:
        await reader.until(count)
        return await reader.settled(1.0)


def header(record: ConsumerRecord, name: str) -> str:
    """A record's header, as text."""
    return next(str(value, "utf-8") for key, value in record.headers if key == name)
