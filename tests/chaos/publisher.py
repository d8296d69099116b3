"""The publisher: confirmed sends at a bounded rate, whatever happens to the brokers.

A send that is not confirmed is sent again by a new producer, so an outbox may hold a record twice: that is what careful
publishers do, and the repeat is to come to nothing.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from instep.kafka.connection import Connection
from tests.chaos.workload import Published, Workload

CHUNK = 250


class Publisher:
    """Publishes `total` records, but none beyond `permitted`; `confirmed` of them are known to be kept."""

    def __init__(self, connection: Connection, workload: Workload, total: int, rate: int) -> None:
        self.total = total
        self.permitted = 0
        self.confirmed = 0
        self.interruptions = 0
        self.event_ids: list[str] = []
        """Of the sound events that are confirmed."""
        self.planted: dict[tuple[str, bytes, bytes], str] = {}
        self._connection = connection
        self._workload = workload
        self._rate = rate
        self._producer: AIOKafkaProducer | None = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Nothing is published meanwhile, and all that was sent is confirmed."""
        async with self._turn:
            yield

    async def run(self) -> None:
        """Return when everything is published and confirmed."""
        try:
            while self.confirmed < self.total:
                began = time.monotonic()
                room = min(CHUNK, self.total - self.confirmed, self.permitted - self.confirmed)
                if room <= 0:
                    await asyncio.sleep(0.02)
                    continue
                async with self._turn:
                    await self._publish([self._workload.next() for _ in range(room)])
                await asyncio.sleep(max(0.0, room / self._rate - (time.monotonic() - began)))
        finally:
            await self._abandon()

    async def _publish(self, records: list[Published]) -> None:
        for record in records:
            if record.refusal is not None:
                self.planted[record.source, record.key, record.value] = record.refusal
        while not await self._sent(records):
            self.interruptions += 1
            await self._abandon()
            await asyncio.sleep(0.5)
        self.confirmed += len(records)
        self.event_ids += [record.event_id for record in records if record.refusal is None]

    async def _sent(self, records: list[Published]) -> bool:
        """Whether the broker has confirmed them all."""
        try:
            producer = await self._open()
            sending = [
                await producer.send(f"{record.source}.outbox", record.value, key=record.key)
                for record in records
            ]
        except (KafkaError, OSError, TimeoutError):
            return False
        answers = await asyncio.gather(*sending, return_exceptions=True)
        return not any(isinstance(answer, BaseException) for answer in answers)

    async def _open(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self._connection.kafka(),
                enable_idempotence=True,
                linger_ms=5,
                max_batch_size=128 * 1024,
                request_timeout_ms=15_000,
                metadata_max_age_ms=10_000,
            )
            self._producer = producer
            await producer.start()
        return self._producer

    async def _abandon(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(producer.stop(), 10)
