"""Writes a generation of the network to `instep.network` in one transaction, and waits until readers see the generation."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from instep.errors import NetworkError
from instep.kafka.connection import Connection
from instep.kafka.generations import GENERATION
from instep.network.topics import NETWORK
from instep.provision.plan import Plan
from instep.provision.settling import MARKER_WITHIN_S, settle, visible

T = TypeVar("T")

TRANSACTION_MS = 30_000
"""The longest that a transaction may stay open before Kafka aborts the transaction.

Every service waits for an open transaction, so Kafka has to abort the transaction of a frozen `apply` soon; and a busy
machine takes its time.
"""
_STARTED_WITHIN_S = 60.0
_WRITTEN_WITHIN_S = 300.0


@asynccontextmanager
async def network_writer(connection: Connection, transactional_id: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that has claimed the transactional id: Kafka fences every earlier producer with the same id."""
    writer = AIOKafkaProducer(
        transactional_id=transactional_id, transaction_timeout_ms=TRANSACTION_MS, **connection.kafka()
    )
    try:
        await _within(_STARTED_WITHIN_S, writer.start())
        yield writer
    finally:
        with suppress(TimeoutError):
            await _within(_STARTED_WITHIN_S, writer.stop())


async def settle_earlier(connection: Connection, writer: AIOKafkaProducer) -> None:
    """End the transactions that an earlier `apply` has left open (see `settling`)."""
    await _within(_WRITTEN_WITHIN_S, settle(connection, writer))


async def publish(connection: Connection, writer: AIOKafkaProducer, planned: Plan) -> None:
    """Write the plan's records and generation. Return once readers see them; raise NetworkError when they do not."""
    generation = {GENERATION: str(planned.generation).encode()}
    offset = await _within(_WRITTEN_WITHIN_S, _write(writer, {**planned.records, **generation}))
    if await visible(connection, offset + 1, MARKER_WITHIN_S):
        return
    # Kafka answered the commit but never wrote its marker. A second transaction with the same generation ends both.
    offset = await _within(_WRITTEN_WITHIN_S, _write(writer, generation))
    if not await visible(connection, offset + 1, MARKER_WITHIN_S):
        raise NetworkError(
            f"Generation {planned.generation} is committed, but a transaction in {NETWORK} that does not end hides it, and"
            " services wait: run this again, which ends what is left, or says what to do."
        )


async def _write(writer: AIOKafkaProducer, records: Mapping[str, bytes | None]) -> int:
    """Write the records in a single transaction; return the offset of the last."""
    async with writer.transaction():
        # One partition and one producer: the order of these calls is the order in the topic.
        sent: list[asyncio.Future[RecordMetadata]] = []
        try:
            for key, value in records.items():
                sent.append(await writer.send(NETWORK, value, key=key.encode(), partition=0))
        finally:
            # Where a later record cannot be sent, asyncio would log a traceback for each record before it.
            answers = asyncio.gather(*sent)
            answers.add_done_callback(_heeded)
        *_, last = await answers
    return int(last.offset)


def _heeded(answers: asyncio.Future[list[RecordMetadata]]) -> None:
    """Take note of a failure, which asyncio otherwise logs."""
    if not answers.cancelled():
        answers.exception()


async def _within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Wait for the work for at most so many seconds; raise TimeoutError after that.

    aiokafka looks for a transaction's coordinator without end. When cancelled, aiokafka looks for a coordinator again, to
    abort the transaction. So cancelled work is not awaited either.
    """
    task = asyncio.create_task(work)
    try:
        if not (await asyncio.wait({task}, timeout=seconds))[0]:
            raise TimeoutError
        return task.result()
    finally:
        task.cancel()
