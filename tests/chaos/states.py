"""Faults of what lanes remember: their state directories, and the topic of a service's state."""

import asyncio
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.structs import ConsumerRecord
from confluent_kafka.admin import AdminClient

from instep.network import topics
from tests.chaos.faults import Fault
from tests.chaos.reading import committed_records
from tests.chaos.scene import SERVICES, Act, Scene

_FLIPPED = 64


async def damage(scene: Scene) -> str:
    """Of each lane's directory one file: an empty CURRENT, a table that is cut off, or bytes of a table flipped."""
    member = await scene.victim()
    await scene.stop(member)
    how = scene.random.choice((_empty_current, _cut_table, _flip_table, _cut_manifest))
    damaged = [lane.name for lane in sorted(member.state.rglob("lane-*")) if lane.is_dir() and how(lane)]
    await scene.start(member)
    return f"{member.name}: {how.__name__.strip('_').replace('_', ' ')} in {', '.join(damaged) or 'nothing'}"


def _empty_current(lane: Path) -> bool:
    current = lane / "CURRENT"
    if current.exists():
        current.write_bytes(b"")
    return current.exists()


def _cut_table(lane: Path) -> bool:
    tables = _largest_first(lane, "*.sst")
    for table in tables[:1]:
        content = table.read_bytes()
        table.write_bytes(content[: len(content) // 2])
    return bool(tables)


def _flip_table(lane: Path) -> bool:
    tables = _largest_first(lane, "*.sst")
    for table in tables[:1]:
        content = bytearray(table.read_bytes())
        middle = len(content) // 3
        content[middle : middle + _FLIPPED] = bytes(
            byte ^ 0xFF for byte in content[middle : middle + _FLIPPED]
        )
        table.write_bytes(content)
    return bool(tables)


def _cut_manifest(lane: Path) -> bool:
    manifests = _largest_first(lane, "MANIFEST-*")
    for manifest in manifests[:1]:
        content = manifest.read_bytes()
        manifest.write_bytes(content[: len(content) * 2 // 3])
    return bool(manifests)


def _largest_first(lane: Path, pattern: str) -> list[Path]:
    return sorted(lane.glob(pattern), key=lambda path: path.stat().st_size, reverse=True)


async def bring_back(scene: Scene) -> str:
    """The directory as it was before some thousand records: a restored backup, or another machine's disk."""
    member = await scene.victim()
    copy = member.state.with_name("state-of-old")
    await scene.stop(member)
    shutil.copytree(member.state, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.lock", "filler"))
    await scene.start(member)
    before = scene.publisher.confirmed
    scene.publisher.permitted = min(scene.publisher.total, scene.publisher.permitted + 1_000)
    for _ in range(200):
        if scene.publisher.confirmed >= min(scene.publisher.total, before + 500):
            break
        await asyncio.sleep(0.1)
    await scene.work_remains()
    await scene.stop(member)
    for old in member.state.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    shutil.copytree(copy, member.state, dirs_exist_ok=True)
    shutil.rmtree(copy)
    await scene.start(member)
    return f"{member.name}, after {scene.publisher.confirmed - before} more records"


async def make_anew(scene: Scene) -> str:
    """Its lanes may not go on by the group's offsets alone; once the copy is there they do."""
    service = scene.random.choice(SERVICES)
    topic = topics.state(service)
    await scene.all_ready()
    await scene.work_remains()
    members = scene.crew.of(service)
    await scene.stop(*members)
    kept = [record async for record in committed_records(scene.connection, [topic])]
    await asyncio.to_thread(delete_topic, scene.connection.bootstrap_servers, topic)
    await scene.apply()
    for member in members:
        member.wanted = True
    said = await scene.until_one_says(service, "the group's committed offset is ahead of the changelog")
    await scene.stop(*members)
    await _restore(scene, topic, kept)
    await scene.start(*members)
    return f"{topic}, {len(kept)} records restored; meanwhile: {said[:160]}"


async def _restore(scene: Scene, topic: str, kept: list[ConsumerRecord]) -> None:
    producer = AIOKafkaProducer(**scene.connection.kafka(), acks="all", enable_idempotence=True, linger_ms=5)
    await producer.start()
    try:
        sent = [
            await producer.send(topic, key=record.key, value=record.value, partition=record.partition)
            for record in kept
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


def delete_topic(servers: str, topic: str) -> None:
    """Delete it, and return when no broker lists it any more."""
    admin = AdminClient({"bootstrap.servers": servers})
    admin.delete_topics([topic])[topic].result(30)
    for _ in range(300):
        if topic not in admin.list_topics(timeout=10).topics:
            return
        time.sleep(0.1)
    raise TimeoutError(f"{topic} is still there")


ACTS: Mapping[Fault, Act] = {
    Fault.STATE_DAMAGED: damage,
    Fault.STATE_OLD: bring_back,
    Fault.STATE_ANEW: make_anew,
}
