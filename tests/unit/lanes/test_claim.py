"""A claim gives everything back, whenever it ends, and writes no marker before the last commit is seen."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.producer.transaction_manager import TransactionState

from instep.kafka.log_ends import LogEnds
from instep.lanes import claim as module
from instep.lanes.claim import Claim
from instep.lanes.hanging import Hanging
from instep.lanes.producer import stop_producer
from instep.lanes.unconfirmed import Unconfirmed

CHANGELOG, INBOX = TopicPartition("instep.router.state", 0), TopicPartition("leeds.inbox.council-tax", 0)


class Producer:
    """A producer whose broker is away: nobody can stop the producer in time, and sending is tried again and again."""

    def __init__(self) -> None:
        self._txn_manager = SimpleNamespace(state=TransactionState.IN_TRANSACTION)
        self._sender = SimpleNamespace(sender_task=asyncio.create_task(self._send()))
        self.client = SimpleNamespace(close=self._close)
        self.stopping = asyncio.Event()
        self._connected = asyncio.Event()
        self._connected.set()

    async def _send(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            async with asyncio.timeout(1.0):
                while self._connected.is_set():  # aiokafka waits for what is under way
                    await asyncio.sleep(0.01)

    async def _close(self) -> None:
        self._connected.clear()

    async def stop(self) -> None:
        self.stopping.set()
        await asyncio.Event().wait()


def claim_of(producer: object, **settings: Any) -> Claim:
    """An opened claim, of a producer and a state made by hand."""
    claim = Claim.__new__(Claim)
    claim._producer = cast(AIOKafkaProducer, producer)
    claim._directory = Path("nowhere")
    claim._ready = None
    claim._patience = 5.0
    claim.__dict__.update(settings)
    return claim


async def test_a_producer_that_cannot_be_stopped_sends_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instep.lanes.producer._STOP_SECONDS", 0.1)
    producer = Producer()
    await stop_producer(cast(AIOKafkaProducer, producer))
    assert producer._sender.sender_task.done()


async def test_a_claim_that_is_cut_off_while_it_closes_gives_its_directory_back() -> None:
    producer = Producer()
    closed: list[bool] = []
    claim = claim_of(producer, state=SimpleNamespace(close=lambda: closed.append(True)))
    closing = asyncio.create_task(claim.close())
    await producer.stopping.wait()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert closed == [True]
    assert producer._sender.sender_task.done()


async def test_no_marker_is_written_before_the_last_commit_is_seen_in_the_changelog(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[str] = []
    stable = {CHANGELOG: 4}

    async def settle(*_: object, **__: object) -> None:
        order.append("settled")

    async def ask(partitions: object) -> dict[TopicPartition, int]:
        order.append("asked")
        stable[CHANGELOG] += 1
        return stable

    monkeypatch.setattr(module, "settle", settle)
    ready = asyncio.ensure_future(asyncio.sleep(0))
    await ready  # of the transaction before
    hanging = Hanging()
    unconfirmed = Unconfirmed(CHANGELOG, hanging)
    unconfirmed.committed({CHANGELOG: 6, INBOX: 9}, {})
    hanging.observe(INBOX, 7, 9, -1_000.0)
    claim = claim_of(
        object(),
        unconfirmed=unconfirmed,
        _ends=cast(LogEnds, SimpleNamespace(stable=ask)),
        _changelog=SimpleNamespace(partition=CHANGELOG, lane=0),
        _ready=ready,
    )
    await claim.settle_what_hangs()
    assert order == ["asked", "asked", "settled"]
