"""Tries on the running demo what the rules forbid: reading and writing others' topics, and sharing under a suspended
agreement.
"""

import asyncio
import re
import shutil
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from instep.client.publisher import Gate, Sendable, publishing
from instep.client.reader import Item, Reader, reading
from instep.errors import PlatformError
from instep.events.schema import Catalogue
from instep.kafka.connection import UNREACHABLE, Connection
from instep.kafka.follow import FRESH_MS
from instep.local.services import LocalWorker
from instep.local.standstill import STILL_S, Standstill, patiently
from instep.network import topics
from instep.network.network import Network
from instep.provision.apply import apply

_TRY_S = 20.0
"""How long one attempt may take. Without an answer there is no verdict, and the probe tries again."""
_POLL_S = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """An attempt of one principal, and the broker's answer. `expected` says whether the broker should allow the attempt."""

    who: str
    tried: str
    answer: str
    expected: bool

    @property
    def holds(self) -> bool:
        return self.answer == ("allowed" if self.expected else TopicAuthorizationFailedError.__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspension:
    """A suspended agreement, and the result for an event published `after_s` seconds after the suspension.

    The event may still reach other recipients under other agreements. The demo's counts leave the event out.
    """

    agreement: str
    event_id: str
    after_s: float
    generation: int
    generation_disclosed: int
    result: str

    @property
    def holds(self) -> bool:
        return self.result == "suspended" and self.generation_disclosed == self.generation


async def attempts(connection: Connection, source: str, inbox: str, log: Path) -> list[Attempt]:
    """The recipient reads its inbox. The source tries to read the same inbox, to write to the recipient's outbox, and to use
    topics of the hub.
    """
    recipient = inbox.partition(".")[0]
    tries: tuple[tuple[str, str, str, Callable[[Connection, str], Awaitable[None]], bool], ...] = (
        (recipient, "read", inbox, _read, True),
        (source, "read", inbox, _read, False),
        (source, "write to", topics.outbox(recipient), _write, False),
        (source, "write to", topics.EVENTS, _write, False),
        (source, "read", topics.DISCLOSURES, _read, False),
    )
    return [
        Attempt(
            who=who,
            tried=f"{verb} {topic}",
            answer=await _answer(
                partial(act, connection.signed_in_as(who), topic),
                Standstill(f"the broker's answer to {who}, who tries to {verb} {topic}", log),
            ),
            expected=expected,
        )
        for who, verb, topic, act, expected in tries
    ]


async def _answer(act: Callable[[], Awaitable[None]], still: Standstill) -> str:
    async def attempt() -> str:
        try:
            async with asyncio.timeout(_TRY_S):
                await act()
        except UNREACHABLE:
            raise
        except KafkaError as error:
            return type(error).__name__
        return "allowed"

    return await patiently(attempt, still)


async def _read(connection: Connection, topic: str) -> None:
    # aiokafka's `async with` leaves a consumer open that the broker turns away as it starts.
    consumer = AIOKafkaConsumer(topic, **connection.kafka(), auto_offset_reset="earliest")
    try:
        await consumer.start()
        await consumer.getone()
    finally:
        await consumer.stop()


async def _write(connection: Connection, topic: str) -> None:
    async with AIOKafkaProducer(**connection.kafka()) as producer:
        await producer.send_and_wait(topic, b"a forged event")


async def suspend(
    connection: Connection,
    directory: Path,
    catalogue: Catalogue,
    network: Network,
    original: Item,
    delivery: Item,
    scratch: Path,
    services: Sequence[LocalWorker],
) -> Suspension:
    """Suspend a delivery's agreement in a copy of the network's directory, and publish the same content as a new event.

    Publishing waits one second, or until every service follows the suspension where that takes longer.
    """
    agreement = delivery.headers["ce_instepagreements"].partition("@")[0]
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(directory, scratch)
    _mark_suspended(scratch / "agreements" / f"{agreement}.toml")
    source = original.topic.partition(".")[0]
    sendable = _again(Gate(network, catalogue), source, original)
    log = services[0].platform.logs / "broker.log"
    disclosures = [TopicPartition(topics.DISCLOSURES, lane) for lane in range(network.lanes)]
    async with reading(connection, catalogue.bind(network.schemas), patience_s=STILL_S) as reader:
        starts = await reader.ends(disclosures)
        applied = await patiently(
            lambda: apply(connection, scratch, catalogue), Standstill("the suspension to be applied", log)
        )
        began = time.monotonic()
        await _followed(services, applied.generation)
        # A router may decide by a generation for this long after it has confirmed the end of `instep.network`.
        await asyncio.sleep(max(0.0, FRESH_MS / 1000 - (time.monotonic() - began)))
        after = time.monotonic() - began
        async with publishing(connection.signed_in_as(source), patience_s=STILL_S) as publisher:
            await publisher.send(source, sendable, lambda _: None)
        disclosure = await _disclosure(reader, starts, sendable.event_id, services)
    recipient, _, purpose = delivery.topic.partition(".inbox.")
    return Suspension(
        agreement=agreement,
        event_id=sendable.event_id,
        after_s=round(after, 1),
        generation=applied.generation,
        generation_disclosed=disclosure["generation"],
        result=_result(disclosure, recipient, purpose),
    )


def _mark_suspended(file: Path) -> None:
    text = file.read_text("utf-8")
    text = re.sub(r'(?m)^status = "active"', 'status = "suspended"', text)
    raised = re.sub(r"(?m)^version = (\d+)", lambda match: f"version = {int(match[1]) + 1}", text)
    file.write_text(raised, "utf-8")


def _again(gate: Gate, source: str, original: Item) -> Sendable:
    """The same content as a new event, about another subject."""
    new = {
        "event_id": str(uuid.uuid4()),
        "subject_ref": f"demo-{uuid.uuid4().hex[:12]}",
        "change_kind": "NEW",
        "replaces": None,
    }
    plain = {**original.content, "header": {**original.content["header"], **new}}
    sendable = gate.admit(source, original.kind, plain, time.time_ns() // 1_000_000)
    if not isinstance(sendable, Sendable):
        raise PlatformError(f"An event that was accepted is refused when it is made anew: {sendable.reason}.")
    return sendable


async def _followed(services: Sequence[LocalWorker], generation: int) -> None:
    """Return when every service follows this generation of the network."""
    for service in services:
        still = Standstill(f"{service.name} to follow the suspension", service.log)
        while (await service.metrics()).total("instep_network_generation") < generation:
            still.look()
            service.supervise()
            await asyncio.sleep(_POLL_S)


async def _disclosure(
    reader: Reader, starts: Mapping[TopicPartition, int], event_id: str, services: Sequence[LocalWorker]
) -> Mapping[str, Any]:
    still = Standstill("the event after the suspension to be disclosed", services[-1].log)
    async for item in reader.follow(starts):
        if item is not None and item.content.get("event_id") == event_id:
            return item.content
        still.look()
        for service in services:
            service.supervise()
    raise PlatformError("The disclosures have come to an end.")  # `follow` has none


def _result(disclosure: Mapping[str, Any], recipient: str, purpose: str) -> str:
    """`delivered`, or why not."""
    entries = [entry for entry in disclosure["decisions"] if entry["authority"] == recipient]
    return next(
        (
            entry.get("reason") or str(entry["result"]).lower()
            for entry in entries
            if entry["purpose"] in (purpose, "")
        ),
        "nothing was decided about it",
    )
