"""Every hostile record, over a real Kafka: each is refused once, for its reason; nobody dies of it, and the next arrives.

Batches too: a small one that unpacks to gigabytes, and one that only Java can unpack.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from instep.events.decoding import Decoder, Sound
from tests.hostile.batches import CODECS, batch, bomb, compressed, send
from tests.hostile.cases import SOURCE, Case, Record, cases, sound
from tests.kafka.journey import Reader, header
from tests.kafka.stage import Stage, opened, sample

OUTBOX, REJECTED = f"{SOURCE}.outbox", f"{SOURCE}.rejected"
BOMBS: Mapping[str, int] = {"snappy": 20 << 20, "lz4": 200 << 20, "gzip": 400 << 20, "zstd": (2 << 30) - 100}
"""Bytes that a batch of each codec unpacks to; with snappy and lz4 no batch that the topic takes holds more."""
MOST_MEMORY = 400 << 20
"""Bytes. A worker at rest takes 80 MiB; one that unpacked what is sent here took 4.4 GiB."""


@dataclass(kw_only=True)
class Sent:
    """What lies in the outbox, by offset: why it is to be refused, or None where it is sound."""

    reasons: dict[int, str | None] = field(default_factory=dict)
    values: dict[int, bytes] = field(default_factory=dict)
    to_java_alone: list[str] = field(default_factory=list)
    """Batches that the broker took, though nothing but Java unpacks them."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What came of it."""

    sent: Sent
    rejected: list[tuple[int, str]]
    accepted: Counter[str]
    """How often the source was told of each event id."""
    ids: dict[int, str]
    delivered: set[str]
    processes: list[tuple[int, int | None]]
    """Of each worker: its process id at the start, and its exit code at the end."""
    memory: int


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    home = tmp_path_factory.mktemp("hostile")
    with opened(home, sample(home), "intake", "router") as stage:
        yield asyncio.run(journey(stage))


async def journey(stage: Stage) -> Ended:
    number = {schema.full_name: number for number, schema in stage.events.schemas.items()}
    pids = [worker.pid for worker in stage.fleet.workers]
    now = int(time.time() * 1000)
    with watched(pids) as memory:
        made = cases(number.__getitem__, now)
        *before, last = sound(number.__getitem__, now, count=2 * len(CODECS) + 1)
        sent = Sent()
        await _send_cases(stage, made, sent)
        await _send_batches(stage, before, sent)
        await _send(stage, [(last, None)], sent)
        records = await _until_all_ended(stage, sent, last)
    decoder = Decoder(stage.catalogue, stage.events.schemas)
    decoded = {offset: decoder.decode(value) for offset, value in sent.values.items()}
    rejections = [stage.events.read(one) for one in records if one.topic == REJECTED]
    outcomes = [stage.events.read(one) for one in records if one.topic == f"{SOURCE}.outcomes"]
    return Ended(
        sent=sent,
        rejected=sorted((one["outbox_offset"], one["reason"]) for one in rejections),
        accepted=Counter(entry["event_id"] for one in outcomes for entry in one["entries"]),
        ids={at: one.event["header"]["event_id"] for at, one in decoded.items() if isinstance(one, Sound)},
        delivered={header(one, "ce_id") for one in records if ".inbox." in one.topic},
        processes=list(zip(pids, (worker.exit_code for worker in stage.fleet.workers), strict=True)),
        memory=memory[0],
    )


async def _send_cases(stage: Stage, made: list[Case], sent: Sent) -> None:
    for case in made:
        both = [(case.neighbour, None), (case.hostile, case.reason)]
        await _send(stage, both, sent) if case.by == "router" else await _send(stage, both[::-1], sent)


async def _send(stage: Stage, records: list[tuple[Record, str | None]], sent: Sent) -> None:
    async with AIOKafkaProducer(**stage.connection.kafka()) as producer:
        for record, reason in records:
            put = await producer.send_and_wait(
                OUTBOX, record.value, key=record.key, headers=list(record.headers)
            )
            sent.reasons[put.offset] = reason
            if reason is None:
                assert record.value is not None
                sent.values[put.offset] = record.value


async def _send_batches(stage: Stage, records: list[Record], sent: Sent) -> None:
    """For each codec a sound batch of two events, a bomb, and what is sound to Java alone, if the broker takes it."""
    for place, codec in enumerate(CODECS):
        two = records[2 * place : 2 * place + 2]
        good = compressed(codec, [(one.key, one.value) for one in two])
        at = await send(stage.connection, OUTBOX, good, 2)
        for offset, one in enumerate(two, start=at):
            assert one.value is not None
            sent.reasons[offset], sent.values[offset] = None, one.value
        at = await send(stage.connection, OUTBOX, bomb(codec, BOMBS[codec], b"key"), 1)
        sent.reasons[at] = "oversize"
        for name, packed in (("garbage behind it", good[61:] + b"garbage"), ("its end missing", good[61:-4])):
            try:
                at = await send(stage.connection, OUTBOX, batch(packed, 2, CODECS[codec]), 2)
            except KafkaError:
                pass  # kept out by the broker itself
            else:
                sent.reasons |= {at: "bad-framing", at + 1: "bad-framing"}
                sent.to_java_alone.append(f"{codec} with {name}")


async def _until_all_ended(stage: Stage, sent: Sent, last: Record) -> list[ConsumerRecord]:
    """All records but the outboxes' (a plain reader would die of them), once each of those has come to its end."""
    topics = [topic for topic in await stage.topics() if not topic.endswith(".outbox")]
    refused = sum(reason is not None for reason in sent.reasons.values())
    key = b"%s/%s" % (SOURCE.encode(), last.key)
    found = (0, False)
    async with Reader(stage.connection, topics) as reader:
        try:
            async with asyncio.timeout(60):
                while (found := _count(reader.records, key)) != (refused, True):
                    await reader.more(0.1)
        except TimeoutError:
            tails = "\n".join(worker.tail() for worker in stage.fleet.workers)
            raise AssertionError(
                f"{found} and not {refused} refused, and the last delivered.\n{tails}"
            ) from None
        return await reader.to_the_end()


def _count(records: list[ConsumerRecord], key: bytes) -> tuple[int, bool]:
    """How many were refused, and whether the event of this key has been delivered."""
    inbox = f"{SOURCE}.inbox.council-tax"
    refused = sum(one.topic == REJECTED for one in records)
    return refused, any(one.topic == inbox and one.key == key for one in records)


@contextmanager
def watched(pids: list[int]) -> Iterator[list[int]]:
    """The most memory that any of these processes has held, looked at fifty times a second."""
    most, done = [0], threading.Event()

    def watch() -> None:
        processes = [psutil.Process(pid) for pid in pids]
        while not done.wait(0.02):
            try:
                most[0] = max(most[0], *(one.memory_info().rss for one in processes))
            except psutil.NoSuchProcess:
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        done.set()
        thread.join()


def test_each_is_refused_once_for_its_reason(ended: Ended) -> None:
    due = {offset: reason for offset, reason in ended.sent.reasons.items() if reason is not None}
    assert len(due) > 100
    assert ended.rejected == sorted(due.items())


def test_the_broker_takes_batches_that_only_java_can_unpack(ended: Ended) -> None:
    """aiokafka's own reader ends at each of them, and after every restart again."""
    assert ended.sent.to_java_alone == ["gzip with garbage behind it", "lz4 with garbage behind it"]


def test_each_sound_neighbour_is_accepted_once(ended: Ended) -> None:
    assert len(ended.ids) == len(ended.sent.values) > 100
    assert ended.accepted == Counter(ended.ids.values())


def test_no_worker_has_ended_and_the_next_event_is_delivered(ended: Ended) -> None:
    assert len(ended.processes) == 2
    assert [code for _, code in ended.processes] == [None, None]
    assert all(psutil.Process(pid).is_running() for pid, _ in ended.processes)
    assert ended.ids[max(ended.sent.values)] in ended.delivered


def test_no_worker_unpacks_what_is_small_to_gigabytes(ended: Ended) -> None:
    assert ended.memory < MOST_MEMORY
