"""Reads from the cluster what `soundness` judges: ends and last stable offsets, committed offsets and kept positions."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from instep.kafka.connection import Connection
from instep.kafka.log_ends import READ_COMMITTED, READ_UNCOMMITTED, LogEnds
from instep.network import topics
from instep.network.services import SERVICES
from tests.chaos import soundness
from tests.chaos.reading import committed_records

_POSITION = b"\x00instep/position/"
_STANDS_S = 30.0
"""How long a last stable offset has to stand below an end before the partition is said to hang: workers are at work."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is wrong: partitions that hang, and groups that are ahead of their changelogs."""

    hanging: Mapping[soundness.Partition, tuple[int, int]]
    ahead: Mapping[soundness.Partition, tuple[int, int]]

    @property
    def counts(self) -> dict[str, int]:
        return {"hanging": len(self.hanging), "ahead": len(self.ahead)}

    def __str__(self) -> str:
        said = [
            f"{name}-{number}: LSO {lso}, end {end}" for (name, number), (lso, end) in self.hanging.items()
        ]
        said += [
            f"{name}-{number}: committed {offset}, kept {kept}"
            for (name, number), (offset, kept) in self.ahead.items()
        ]
        return "; ".join(said[:5])


async def inspect(connection: Connection, seconds: float = _STANDS_S) -> Found:
    """What is wrong, and stays so for this long while nothing moves there."""
    return Found(hanging=await hanging_of(connection, seconds), ahead=await _ahead(connection))


async def hanging_of(connection: Connection, seconds: float) -> dict[soundness.Partition, tuple[int, int]]:
    """Partitions that hang. Ends are read once: what was written by then has to be stable in time."""
    ends = LogEnds(connection)
    await ends.start()
    try:
        partitions = await _all_partitions(connection)
        targets = await ends._offsets(partitions, READ_UNCOMMITTED, -1)
        until = time.monotonic() + seconds
        while True:
            stable = await ends._offsets(list(targets), READ_COMMITTED, -1)
            reached = {tp: min(offset, targets[tp]) for tp, offset in stable.items()}
            left = soundness.hanging(
                {(*tp,): end for tp, end in targets.items()}, {(*tp,): at for tp, at in reached.items()}
            )
            if not left or time.monotonic() > until:
                return left
            await asyncio.sleep(0.5)
    finally:
        await ends.stop()


async def _all_partitions(connection: Connection) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(**connection.kafka())
    await admin.start()
    try:
        return [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in await admin.describe_topics()
            if not topic["is_internal"]
            for partition in topic["partitions"]
        ]
    finally:
        await admin.close()


async def _ahead(connection: Connection) -> dict[soundness.Partition, tuple[int, int]]:
    """Committed offsets are read first: positions may only have grown since."""
    found: dict[soundness.Partition, tuple[int, int]] = {}
    for service in SERVICES:
        admin = AIOKafkaAdminClient(**connection.kafka())
        await admin.start()
        try:
            held = await admin.list_consumer_group_offsets(f"sample-{service}")
        finally:
            await admin.close()
        committed = {(*tp,): one.offset for tp, one in held.items() if one.offset > 0}
        kept = {(*tp,): offset for tp, offset in (await changelog_positions(connection, service)).items()}
        found |= soundness.ahead(committed, kept)
    return found


async def changelog_positions(connection: Connection, service: str) -> dict[TopicPartition, int]:
    """The last committed position of each partition in the changelog of a service."""
    kept: dict[TopicPartition, int] = {}
    async for record in committed_records(connection, [topics.state(service)]):
        key = record.key or b""
        if key.startswith(_POSITION) and record.value is not None:
            topic, _, number = key.removeprefix(_POSITION).decode().rpartition("/")
            kept[TopicPartition(topic, int(number))] = json.loads(record.value)["offset"]
    return kept
