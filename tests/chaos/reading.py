"""What lies in the topics, decoded and brought before the judge: outboxes first, then the register, then the rest."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from instep.cluster.connection import Connection
from instep.events.catalogue import Schema
from instep.events.framing import unframe
from instep.lanes.processor import Record
from tests.chaos.judge import Hostile, Judge

REGISTER = "instep.disclosures"

Planted = Mapping[tuple[str, bytes, bytes], str]
"""Why a record is to be refused, by source, key and value."""


class Court:
    """Brings records before the judge; the order of the calls matters and is the caller's."""

    def __init__(self, judge: Judge, schemas: Mapping[int, Schema], planted: Planted) -> None:
        self._judge = judge
        self._schemas = schemas
        self._planted = planted

    def bring(self, record: Record) -> None:
        """One record of any topic that a run writes."""
        owner, kind, *purpose = record.topic.split(".")
        value = record.value or b""
        if kind == "outbox":
            reason = self._planted.get((owner, record.key or b"", value))
            if reason is not None:
                self._judge.published(owner, record.offset, "", Hostile(reason=reason))
            else:
                schema, datum = self._read(value)
                self._judge.published(owner, record.offset, schema.name, datum)
        elif kind == "inbox":
            headers = {name: told.decode() for name, told in record.headers}
            key = (record.key or b"").decode()
            self._judge.delivered(owner, purpose[0], key, headers, self._read(value)[1])
        elif kind == "rejected":
            self._judge.rejected(owner, self._read(value)[1])
        elif kind == "outcomes":
            for entry in self._read(value)[1]["entries"]:
                self._judge.answered(owner, entry)
        else:
            self._judge.disclosed(self._read(value)[1])

    def _read(self, value: bytes) -> tuple[Schema, dict[str, Any]]:
        framed = unframe(value)
        assert framed is not None
        schema = self._schemas[framed[0]]
        return schema, schema.decode(framed[1])


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
