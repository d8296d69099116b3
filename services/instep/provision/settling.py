"""Makes sure, before `apply` reads the cluster, that readers reach the end of `instep.network`.

A transaction without an end hides every later record from every reader, and services stand still. `apply` meets two kinds:

- An earlier `apply` was frozen or killed. When the present `apply` claims the transactional id, Kafka aborts the open
  transaction.
- Kafka answered a commit or an abort, but never wrote the marker (Kafka 4.3 and 4.4, where the partition had no leader at
  that moment). The next marker of the same producer ends that transaction too, as a commit or as an abort.

So `settle` runs after the claim of the id and before `apply` reads the cluster. If a transaction still hangs,
`settle` begins a second transaction and aborts it. The marker of the second ends both.

An abort is right however the earlier transaction was to end. No reader has seen its records, the `apply` that wrote them
has reported no success, and the present `apply` plans from the visible records and writes every difference. If a later
commit made the earlier records visible instead, they would lie among records that were planned without them: a generation
that no directory ever held.
"""

import asyncio
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from instep.errors import NetworkError
from instep.kafka.connection import Connection
from instep.kafka.follow import TOPIC, network_consumer
from instep.network.topics import NETWORK

MARKER_WITHIN_S = 10.0
"""Kafka answers a commit first and writes the marker afterwards. A marker that is later than this never comes."""
OTHERS_WITHIN_S = 45.0
"""How long a transaction of another id may take: the limit of an `apply`, and the time until Kafka next enforces limits."""
SETTLED = b"settled"
"""The key of the record in the transaction that `settle` aborts; no reader ever sees the record."""

_POLL_S = 0.02


async def settle(connection: Connection, writer: AIOKafkaProducer) -> None:
    """Return once readers reach the topic's end. `writer` has claimed its id and has no transaction open.

    Raises NetworkError where another program holds a transaction open.
    """
    end = await _end(connection)
    if await visible(connection, end, MARKER_WITHIN_S):
        return
    await writer.begin_transaction()
    await writer.send_and_wait(NETWORK, None, key=SETTLED, partition=0)
    await writer.abort_transaction()
    began = time.monotonic()
    if not await visible(connection, await _end(connection), OTHERS_WITHIN_S):
        raise NetworkError(
            f"A transaction of another program in {NETWORK} has not ended in {time.monotonic() - began:.0f} s, and services"
            f" wait for it: find it with Kafka's `kafka-transactions.sh describe-producers --topic {NETWORK} --partition 0`,"
            " stop that program or abort its transaction, then run this again."
        )


async def visible(connection: Connection, end: int, within: float) -> bool:
    """Whether readers reach this offset within so many seconds: Kafka answers a commit before it writes the marker."""
    async with network_consumer(connection) as consumer:
        until = time.monotonic() + within
        while await _end_for(consumer) < end:
            if time.monotonic() >= until:
                return False
            await asyncio.sleep(_POLL_S)
        return True


async def _end(connection: Connection) -> int:
    """The topic's end, records of open transactions included."""
    async with network_consumer(connection, isolation_level="read_uncommitted") as consumer:
        return await _end_for(consumer)


async def _end_for(consumer: AIOKafkaConsumer) -> int:
    return int((await consumer.end_offsets([TOPIC]))[TOPIC])
