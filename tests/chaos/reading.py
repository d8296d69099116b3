"""What lies in the topics, decoded and brought before the judge: outboxes first, then the register, then the rest."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from instep.events.framing import unframe
from instep.events.reader import decode
from instep.events.schema import Schema
from instep.kafka.connection import Connection
from instep.lanes.processor import Record
from tests.chaos.judge import Hostile, Judge

REGISTER = "instep.disclosures"

Planted = Mapping[tuple[str, bytes, bytes], str]
"""Why a record is to be refused, by source, key and value."""


_APART = 1 << 40
"""Between the offsets of an outbox and those of the next topic of its name, as the judge is given them."""


@dataclass
class Incarnations:
    """What one outbox held before records of it were deleted, and where it was made anew.

    Offsets begin again with each topic of the name. `rejected_ends` are the ends of the source's `rejected` topic at those
    moments, when all that was in the outbox was through: so a refusal belongs to the topic that it came after.
    """

    kept: list[tuple[int, Record]] = field(default_factory=list)
    rejected_ends: list[int] = field(default_factory=list)
    _seen: set[tuple[int, int]] = field(default_factory=set)

    @property
    def number(self) -> int:
        """Of the topic that is there now, from 0."""
        return len(self.rejected_ends)

    def keep(self, record: Record) -> None:
        """Keep a record that is about to be deleted, once."""
        if (self.number, record.offset) not in self._seen:
            self._seen.add((self.number, record.offset))
            self.kept.append((self.number, record))

    def has(self, record: Record) -> bool:
        """Whether this record of the present topic was kept."""
        return (self.number, record.offset) in self._seen

    def begin_next(self, rejected_end: int) -> None:
        """What follows is of a new topic."""
        self.rejected_ends.append(rejected_end)

    def of_refusal(self, offset: int) -> int:
        """The number of the topic that a refusal at this offset of `rejected` is about."""
        return sum(end <= offset for end in self.rejected_ends)


class Court:
    """Brings records before the judge; the order of the calls matters and is the caller's."""

    def __init__(
        self,
        judge: Judge,
        schemas: Mapping[int, Schema],
        planted: Planted,
        anew: Mapping[str, Incarnations] | None = None,
    ) -> None:
        self._judge = judge
        self._schemas = schemas
        self._planted = planted
        self._anew = anew or {}

    def bring_deleted(self) -> None:
        """What was deleted from outboxes once it was through; before everything else."""
        for held in self._anew.values():
            for number, record in held.kept:
                self._published(record, number)

    def bring(self, record: Record) -> None:
        """One record of any topic that a run writes."""
        owner, kind, *purpose = record.topic.split(".")
        value = record.value or b""
        held = self._anew.get(owner, Incarnations())
        if kind == "outbox":
            if not held.has(record):
                self._published(record, held.number)
        elif kind == "inbox":
            headers = {name: told.decode() for name, told in record.headers}
            key = (record.key or b"").decode()
            self._judge.delivered(owner, purpose[0], key, headers, self._read(value)[1])
        elif kind == "rejected":
            datum = self._read(value)[1]
            apart = _APART * held.of_refusal(record.offset)
            self._judge.rejected(owner, datum | {"outbox_offset": datum["outbox_offset"] + apart})
        elif kind == "outcomes":
            for entry in self._read(value)[1]["entries"]:
                self._judge.answered(owner, entry)
        else:
            self._judge.disclosed(self._read(value)[1])

    def _published(self, record: Record, number: int) -> None:
        owner = record.topic.partition(".")[0]
        value, offset = record.value or b"", record.offset + _APART * number
        reason = self._planted.get((owner, record.key or b"", value))
        if reason is not None:
            self._judge.published(owner, offset, "", Hostile(reason=reason))
        else:
            schema, datum = self._read(value)
            self._judge.published(owner, offset, schema.name, datum)

    def _read(self, value: bytes) -> tuple[Schema, dict[str, Any]]:
        framed = unframe(value)
        assert framed is not None
        schema = self._schemas[framed[0]]
        return schema, decode(schema, framed[1])


def in_order(topics: Sequence[str]) -> tuple[Sequence[str], ...]:
    """The topics that the judge is to see, in the order in which it has to."""
    kinds = (".outbox", ".rejected", ".outcomes")
    outboxes, rejected, outcomes = ([one for one in topics if one.endswith(kind)] for kind in kinds)
    inboxes = [one for one in topics if ".inbox." in one]
    hub = [one for one in outcomes if one.startswith("instep.")]
    return outboxes, [REGISTER], inboxes, [*rejected, *(one for one in outcomes if one not in hub)]


async def committed_records(connection: Connection, topics: Sequence[str]) -> AsyncIterator[Record]:
    """All that lies in the topics and is committed, each partition in its order."""
    async with (
        AIOKafkaConsumer(**connection.kafka(), isolation_level="read_committed") as consumer,
        AIOKafkaConsumer(**connection.kafka()) as other,
    ):
        # With one request: aiokafka would ask for one topic after the other.
        await consumer._client.set_topics(topics)
        partitions = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in sorted(consumer.partitions_for_topic(topic) or ())
        ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        await other._client.set_topics(topics)
        # Reads uncommitted, so that its ends lie behind open transactions too.
        waiting = {partition: end for partition, end in (await other.end_offsets(partitions)).items() if end}
        while waiting:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    yield record
            for partition in list(waiting):
                if await consumer.position(partition) >= waiting[partition]:
                    del waiting[partition]
