"""Reads what an outbox tells of earlier publications: with which secrets the events were made.

`instep publish` writes the key id of its secret beside each event (`envelope.PUBLISHER_KEY`). Earlier versions wrote none;
their events are known by the form of their ids.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, LeaderNotAvailableError

from instep.adapters.identity import is_derived
from instep.client.council import Council
from instep.client.reader import reading
from instep.errors import NotConnectedError
from instep.events.envelope import PUBLISHER_KEY
from instep.events.framing import PREFIX
from instep.kafka.connection import connecting, not_permitted
from instep.kafka.log_ends import Log, LogEnds

UNNAMED = 10_000
"""Events of earlier versions that are kept: the last ones, to be looked up in a memory."""
PATIENCE_S = 15.0
"""How long a partition may have no leader."""
APPEARING_S = 3.0
"""How long a topic may be unknown to the broker that is asked."""
_PAUSE_S = 0.2
_UUID = slice(PREFIX + 1, PREFIX + 37)
"""Where an event's id lies in its framed bytes: first in the header, behind its length."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxEnd:
    """An outbox of a cluster: `end` is the offset of the next record, 0 where there never was a record."""

    cluster: str
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """What an outbox tells. `keys`: by key id, when its last event was taken, epoch milliseconds UTC.

    `unnamed` are ids of events that earlier versions made from files, the last UNNAMED. `kept` counts the records read.
    """

    end: int
    kept: int = 0
    keys: Mapping[str, int] = field(default_factory=dict)
    unnamed: Collection[bytes] = ()


async def outbox_of(council: Council) -> OutboxEnd:
    """The council's outbox. Raises NotConnectedError, or ConfigurationError where the user may not write to the outbox."""
    ends = LogEnds(council.connection)
    partition = council.outbox()
    try:
        async with connecting(council.connection):
            await ends.start()
            cluster = await ends.cluster()
            log = await _log(ends, partition)
    except (KafkaError, OSError) as error:
        where = council.connection.bootstrap_servers
        raise NotConnectedError(
            f"The broker at {where} does not say where {partition.topic} ends."
        ) from error
    finally:
        await ends.stop()
    if log is None:
        raise not_permitted(council.connection, partition.topic)
    return OutboxEnd(cluster=cluster, end=log.end)


async def _log(ends: LogEnds, partition: TopicPartition) -> Log | None:
    """The log; None where there is none to see. A topic that was just made may need a moment to show, and a leader."""
    began = time.monotonic()
    while True:
        try:
            log = (await ends.logs([partition])).get(partition)
            if log is not None or time.monotonic() - began > APPEARING_S:
                return log
        except LeaderNotAvailableError:
            if time.monotonic() - began > PATIENCE_S:
                raise
        await asyncio.sleep(_PAUSE_S)


async def read_history(council: Council, outbox: OutboxEnd, since: int = 0) -> History:
    """What the outbox tells from an offset on. Raises ConfigurationError where the user may not read the outbox."""
    since = since if since <= outbox.end else 0  # beyond the end: the topic was made anew
    evidence = _Evidence()
    if since < outbox.end:
        partition = council.outbox()
        async with reading(council.connection, council.schemas) as reader:
            async for record in reader.records([partition], {partition: since}, {partition: outbox.end}):
                evidence.take(record)
    return evidence.history(outbox.end)


class _Evidence:
    def __init__(self) -> None:
        self._kept = 0
        self._keys: dict[str, int] = {}
        self._unnamed: deque[bytes] = deque(maxlen=UNNAMED)

    def take(self, record: Any) -> None:
        self._kept += 1
        key = next((value for name, value in record.headers if name == PUBLISHER_KEY and value), None)
        if key is not None:
            self._keys[key.decode("ascii", "replace")] = record.timestamp
        elif event_id := _derived(record):
            self._unnamed.append(event_id)

    def history(self, end: int) -> History:
        return History(end=end, kept=self._kept, keys=self._keys, unnamed=self._unnamed)


def _derived(record: Any) -> bytes | None:
    """The id of an event that has the form of a file's; None for any other record."""
    text = (record.value or b"")[_UUID].decode("ascii", "replace")
    if not is_derived(text, (record.key or b"").decode("ascii", "replace")):
        return None
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        return None
