"""Makes the transactional producer of a lane (one share of the partitions), and stops the producer for certain when the
worker gives the lane up.
"""

import asyncio
from contextlib import suppress

from aiokafka import AIOKafkaProducer
from aiokafka.producer.transaction_manager import TransactionState

from instep.lanes.settings import LaneSettings
from instep.lanes.transaction import BATCH_BYTES

_REQUEST_BYTES = 4 << 20
_STOP_SECONDS = 2.0
_SILENCE_SECONDS = 0.5


def make_producer(settings: LaneSettings, transactional_id: str) -> AIOKafkaProducer:
    """The producer of a lane, not connected yet. `start` sends InitProducerId, which fences every earlier owner."""
    return AIOKafkaProducer(
        **settings.connection.kafka(),
        transactional_id=transactional_id,
        transaction_timeout_ms=int(settings.transaction_timeout * 1000),
        linger_ms=0,
        max_batch_size=BATCH_BYTES,
        max_request_size=_REQUEST_BYTES,
    )


async def stop_producer(producer: AIOKafkaProducer) -> bool:
    """Whether the producer ended in order, with no transaction open. In any case the producer sends nothing more."""
    in_order = producer._txn_manager.state is TransactionState.READY
    try:
        await asyncio.wait_for(producer.stop(), _STOP_SECONDS)
    except Exception:  # noqa: BLE001  # the producer is fenced, or the broker is away: nothing to save
        return False
    finally:
        await _silence(producer)
    return in_order


async def _silence(producer: AIOKafkaProducer) -> None:
    """End the task that sends, which aiokafka leaves running where `stop` is given up.

    The task would go on trying to commit, and might succeed after the next claim has asked how the transaction ended and
    before that claim's fence.
    """
    sender = producer._sender.sender_task
    if sender is None or sender.done():
        return
    sender.cancel()  # from here on the task only waits for what is under way
    with suppress(Exception):
        await asyncio.wait_for(producer.client.close(), _SILENCE_SECONDS)
    await asyncio.wait([sender], timeout=_SILENCE_SECONDS)
    sender.cancel()
