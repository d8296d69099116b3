"""Writes a note beside a lane's state for the lane's next claim, and ends the transactions that a dead worker left open.

A claim takes a lane from its earlier owners. Its `InitProducerId` wipes out the coordinator's memory of how the lane's last
transaction ended. Were the claim to end before it has settled hanging transactions (those without an end marker), nobody
would know any more. So a claim writes down its producer and how the last transaction ended. The next claim in the same
directory goes by the note if the coordinator knows of nothing later.

The note serves readers too. An open transaction holds up every `read_committed` reader of the partitions with its
records, until the next claim aborts it. But the group gives a dead worker's lanes to others only when the session has
timed out. So a worker that starts in the directory of a dead worker ends the open transactions of the noted
producers, before it joins the group.

The decision: `services/decisions/001-claims-that-prove-what-they-build-on.md`.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from instep.kafka.connection import Connection
from instep.kafka.log_ends import LastTransaction, LogEnds

_log = structlog.get_logger("instep.lanes")

_SECONDS = 10.0
_SUFFIX = ".producer"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimNote:
    """A claim's producer (id and epoch), and how the last transaction before the claim ended; None once nothing hangs."""

    transactional_id: str
    producer: tuple[int, int]
    last: LastTransaction | None


def producer_of(producer: AIOKafkaProducer) -> tuple[int, int]:
    """The producer's id and epoch."""
    manager = producer._txn_manager
    return int(manager.producer_id), int(manager.producer_epoch)


def write_note(directory: Path, note: ClaimNote) -> None:
    """Write the note for the lane whose state is in `directory`."""
    last = note.last
    document = {
        "transactional_id": note.transactional_id,
        "producer": note.producer,
        "last": None if last is None else [last.state, sorted(last.partitions)],
    }
    directory.parent.mkdir(parents=True, exist_ok=True)
    _file(directory).write_text(json.dumps(document), encoding="utf-8")


def read_note(directory: Path) -> ClaimNote | None:
    """The note of the claim before; None where there is no note, or only part of a note."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        document = json.loads(_file(directory).read_text(encoding="utf-8"))
        producer_id, epoch = document["producer"]
        last = document["last"]
        partitions = frozenset(TopicPartition(topic, number) for topic, number in last[1]) if last else ()
        return ClaimNote(
            transactional_id=str(document["transactional_id"]),
            producer=(producer_id, epoch),
            last=LastTransaction(state=last[0], partitions=frozenset(partitions)) if last else None,
        )
    return None


def forget_note(directory: Path) -> None:
    """Remove the note: the claim has ended in order, and nothing is open."""
    _file(directory).unlink(missing_ok=True)


async def end_leftovers(directory: Path, ends: LogEnds, connection: Connection) -> None:
    """End the transactions that the last worker in this directory has left open; takes 10 s at most."""
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_SECONDS):
            for lane, note in list(_notes(directory)):
                last = await ends.last_transaction(note.transactional_id)
                if last.state == "Ongoing" and last.producer == note.producer:
                    _log.info("transaction left open is ended", transactional_id=note.transactional_id)
                    fence = await _fence(connection, note.transactional_id)
                    write_note(
                        lane, ClaimNote(transactional_id=note.transactional_id, producer=fence, last=last)
                    )


def _notes(directory: Path) -> Iterator[tuple[Path, ClaimNote]]:
    for file in sorted(directory.glob(f"*{_SUFFIX}")):
        lane = file.with_suffix("")
        if (note := read_note(lane)) is not None:
            yield lane, note


async def _fence(connection: Connection, transactional_id: str) -> tuple[int, int]:
    producer = AIOKafkaProducer(**connection.kafka(), transactional_id=transactional_id)
    try:
        await producer.start()
        return producer_of(producer)
    finally:
        await producer.stop()


def _file(directory: Path) -> Path:
    return directory.with_suffix(_SUFFIX)
