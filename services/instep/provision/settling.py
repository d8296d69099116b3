"""The end of `instep.network`: whether readers reach it, and how `apply` makes it so.

A transaction without an end hides what follows it from every reader, and services stand still. `apply` meets two kinds:

- An earlier `apply` was frozen or killed. Kafka aborts what that left open when this one claims its transactional id.
- Kafka answered a commit or an abort, and the marker was never written (Kafka 4.3 and 4.4, where the partition had no leader
  at that moment). The next marker of the same producer ends that too, whichever way.

So `settle` runs after the claim, before the cluster is read: what still hangs is ended by a transaction that is aborted.
Abort is right whichever way the earlier one was to end. No reader has seen any of its records, the `apply` that wrote them
has told nobody of success, and this one plans from what readers see and writes everything that differs. Were the earlier
records to become visible later instead, with this one's marker, they would lie among records that were planned without
them: a generation that no directory ever held.
"""

import asyncio
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from instep.errors import NetworkError
from instep.kafka.connection import Connection
from instep.kafka.follow import TOPIC, network_consumer
from instep.network.topics import NETWORK

MARKER_WITHIN_S = 10.0
"""Kafka answers a commit first and writes its marker afterwards; one that has not come by then never will."""
OTHERS_WITHIN_S = 45.0
"""What a transaction of another id may take to end: an `apply`'s limit, and Kafka's next look for what is over it."""
SETTLED = b"settled"
"""The key of the record that carries our abort marker; no reader ever sees it."""

_POLL_S = 0.02


async def settle(connection: Connection, writer: AIOKafkaProducer) -> None:
    """Return once readers reach the topic's end. `writer` has claimed its id and has no transaction open.

    Raises NetworkError when they do not: then another program holds a transaction open.
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
    """Whether readers reach this end within so many seconds: a commit is answered before its marker is there."""
    async with network_consumer(connection) as consumer:
        until = time.monotonic() + within
        while await _end_for(consumer) < end:
            if time.monotonic() >= until:
                return False
            await asyncio.sleep(_POLL_S)
        return True


async def _end(connection: Connection) -> int:
    """The topic's end, whatever is open before it."""
    async with network_consumer(connection, isolation_level="read_uncommitted") as consumer:
        return await _end_for(consumer)


async def _end_for(consumer: AIOKafkaConsumer) -> int:
    return int((await consumer.end_offsets([TOPIC]))[TOPIC])
