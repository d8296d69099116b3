"""Reads a council's topics: committed records only, without a consumer group, so that looking moves nobody's position.

A record comes out as plain JSON with its CloudEvents headers. A record that cannot be decoded here (its schema is newer than
this client) still comes out, with `problem` in place of its content.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from aiokafka.structs import ConsumerRecord

from instep.errors import InstepError, NotConnectedError
from instep.events.framing import unframe
from instep.events.plain import to_plain
from instep.events.reader import decode
from instep.events.schema import Schema
from instep.kafka.connection import UNREACHABLE, Connection, connecting, not_permitted

PATIENCE_S = 15.0
"""How long a broker may give nothing when there is something to read."""
POLL_MS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A record: its place, the time when the broker took the record, its CloudEvents headers, its content as plain JSON.

    `kind` is the folder name of the record's schema (resident-moved, withdrawal, rejection …), "" for an unknown schema.
    """

    topic: str
    partition: int
    offset: int
    at: datetime
    key: str | None
    headers: Mapping[str, str]
    kind: str
    content: Mapping[str, Any]
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        """A JSON object, as `--output json` prints a record."""
        shown: dict[str, Any] = {
            "topic": self.topic,
            "offset": self.offset,
            "at": self.at.isoformat().replace("+00:00", "Z"),
            "key": self.key,
            "kind": self.kind,
            "headers": dict(self.headers),
            "content": dict(self.content),
        }
        return shown | ({"problem": self.problem} if self.problem else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of each partition: the offsets of its first record, and after its last. Without a start: the beginning."""

    starts: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]


def item(record: Any, schemas: Mapping[int, Schema]) -> Item:
    """The record in plain JSON; no content makes this raise."""
    framed = unframe(record.value or b"")
    schema = schemas.get(framed[0]) if framed else None
    content: Mapping[str, Any] = {}
    problem = ""
    if framed is None:
        problem = "not in Confluent framing"
    elif schema is None:
        problem = f"its schema id, {framed[0]}, is not known here"
    else:
        try:
            content = to_plain(schema, decode(schema, framed[1]))
        except (InstepError, ValueError, LookupError, EOFError) as error:
            problem = f"cannot be decoded ({type(error).__name__})"
    return Item(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        key=_text(record.key),
        headers={name: _text(value) or "" for name, value in record.headers},
        kind=schema.name if schema else "",
        content=content,
        problem=problem,
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")


class Reader:
    """Reads topics whole or from an offset, with a single consumer for all of them; made by `reading`.

    The methods raise NotConnectedError when the broker should answer and gives nothing for `patience_s` seconds.
    """

    def __init__(
        self,
        client: AIOKafkaConsumer,
        connection: Connection,
        schemas: Mapping[int, Schema],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._patience_s = patience_s
        self._client = client
        self._connection = connection
        self._schemas = schemas

    async def ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset after the last committed record (or marker) of each; absent topics are left out.

        A secured broker shows only topics that the user may read. There, an absent topic raises ConfigurationError.
        """
        wanted = await self._existing(partitions)
        async with self._reaching():
            offsets: dict[TopicPartition, int] = await self._client.end_offsets(wanted)
        return offsets

    async def _existing(self, partitions: Iterable[TopicPartition]) -> list[TopicPartition]:
        async with self._reaching():
            topics: set[str] = await self._client.topics()
            wanted = list(partitions)
            present = [partition for partition in wanted if partition.topic in topics]
            if self._connection.security_protocol != "PLAINTEXT" and len(present) < len(wanted):
                raise not_permitted(self._connection, next(p.topic for p in wanted if p.topic not in topics))
            # XXX: aiokafka (pinned) looks for each topic that it does not know with a request and a pause of its own.
            await self._client._client.set_topics({partition.topic for partition in present})
        return present

    async def taken(
        self, partitions: Iterable[TopicPartition], *, since_ms: int | None, until_ms: int | None
    ) -> "Stretch":
        """Where the records lie that the broker took from `since_ms` on and before `until_ms`, epoch milliseconds UTC.

        Without `since_ms` a stretch begins at the beginning; without `until_ms` it ends at the end at the time of the call.
        """
        ends = await self.ends(partitions)
        starts = {} if since_ms is None else await self._offsets_at(ends, since_ms)
        if until_ms is not None:
            ends = await self._offsets_at(ends, until_ms)
        return Stretch(starts=starts, ends=ends)

    async def _offsets_at(self, ends: Mapping[TopicPartition, int], at_ms: int) -> dict[TopicPartition, int]:
        if not ends:
            return {}
        async with self._reaching():
            at = await self._client.offsets_for_times(dict.fromkeys(ends, max(0, at_ms)))
        return {
            partition: at[partition].offset if at.get(partition) else end for partition, end in ends.items()
        }

    def decoded(self, record: ConsumerRecord) -> Item:
        """A record of `records` in plain JSON."""
        return item(record, self._schemas)

    def kind(self, record: ConsumerRecord) -> str:
        """The kind of a record of `records`, without decoding it; "" where its schema is not known here."""
        framed = unframe(record.value or b"")
        schema = self._schemas.get(framed[0]) if framed else None
        return schema.name if schema else ""

    async def read(
        self, partitions: Iterable[TopicPartition], starts: Mapping[TopicPartition, int] | None = None
    ) -> AsyncIterator[Item]:
        """Every record from `starts` (else the beginning) to each partition's end at the time of the call."""
        async for record in self.records(partitions, starts):
            yield item(record, self._schemas)

    async def records(
        self,
        partitions: Iterable[TopicPartition],
        starts: Mapping[TopicPartition, int] | None = None,
        ends: Mapping[TopicPartition, int] | None = None,
    ) -> AsyncIterator[ConsumerRecord]:
        """The records of `read` as the broker gives them, not decoded; of each partition none from `ends` on."""
        last = await self.ends(partitions)
        ends = {partition: min(end, (ends or last).get(partition, end)) for partition, end in last.items()}
        async with self._reaching():
            begin = await self._client.beginning_offsets(list(ends))
        begin = {p: max(begin[p], (starts or {}).get(p, 0)) for p in ends}
        left = {p for p in ends if begin[p] < ends[p]}
        self._assign({p: begin[p] for p in left})
        heard = time.monotonic()
        while left:
            for record in await self._poll():
                heard = time.monotonic()
                if record.offset < ends[TopicPartition(record.topic, record.partition)]:
                    yield record
            passed = {p for p in left if await self._position(p) >= ends[p]}
            left -= passed
            self._client.pause(*passed)
            if time.monotonic() - heard > self._patience_s:
                raise self._silent()

    async def last(self, partition: TopicPartition, count: int) -> list[Item]:
        """The last `count` records. Transaction markers take offsets too, so the search may go further back."""
        end = (await self.ends([partition])).get(partition, 0)
        back = 2 * count + 8
        while True:
            start = max(0, end - back)
            kept: deque[Item] = deque(maxlen=count)
            async for received in self.read([partition], {partition: start}):
                kept.append(received)
            if len(kept) >= count or start == 0:
                return list(kept)
            back *= 4

    async def follow(self, starts: Mapping[TopicPartition, int]) -> AsyncIterator[Item | None]:
        """Records from `starts` on, for ever; None at least once a second, so that the caller can look at its clock."""
        self._assign(starts)
        began = time.time()
        while True:
            for record in await self._poll():
                yield item(record, self._schemas)
            yield None
            # aiokafka waits out a broker that has gone, without a word: hence the look at its last answer.
            answered = [self._client.last_poll_timestamp(partition) or 0 for partition in starts]
            if time.time() - max(began, *(at / 1000 for at in answered)) > self._patience_s:
                raise self._silent()

    def _assign(self, starts: Mapping[TopicPartition, int]) -> None:
        self._client.assign(list(starts))
        for partition, offset in starts.items():
            self._client.seek(partition, offset)

    async def _poll(self) -> list[Any]:
        async with self._reaching():
            batches = await self._client.getmany(timeout_ms=POLL_MS)
        return [record for records in batches.values() for record in records]

    async def _position(self, partition: TopicPartition) -> int:
        async with self._reaching():
            position: int = await self._client.position(partition)
        return position

    @asynccontextmanager
    async def _reaching(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience_s):
                yield
        except TopicAuthorizationFailedError as error:
            raise not_permitted(self._connection, error.args[0]) from error
        except (*UNREACHABLE, KafkaError) as error:
            raise self._silent() from error

    def _silent(self) -> NotConnectedError:
        return NotConnectedError(f"The broker at {self._connection.bootstrap_servers} has stopped answering.")


@asynccontextmanager
async def reading(
    connection: Connection, schemas: Mapping[int, Schema], *, patience_s: float = PATIENCE_S
) -> AsyncIterator[Reader]:
    """A connected reader; `schemas` are the network's, by id: `catalogue.bind(network.schemas)`.

    Raises NotConnectedError when the broker is not there.
    """
    client = AIOKafkaConsumer(
        **connection.kafka(),
        client_id="instep-read",
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=250,
    )
    try:
        async with connecting(connection), asyncio.timeout(patience_s):
            await client.start()
        # XXX: aiokafka (pinned) cannot stop a client whose tasks have not begun: for callers that read nothing after all.
        await asyncio.sleep(0)
        yield Reader(client, connection, schemas, patience_s)
    finally:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await client.stop()
        except (TimeoutError, KafkaError):
            pass  # the broker has gone: there is nobody to say goodbye to
