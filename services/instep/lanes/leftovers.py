"""What a claim leaves behind for the next one in the same directory: its producer, and how the transaction before it ended.

`InitProducerId` wipes out the coordinator's memory of how a lane's last transaction ended. A claim that ends before it has
settled what hangs would take that knowledge with it. So a claim notes what it learnt, and the next claim goes by the note
if the coordinator knows of nothing that came after it.

The note serves readers too. An open transaction holds up every `read_committed` reader of the partitions that it wrote. The
next claim aborts it; but the group gives a dead worker's lanes away only when its session has timed out. A worker that takes
over the dead one's directory ends what is still open under the noted producer before it joins the group.
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
class Note:
    """A claim's producer, its id and epoch, and how the last transaction before it ended; None once nothing hangs."""

    transactional_id: str
    producer: tuple[int, int]
    last: LastTransaction | None


def producer_of(producer: AIOKafkaProducer) -> tuple[int, int]:
    """Its id and epoch."""
    manager = producer._txn_manager
    return int(manager.producer_id), int(manager.producer_epoch)


def write_note(directory: Path, note: Note) -> None:
    """Note this for the lane whose state is in `directory`."""
    last = note.last
    content = {
        "transactional_id": note.transactional_id,
        "producer": note.producer,
        "last": None if last is None else [last.state, sorted(last.partitions)],
    }
    directory.parent.mkdir(parents=True, exist_ok=True)
    _file(directory).write_text(json.dumps(content), encoding="utf-8")


def read_note(directory: Path) -> Note | None:
    """What the claim before noted; None where it noted nothing, or was cut off as it did."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        content = json.loads(_file(directory).read_text(encoding="utf-8"))
        producer_id, epoch = content["producer"]
        last = content["last"]
        partitions = frozenset(TopicPartition(topic, number) for topic, number in last[1]) if last else ()
        return Note(
            transactional_id=str(content["transactional_id"]),
            producer=(producer_id, epoch),
            last=LastTransaction(state=last[0], partitions=frozenset(partitions)) if last else None,
        )
    return None


def forget_note(directory: Path) -> None:
    """The claim has ended in order: nothing is open."""
    _file(directory).unlink(missing_ok=True)


async def end_leftovers(directory: Path, ends: LogEnds, connection: Connection) -> None:
    """End the transactions that the worker which had this directory before has left open; 10 s at most."""
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_SECONDS):
            for lane, note in list(_notes(directory)):
                last = await ends.last_transaction(note.transactional_id)
                if last.state == "Ongoing" and last.producer == note.producer:
                    _log.info("transaction left open is ended", transactional_id=note.transactional_id)
                    fence = await _fence(connection, note.transactional_id)
                    write_note(lane, Note(transactional_id=note.transactional_id, producer=fence, last=last))


def _notes(directory: Path) -> Iterator[tuple[Path, Note]]:
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
