"""Reads what an authority may know of an event from its own topics, for `why` and `why_received`.

Nothing here reads the hub. A record is decoded only where its key or its bytes name the subject or the event, so that a
month's topics are looked through in seconds.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from instep.client.council import Council
from instep.client.decisions import EventOutcome, outcome_of
from instep.client.reader import Item, Reader
from instep.client.why_evidence import Answered, Evidence, NetworkRefusal, Published
from instep.client.why_received import InboxRecord, InboxRecordKind, Positions
from instep.kafka.connection import connecting
from instep.network import topics

_ANSWERS = ("RECEIPT", "OVERDUE")


async def subjects_of(at: Council, reader: Reader, event_id: str) -> frozenset[str]:
    """The subjects of an event in the council's outbox: one, or none where the outbox does not hold the event."""
    if only_purpose(at):
        return frozenset()
    named = event_id.encode()
    items = _chosen(reader, [at.outbox()], lambda record: named in (record.value or b""))
    return frozenset(
        [
            published.subject_ref
            async for item in items
            if (published := published_of(item)).event_id == event_id
        ]
    )


async def evidence_of(at: Council, reader: Reader, subjects: Collection[str]) -> Evidence:
    """What the council's outbox, refusals and outcomes say of some subjects."""
    if not subjects:
        return Evidence(authority=at.authority)
    keys = {subject.encode() for subject in subjects}
    published = [
        published_of(item)
        async for item in _chosen(reader, [at.outbox()], lambda record: (record.key or b"") in keys)
    ]
    if not published:
        return Evidence(authority=at.authority)
    outcomes, answered = await _outcomes(at, reader, published)
    return Evidence(
        authority=at.authority,
        published=published,
        refusals=await _refusals(at, reader, published),
        outcomes=outcomes,
        answered=answered,
    )


def published_of(item: Item) -> Published:
    """A record of an outbox."""
    header: Mapping[str, Any] = item.content.get("header", {})
    return Published(
        offset=item.offset,
        at=_iso(item),
        event_id=str(header.get("event_id", "")),
        subject_ref=str(header.get("subject_ref", item.key or "")),
        event_type=item.kind,
        change_kind=str(header.get("change_kind", "")),
        replaces=str(header.get("replaces") or ""),
        synthetic=bool(header.get("synthetic", False)),
    )


async def _refusals(at: Council, reader: Reader, published: Sequence[Published]) -> dict[int, NetworkRefusal]:
    offsets = {record.offset for record in published}
    refusals: dict[int, NetworkRefusal] = {}
    async for item in _chosen(reader, [at.rejected()], lambda record: True):
        offset = item.content.get("outbox_offset")
        if offset in offsets:
            refusals[int(offset)] = NetworkRefusal(
                offset=int(offset),
                at=_iso(item),
                reason=str(item.content["reason"]),
                fields=tuple(item.content.get("fields", ())),
            )
    return refusals


async def _outcomes(
    at: Council, reader: Reader, published: Sequence[Published]
) -> tuple[dict[str, EventOutcome], dict[str, list[Answered]]]:
    ids = {record.event_id for record in published if record.event_id}
    named = [id.encode() for id in ids]
    outcomes: dict[str, EventOutcome] = {}
    answered: dict[str, list[Answered]] = {}
    async for item in _chosen(
        reader, [at.outcomes()], lambda record: any(id in (record.value or b"") for id in named)
    ):
        for entry in item.content.get("entries", ()):
            id = str(entry.get("event_id", ""))
            if id in ids and entry["kind"] == "ACCEPTED":
                outcomes.setdefault(id, outcome_of(entry))
            elif id in ids and entry["kind"] in _ANSWERS:
                answered.setdefault(id, []).append(_answered(entry))
    return outcomes, answered


def _answered(entry: Mapping[str, Any]) -> Answered:
    return Answered(
        authority=str(entry.get("authority", "")),
        purpose=str(entry.get("purpose", "")),
        outcome=str(entry.get("outcome") or entry["kind"]),
        at=str(entry.get("at", "")),
    )


def only_purpose(at: Council) -> str:
    """The purpose of a service that signs in for one purpose alone, and may read its inbox and nothing else; else ""."""
    user = at.connection.sasl_username or ""
    return user.removeprefix(f"{at.authority}.") if user.startswith(f"{at.authority}.") else ""


def inboxes_of(at: Council) -> list[TopicPartition]:
    """The inboxes that the council's user may read, none where the council receives under no agreement."""
    purposes = sorted(purpose for id, purpose in topics.inboxes(at.network) if id == at.authority)
    wanted = only_purpose(at)
    return [
        TopicPartition(topics.inbox(at.authority, purpose), 0)
        for purpose in purposes
        if wanted in ("", purpose)
    ]


async def inbox_records(
    reader: Reader, inboxes: Sequence[TopicPartition], event_id: str
) -> list[InboxRecord]:
    """The records of the inboxes that carry, replace or withdraw an event, in the order of each inbox."""
    named = event_id.encode()
    items = _chosen(reader, inboxes, lambda record: named in (record.value or b""))
    records = [record async for item in items if (record := _inbox_record(item, event_id)) is not None]
    return sorted(records, key=lambda record: (record.purpose, record.offset))


def _inbox_record(item: Item, event_id: str) -> InboxRecord | None:
    header = item.content.get("header", {})
    if item.kind == "withdrawal" and item.content["event_id"] == event_id:
        said = InboxRecordKind.WITHDRAWAL
    elif header.get("event_id") == event_id:
        said = InboxRecordKind.DELIVERY
    elif header.get("replaces") == event_id:
        said = InboxRecordKind.REPLACEMENT
    else:
        return None
    return InboxRecord(
        purpose=purpose_of(item.topic),
        offset=item.offset,
        at=_iso(item),
        said=said,
        event_id=str(header.get("event_id") or item.headers.get("ce_id", "")),
        source=(item.key or "").partition("/")[0],
        reason=str(item.content.get("reason", "")),
    )


def purpose_of(inbox: str) -> str:
    """The purpose of an inbox, by the name of its topic."""
    return inbox.partition(".inbox.")[2]


async def positions_of(at: Council, inboxes: Sequence[TopicPartition]) -> Mapping[str, Positions]:
    """By purpose: the positions of the council's own consumer groups; empty where the broker shows none.

    The broker shows a user the groups that the user may read: those under its own prefix.
    """
    admin = AIOKafkaAdminClient(**at.connection.kafka())
    positions: dict[str, dict[str, int]] = {}
    try:
        async with connecting(at.connection):
            await admin.start()
        for group, *_ in await admin.list_consumer_groups():
            if not group.startswith(f"{at.authority}."):
                continue
            offsets = await admin.list_consumer_group_offsets(group)
            for inbox in inboxes:
                if inbox in offsets and offsets[inbox].offset >= 0:
                    positions.setdefault(purpose_of(inbox.topic), {})[group] = offsets[inbox].offset
    except KafkaError:
        return {}  # a user that may read inboxes and no groups: nobody can tell, and the answer says so
    finally:
        await admin.close()
    return positions


async def _chosen(
    reader: Reader, partitions: Sequence[TopicPartition], wanted: Callable[[ConsumerRecord], bool]
) -> AsyncIterator[Item]:
    """The wanted records that are kept, decoded."""
    async for record in reader.records(partitions):
        if wanted(record):
            yield reader.decoded(record)


def _iso(item: Item) -> str:
    return item.at.isoformat(timespec="seconds").replace("+00:00", "Z")
