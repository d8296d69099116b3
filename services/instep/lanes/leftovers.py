"""What a worker that died has left open is ended when its successor starts, and not when its session is over.

An open transaction holds up every `read_committed` reader of the partitions that it wrote. The next claim of its lane aborts
it; but the group gives the lane away only when the dead worker's session has timed out. So a claim notes in the state
directory which producer it has, and a worker that finds such a note, in the directory that it takes over, ends what is
still open under it. Nothing depends on that but the readers' time.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from instep.cluster.connection import Connection
from instep.lanes.log_ends import LogEnds

_log = structlog.get_logger("instep.lanes")

_SECONDS = 10.0
_SUFFIX = ".producer"


def note_producer(directory: Path, producer: AIOKafkaProducer) -> None:
    """Note the producer of the lane whose state is in `directory`."""
    manager = producer._txn_manager
    content = {
        "transactional_id": manager.transactional_id,
        "producer_id": manager.producer_id,
        "producer_epoch": manager.producer_epoch,
    }
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.with_suffix(_SUFFIX).write_text(json.dumps(content), encoding="utf-8")


def forget_producer(directory: Path) -> None:
    """The claim has ended in order: nothing is open."""
    directory.with_suffix(_SUFFIX).unlink(missing_ok=True)


async def end_leftovers(directory: Path, ends: LogEnds, connection: Connection) -> None:
    """End the transactions that the worker which had this directory before has left open; 10 s at most."""
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_SECONDS):
            for transactional_id, producer_id, epoch in list(_notes(directory)):
                last = await ends.last_transaction(transactional_id)
                if last.state == "Ongoing" and last.producer == (producer_id, epoch):
                    _log.info("transaction left open is ended", transactional_id=transactional_id)
                    await _fence(connection, transactional_id)


def _notes(directory: Path) -> Iterator[tuple[str, int, int]]:
    for file in sorted(directory.glob(f"*{_SUFFIX}")):
        with suppress(ValueError, KeyError, TypeError):  # cut off as its writer died
            content = json.loads(file.read_text(encoding="utf-8"))
            yield content["transactional_id"], content["producer_id"], content["producer_epoch"]
        file.unlink(missing_ok=True)


async def _fence(connection: Connection, transactional_id: str) -> None:
    producer = AIOKafkaProducer(**connection.kafka(), transactional_id=transactional_id)
    try:
        await producer.start()
    finally:
        await producer.stop()
