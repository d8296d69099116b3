"""Follow `instep.network`: read it whole, then keep to its newest generation.

`apply` writes what has changed and then `generation`, in one transaction. So a half-made change is never seen: readers are
`read_committed`, and what has been read counts only at a `generation` record. Whoever cannot confirm the end of the topic
may be sharing under an agreement that was suspended meanwhile: hence `fresh`.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from instep.cluster.connection import Connection, connecting, ensure_reachable
from instep.cluster.generations import Generations
from instep.errors import NetworkError, NotConnectedError
from instep.network.network import Network, from_records
from instep.network.topics import NETWORK

FRESH_MS = 1000
"""For how long a confirmed end of the topic is worth something."""

_TOPIC = TopicPartition(NETWORK, 0)
_FETCH_WAIT_MS = 250
_RETRY_S = 0.5
_FIRST_READ_S = 30.0
_VISIBLE_POLL_S = 0.02

_log = logging.getLogger(__name__)


class NetworkFollower:
    """Holds the newest generation of the network, and knows how fresh that knowledge is. For one event loop."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._network: Network | None = None
        self._records: Mapping[str, bytes] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self._position = -1
        self._confirmed_at = 0
        self._read_once = asyncio.Event()
        self._switched = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def network(self) -> Network | None:
        """The newest generation read; None while nobody has applied a network."""
        return self._network

    def fresh(self, now_ms: int | None = None) -> bool:
        """Whether the end of the topic was confirmed within the last second. `now_ms`: epoch ms, the clock's by default."""
        consumer = self._consumer
        if consumer is not None:
            end = consumer.last_stable_offset(_TOPIC)
            if end is not None and self._position >= end:
                self._confirmed_at = consumer.last_poll_timestamp(_TOPIC)
        now = int(time.time() * 1000) if now_ms is None else now_ms
        return abs(now - self._confirmed_at) <= FRESH_MS

    async def start(self) -> None:
        """Return once the topic has been read to its end, or is found not to be there yet (`network` is None then).

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
        """Return when `network` has been replaced since the last return of this method. For one waiter.

        Raises what ended the reading, if something did: nothing would ever be fresh again.
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
                # A reader that failed begins again from the start: what it holds may be of a topic that is gone.
                try:
                    await self._follow()
                except KafkaError as error:
                    _log.warning("%s is read again from its start: %s", NETWORK, type(error).__name__)
                await asyncio.sleep(_RETRY_S)
        finally:
            self._switched.set()  # so that `changed` raises what happened

    async def _follow(self) -> None:
        async with _consumer(self._connection) as consumer:
            while NETWORK not in await consumer.topics():
                self._read_once.set()
                await asyncio.sleep(_RETRY_S)
            await _begin(consumer)
            try:
                self._position, self._consumer = -1, consumer
                await self._keep_reading(consumer, Generations())
            finally:
                self._consumer = None

    async def _keep_reading(self, consumer: AIOKafkaConsumer, read: Generations) -> None:
        usable = True
        while True:
            position = await _read_more(consumer, read)
            end = consumer.last_stable_offset(_TOPIC)
            if end is None or position < end:
                continue
            # Only at the end: what compaction has left of earlier generations is not whole.
            records = read.take()
            if records is not None:
                usable = self._switch(records)
            # While a generation cannot be used nothing is fresh, and lanes pause rather than go on under the old one.
            self._position = position if usable else -1
            self._read_once.set()

    def _switch(self, records: Mapping[str, bytes]) -> bool:
        try:
            network = from_records(records)
        except NetworkError as error:
            _log.error("the newest generation of the network cannot be used: %s", error)
            return False
        if records != self._records:
            self._network, self._records = network, records
            self._switched.set()
        return True


async def read_network(connection: Connection) -> Network:
    """The newest generation, read once. Raises NotConnectedError, or NetworkError when none has been applied."""
    records = await read_records(connection)
    if records is None:
        raise NetworkError(
            "No network has been applied to this cluster, or none that this user may read: run `instep network apply DIR`."
        )
    return from_records(records)


async def read_records(connection: Connection) -> Mapping[str, bytes] | None:
    """The records of the newest generation by key, None where there is none. Raises NotConnectedError."""
    await ensure_reachable(connection)
    async with connecting(connection), _consumer(connection) as consumer:
        if NETWORK not in await consumer.topics():
            return None
        await _begin(consumer)
        end = (await consumer.end_offsets([_TOPIC]))[_TOPIC]
        read = Generations()
        async with asyncio.timeout(_FIRST_READ_S):
            while await consumer.position(_TOPIC) < end:
                await _read_more(consumer, read)
        return read.take()


async def until_visible(connection: Connection, offset: int) -> None:
    """Return once readers see this offset of the topic: a commit is answered before its markers are written."""
    async with _consumer(connection) as consumer, asyncio.timeout(_FIRST_READ_S):
        while (await consumer.end_offsets([_TOPIC]))[_TOPIC] <= offset:  # noqa: ASYNC110  # only the broker knows
            await asyncio.sleep(_VISIBLE_POLL_S)


@asynccontextmanager
async def _consumer(connection: Connection) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **connection.kafka(),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_max_wait_ms=_FETCH_WAIT_MS,
        # A broker that has fallen silent is given up, and looked for again, after this.
        request_timeout_ms=5000,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        with suppress(KafkaError):
            await consumer.stop()


async def _begin(consumer: AIOKafkaConsumer) -> None:
    consumer.assign([_TOPIC])
    await consumer.seek_to_beginning(_TOPIC)


async def _read_more(consumer: AIOKafkaConsumer, read: Generations) -> int:
    """Take in what has come, waiting up to 200 ms for it; returns the position, markers and aborted records passed."""
    fetched = await consumer.getmany(_TOPIC, timeout_ms=200)
    for record in fetched.get(_TOPIC, ()):
        read.read(record.key, record.value)
    position: int = await consumer.position(_TOPIC)
    return position
