"""A suspension while five thousand events a second go by: within a second nothing more is delivered, and nothing is lost.

On a machine that is too busy for that, a delivery decided before may be as late as the longest way of an event through the
router.
"""

import asyncio
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder

from instep.kafka.connection import Connection
from instep.network.topics import EVENTS, NETWORK
from tests.kafka.journey import Event, header
from tests.kafka.stage import Bus, Stage, edit, opened, sample

RATE = 5_500
"""Events due a second."""
LEAST_RATE = 5_000
SECONDS = 6
PAIR = ("camden", "council-tax")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with opened(tmp_path, sample(tmp_path), "intake", "router") as opened_stage:
        yield opened_stage


async def test_from_suspension_to_silence_it_takes_no_second_at_five_thousand_events_a_second(
    stage: Stage,
) -> None:
    sources = ("lambeth", "croydon", "leeds")
    made = [
        stage.events.moved(
            sources[number % 3], "camden", sources[number % 3], subject=f"s{number}", sequence=number
        )
        for number in range(RATE * SECONDS)
    ]
    approved(stage, "leeds")
    await stage.apply()
    publishing = asyncio.create_task(publish(stage.connection, made))
    await asyncio.sleep(SECONDS / 2)
    suspend(stage)
    applied = await stage.apply()
    took = await publishing
    rate = len(made) / took
    bus = await stage.bus(seconds=120)
    suspended_at = await appended_at(stage.connection, applied.generation)

    deliveries = bus.by_topic["camden.inbox.council-tax"]
    late = max(record.timestamp for record in deliveries) - suspended_at
    longest = longest_way(bus, made, until=suspended_at)
    disclosed = {event.event_id: bus.disclosure(event) for event in made}
    before = {id for id, one in disclosed.items() if one["generation"] < applied.generation}
    print(
        f"\n{rate:.0f} events a second; {len(before)} of {len(made)} were decided before the suspension; the last delivery"
        f" was appended {late} ms after it; through the router an event took {longest} ms at most"
    )
    assert rate >= LEAST_RATE
    assert 0 < len(before) < len(made)
    assert late <= max(1000, longest)
    delivered = [dict(record.headers)["ce_id"].decode() for record in deliveries]
    assert len(delivered) == len(set(delivered))
    assert set(delivered) == before, "each of the earlier generation is delivered, and none of the later"
    for event in made:
        expected = "delivered" if event.event_id in before else "suspended"
        assert bus.results(event)[PAIR] == expected


def longest_way(bus: Bus, events: Sequence[Event], *, until: int) -> int:
    """The longest time from an event's acceptance to its delivery, in milliseconds, of the events accepted until then."""
    accepted = {record.key.decode(): record.timestamp for record in bus.by_topic[EVENTS]}
    accepted_at = {event.event_id: accepted[f"{event.source}/{event.subject_ref}"] for event in events}
    deliveries = [(accepted_at[header(record, "ce_id")], record.timestamp) for record in bus.inboxes]
    return max(int(delivered - accepted) for accepted, delivered in deliveries if accepted <= until)


def approved(stage: Stage, authority: str) -> None:
    """Have an authority approve the council-tax agreement."""
    file = stage.network / "agreements" / "council-tax.toml"
    approval = f'{{ authority = "{authority}", by = "SIRO", on = 2026-03-02 }}'
    edit(file, ("\napproved = [", f"\napproved = [\n    {approval},"))
    _raise_version(file)


def suspend(stage: Stage) -> None:
    file = stage.network / "agreements" / "council-tax.toml"
    edit(file, ('status = "active"', 'status = "suspended"'))
    _raise_version(file)


def _raise_version(file: Path) -> None:
    version = tomllib.loads(file.read_text())["version"]
    edit(file, (f"\nversion = {version}\n", f"\nversion = {version + 1}\n"))


async def publish(connection: Connection, events: Sequence[Event]) -> float:
    """Publish at RATE, every hundredth of a second what has fallen due; returns the seconds until all is confirmed."""
    async with AIOKafkaProducer(**connection.kafka(), acks="all", max_batch_size=512 * 1024) as producer:
        began = time.perf_counter()
        sent = []
        done = 0
        while done < len(events):
            await asyncio.sleep(0.01)
            due = min(len(events), int((time.perf_counter() - began) * RATE))
            batches: dict[str, BatchBuilder] = {}
            for event in events[done:due]:
                batch = batches.setdefault(event.source, producer.create_batch())
                appended = batch.append(key=event.subject_ref.encode(), value=event.value, timestamp=None)
                assert appended is not None
            for source, batch in batches.items():
                sent.append(await producer.send_batch(batch, f"{source}.outbox", partition=0))
            done = due
        await asyncio.gather(*sent)
        return time.perf_counter() - began


async def appended_at(connection: Connection, generation: int) -> int:
    """When the broker appended the record of a generation, in epoch milliseconds."""
    async with AIOKafkaConsumer(**connection.kafka(), isolation_level="read_committed") as consumer:
        network = TopicPartition(NETWORK, 0)
        consumer.assign([network])
        await consumer.seek_to_beginning(network)
        async with asyncio.timeout(20):
            while True:
                for record in (await consumer.getmany(network, timeout_ms=500)).get(network, ()):
                    if (record.key, record.value) == (b"generation", str(generation).encode()):
                        return int(record.timestamp)
