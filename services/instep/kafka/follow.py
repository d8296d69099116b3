"""Follows `instep.network`, the topic of authorities and agreements: reads it whole, then keeps to its newest state.

`instep network apply` writes the changed records and then a `generation` record, in a single transaction. So nobody sees a
half-made change: readers are `read_committed`, and records count only from the `generation` record on (the module
`generations`). A reader that cannot confirm the end of the topic may be sharing under an agreement that was suspended
meanwhile: hence `fresh` (the module `freshness`).
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from instep.errors import NetworkError, NotConnectedError
from instep.kafka.connection import NOT_PERMITTED, Connection, connecting, ensure_reachable, not_permitted
from instep.kafka.freshness import FRESH_SECONDS, FetchAnswer, Freshness
from instep.kafka.generations import Generations
from instep.network.network import Network
from instep.network.records import from_records
from instep.network.topics import NETWORK

FRESH_MS = int(FRESH_SECONDS * 1000)
"""For how long a confirmed end of the topic counts."""
TOPIC = TopicPartition(NETWORK, 0)
_FETCH_WAIT_MS = 100
"""A confirmation may be twice as old, and counts for a second: the rest is for a busy machine."""
_RETRY_S = 0.5
_FIRST_READ_S = 30.0

_log = logging.getLogger(__name__)


class NetworkFollower:
    """Holds the newest generation of the network, and knows how fresh that knowledge is. For a single event loop."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._network: Network | None = None
        self._records: Mapping[str, bytes] = {}
        self._freshness = Freshness()
        self._problem: str | None = None
        self._read_once = asyncio.Event()
        self._switched = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def network(self) -> Network | None:
        """The newest generation read; None while nobody has applied a network."""
        return self._network

    def fresh(self) -> bool:
        """Whether the end of the topic was confirmed within the last second, and its newest generation is followed."""
        return self._freshness.fresh(time.monotonic())

    def stale_because(self) -> str | None:
        """Why the network is not fresh, in a sentence for an operator; None when fresh."""
        now = time.monotonic()
        if self._freshness.fresh(now):
            return None
        if self._problem is not None:
            return self._problem
        if not self._freshness.answering(now):
            return f"Kafka at {self._connection.bootstrap_servers} does not answer"
        open_for = self._freshness.open_for(now)
        if open_for is not None:
            return f"a transaction in {NETWORK} has been open for {open_for:.0f} s"
        return f"{NETWORK} has not been read to its end yet"

    def hanging_seconds(self) -> float:
        """For how long a transaction in the topic has been open; 0 without an open transaction."""
        return self._freshness.open_for(time.monotonic()) or 0.0

    async def start(self) -> None:
        """Return once the topic has been read to its end, or does not exist yet (`network` is None then).

        Raises NotConnectedError when no broker answers. From then on the broker may come and go.
        """
        await ensure_reachable(self._connection)
        self._task = asyncio.create_task(self._run(), name="follow instep.network")
        first_read = asyncio.create_task(self._read_once.wait())
        done, _ = await asyncio.wait(
            (self._task, first_read), timeout=_FIRST_READ_S, return_when=asyncio.FIRST_COMPLETED
        )
        if first_read in done:
            return
        first_read.cancel()
        await self.stop()
        raise NotConnectedError(f"The broker answers, but {NETWORK} could not be read to its end.")

    async def changed(self) -> None:
        """Return when `network` has been replaced since the last return of this method. For a single waiter.

        Raises the error that ended the reading, if any: nothing would ever be fresh again.
        """
        await self._switched.wait()
        if self._task is not None and self._task.done():
            self._task.result()
        self._switched.clear()

    async def stop(self) -> None:
        """Stop reading; never raises."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while True:
                # A reader that failed begins again from the start: its records may be of a topic that is gone.
                try:
                    await self._follow()
                except NOT_PERMITTED as error:
                    self._problem = str(not_permitted(self._connection, NETWORK))
                    _log.warning("%s may not be read: %s", NETWORK, type(error).__name__)
                except KafkaError as error:
                    _log.warning("%s is read again from its start: %s", NETWORK, type(error).__name__)
                await asyncio.sleep(_RETRY_S)
        finally:
            self._switched.set()  # so that `changed` raises the error

    async def _follow(self) -> None:
        async with network_consumer(self._connection, self._freshness) as consumer:
            while not await _topic_exists(consumer):
                self._problem = (
                    f"there is no {NETWORK}, or none that this user may read: run `instep network apply DIR`"
                )
                self._read_once.set()
                await asyncio.sleep(_RETRY_S)
            self._problem = None
            await _begin(consumer)
            self._freshness.begin_again()
            await self._keep_reading(consumer, Generations())

    async def _keep_reading(self, consumer: AIOKafkaConsumer, read: Generations) -> None:
        while True:
            position = await _read_more(consumer, read)
            answer = self._freshness.answer
            if answer is None or position < answer.stable:
                continue
            # Only at the end: compaction leaves earlier generations incomplete.
            records = read.take()
            if records is not None:
                self._switch(records)
            # While a generation cannot be used nothing is fresh, and lanes pause rather than go on under the old one.
            if self._problem is None:
                self._freshness.taken_over(position)
            self._read_once.set()

    def _switch(self, records: Mapping[str, bytes]) -> None:
        try:
            network = from_records(records)
        except NetworkError as error:
            _log.error("the newest generation of the network cannot be used: %s", error)
            self._problem = f"the newest generation in {NETWORK} cannot be used: {error}"
            return
        self._problem = None
        if records != self._records:
            self._network, self._records = network, records
            self._switched.set()


async def read_network(connection: Connection) -> Network:
    """The newest generation, read once. Raises NotConnectedError, or NetworkError when none has been applied."""
    records = await read_records(connection)
    if records is None:
        raise NetworkError(
            "No network has been applied to this cluster, or none that this user may read: run `instep network apply DIR`."
        )
    return from_records(records)


async def read_records(connection: Connection) -> Mapping[str, bytes] | None:
    """The records of the newest generation by key; None where nobody has applied a network. Raises NotConnectedError."""
    await ensure_reachable(connection)
    async with connecting(connection), network_consumer(connection) as consumer:
        if not await _topic_exists(consumer):
            return None
        await _begin(consumer)
        end = (await consumer.end_offsets([TOPIC]))[TOPIC]
        read = Generations()
        async with asyncio.timeout(_FIRST_READ_S):
            while await consumer.position(TOPIC) < end:
                await _read_more(consumer, read)
        return read.take()


class _Consumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """Notes when each answered question was asked: aiokafka keeps the wall clock's time of the answer only."""

    freshness: Freshness | None = None

    async def start(self) -> None:
        await super().start()
        if self.freshness is not None:
            self._note_answers(self.freshness)

    def _note_answers(self, freshness: Freshness) -> None:
        ask = self._fetcher._proc_fetch_request

        async def ask_and_note(assignment: Any, *of_node: Any) -> bool:
            state = assignment.state_value(TOPIC)
            state.timestamp = None
            asked_at = time.monotonic()
            fetched: bool = await ask(assignment, *of_node)
            if state.timestamp is not None:
                freshness.answered(FetchAnswer(asked_at=asked_at, stable=state.lso, end=state.highwater))
            return fetched

        self._fetcher._proc_fetch_request = ask_and_note


@asynccontextmanager
async def network_consumer(
    connection: Connection, freshness: Freshness | None = None, isolation_level: str = "read_committed"
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer for this topic, which hands each answer to `freshness`."""
    consumer = _Consumer(
        **connection.kafka(),
        isolation_level=isolation_level,
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_max_wait_ms=_FETCH_WAIT_MS,
        # After this time a silent broker is given up, and looked for again.
        request_timeout_ms=5000,
    )
    consumer.freshness = freshness
    await consumer.start()
    try:
        yield consumer
    finally:
        with suppress(KafkaError):
            await consumer.stop()


async def _topic_exists(consumer: AIOKafkaConsumer) -> bool:
    """Whether the topic exists. Asks for no other topic: a large cluster has many."""
    client = consumer._client
    await client.set_topics([NETWORK])
    await client.force_metadata_update()
    return NETWORK in client.cluster.topics()


async def _begin(consumer: AIOKafkaConsumer) -> None:
    consumer.assign([TOPIC])
    await consumer.seek_to_beginning(TOPIC)


async def _read_more(consumer: AIOKafkaConsumer, read: Generations) -> int:
    """Take in fetched records, waiting up to 200 ms; returns the position, behind markers and aborted records too."""
    fetched = await consumer.getmany(TOPIC, timeout_ms=200)
    for record in fetched.get(TOPIC, ()):
        read.read(record.key, record.value)
    position: int = await consumer.position(TOPIC)
    return position
