"""What the Kafka tests of the journey share: sound events in bulk, outboxes to write to, whole topics to read."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import ConsumerRecord

from instep.events.framing import frame, unframe
from instep.events.reader import decode
from instep.events.schema import Catalogue, Schema
from instep.events.writer import encode
from instep.kafka.connection import Connection
from instep.network.network import Network

OCCURRED = datetime.now(UTC).date() - timedelta(days=30)
"""When everything happened: within what the router remembers, whenever the tests are run."""
DAY = (OCCURRED - date(1970, 1, 1)).days
MILLIS = DAY * 86_400_000

Name = str


@dataclass(frozen=True)
class Event:
    """One event as it lies in the outbox of `source`, under the key `subject_ref`."""

    source: str
    subject_ref: str
    event_id: str
    sequence: int
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Events:
    """Makes events for a network that has been applied."""

    def __init__(self, catalogue: Catalogue, network: Network) -> None:
        self.network = network
        self.schemas = catalogue.bind(network.schemas)
        self._ids = {schema: number for number, schema in self.schemas.items()}
        self._moved = catalogue.events["resident-moved"].latest
        self._registered = catalogue.events["business-registered"].latest

    def moved(self, source: str, old: str, new: str, *, subject: str, sequence: int, **other: Any) -> Event:
        """A move from the area of `old` to that of `new`; `other` replaces header fields (`handling="PROTECTED"`, …)."""
        person = {"family_name": other.pop("family_name", "Example"), "given_names": "Alex"}
        body = self.move(old, new, person) | {"contact": {"email": f"{subject}@example.org"}}
        return self.of(self._moved, source, body, subject=subject, sequence=sequence, **other)

    def placed(self, source: str, new: str, *, subject: str, sequence: int, **other: Any) -> Event:
        """A household that `source` places in the area of `new`, with the notice of it."""
        person = {"family_name": "Example", "given_names": "Alex"}
        notice = {"applicant": person, "address": self.address(new), "made_available_on": DAY}
        body = self.move(source, new, person) | {"reason": "PLACEMENT", "placement": notice}
        return self.of(self._moved, source, body, subject=subject, sequence=sequence, **other)

    def move(self, old: str, new: str, person: Mapping[str, Any]) -> dict[str, Any]:
        """What every move says beneath its header."""
        return {
            "person": person,
            "old_address": self.address(old),
            "new_address": self.address(new),
            "moved_on": DAY,
            "residence": "MAIN",
            "reason": "MOVE",
            "status": "CONFIRMED",
        }

    def registered(self, source: str, at: str, *, subject: str, sequence: int, **other: Any) -> Event:
        """A shop registered with `source` that trades in the area of `at`."""
        body = {
            "registration_ref": f"REF-{subject}",
            "establishment": {"trading_names": ["Example Foods"], "address": self.address(at)},
            "status": "OPEN",
            "opened_on": DAY,
        }
        return self.of(self._registered, source, body, subject=subject, sequence=sequence, **other)

    def of(
        self,
        schema: Schema,
        source: str,
        body: Mapping[str, Any],
        /,
        *,
        subject: str,
        sequence: int,
        **other: Any,
    ) -> Event:
        """An event with this body beneath its header; `other` replaces fields of the header."""
        header = {
            "event_id": str(uuid.uuid4()),
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
        } | other
        value = self.framed(schema, {"header": header, **body})
        return Event(source, subject, str(header["event_id"]), sequence, value)

    def framed(self, schema: Schema, datum: dict[str, Any]) -> bytes:
        """The value of a record of this schema."""
        return frame(self._ids[schema], encode(schema, datum))

    def read(self, record: ConsumerRecord) -> dict[str, Any]:
        """A record's value, decoded."""
        framed = unframe(record.value)
        assert framed is not None
        return decode(self.schemas[framed[0]], framed[1])

    def address(self, authority: str) -> dict[str, Any]:
        gss = self.network.authorities[authority].gss
        return {
            "lines": ["1 Example Street"],
            "postcode": "AA1 1AA",
            "authority_gss": gss,
            "uprn": "999000000001",
        }


async def create_topics(connection: Connection, *names: str, partitions: int = 1) -> None:
    """Make topics that no network names, with the broker's own timestamps as `network apply` does."""
    config = {"message.timestamp.type": "LogAppendTime"}
    admin = AIOKafkaAdminClient(**connection.kafka())
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=config) for name in names])
    finally:
        await admin.close()


async def publish(
    connection: Connection, events: Iterable[Event], *, compression: str | None = None
) -> list[int]:
    """Write events to their sources' outboxes, in this order; returns their offsets there."""
    producer = AIOKafkaProducer(
        **connection.kafka(),
        linger_ms=5,
        max_batch_size=256 * 1024,
        enable_idempotence=True,
        compression_type=compression,
    )
    await producer.start()
    try:
        sent = [
            await producer.send(
                f"{event.source}.outbox",
                event.value,
                key=event.subject_ref.encode(),
                headers=list(event.headers),
            )
            for event in events
        ]
        return [metadata.offset for metadata in await asyncio.gather(*sent)]
    finally:
        await producer.stop()


class Reader:
    """Reads topics as any outside program would: `read_committed`, without a group, from their beginning."""

    def __init__(self, connection: Connection, topics: Sequence[str]) -> None:
        self.topics = topics
        self.records: list[ConsumerRecord] = []
        self._connection = connection
        self._consumer = AIOKafkaConsumer(
            **connection.kafka(),
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
        )

    async def __aenter__(self) -> "Reader":
        await self._consumer.start()
        # With one request: aiokafka would ask for one topic after the other.
        await self._consumer._client.set_topics(self.topics)
        partitions = [
            TopicPartition(topic, partition)
            for topic in self.topics
            for partition in sorted(self._consumer.partitions_for_topic(topic) or ())
        ]
        self._consumer.assign(partitions)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

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

    async def to_the_end(self, seconds: float = 30.0) -> list[ConsumerRecord]:
        """All records sent before this call, once every transaction that was open then has ended."""
        partitions = self._consumer.assignment()
        # Reads uncommitted, so that its ends lie behind open transactions too.
        async with AIOKafkaConsumer(**self._connection.kafka()) as other:
            await other._client.set_topics(self.topics)
            ends = await other.end_offsets(partitions)
        async with asyncio.timeout(seconds):
            for partition, end in ends.items():
                while await self._consumer.position(partition) < end:
                    await self.more(0.05)
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


def out_of_order(inboxes: list[ConsumerRecord], sequences: dict[str, int]) -> int:
    """Deliveries of a subject that came after a later one of it, in the same inbox."""
    highest: dict[tuple[str, bytes], int] = defaultdict(lambda: -1)
    late = 0
    for record in sorted(inboxes, key=lambda record: (record.topic, record.offset)):
        sequence = sequences[header(record, "ce_id")]
        late += sequence < highest[record.topic, record.key]
        highest[record.topic, record.key] = max(sequence, highest[record.topic, record.key])
    return late
