"""What a lane owns once it has claimed: a producer that fences every earlier owner, and its state at the log's end.

The order is the proof. `InitProducerId` fences any earlier owner and aborts what that left open; only then are the
positions read and the state caught up. A frozen worker that thaws can then do no harm: an offset commit carries no
generation here, so the transactional id is the only fence.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from aiokafka import AIOKafkaProducer, TopicPartition

from instep.lanes.changelog import (
    Changelog,
    accepted_start,
    claims_entry,
    fruitless_claims,
    position_entry,
    position_in,
)
from instep.lanes.positions import Gap
from instep.lanes.processor import Output
from instep.lanes.settings import LaneSettings
from instep.lanes.state import LaneState
from instep.lanes.transaction import BATCH_BYTES, Transaction

AWAIT_SECONDS = 30.0
"""No await on the broker is longer; whatever takes longer ends the process."""


class Claim:
    """One lane's ownership; `open` makes it."""

    def __init__(
        self, producer: AIOKafkaProducer, state: LaneState, changelog: Changelog, group: str
    ) -> None:
        self.state = state
        self._producer = producer
        self._changelog = changelog
        self._group = group
        self.entries_restored = 0
        self.fruitless_before = 0
        """How many claims before this one, in a row, ended without a commit."""

    @classmethod
    async def open(
        cls,
        settings: LaneSettings,
        changelog: Changelog,
        group: str,
        directory: Path,
        restored: Callable[[float], None],
    ) -> "Claim":
        """Fence earlier owners, then restore the state, telling `restored` how much of it is there, from 0 to 1.

        Positions are to be read after this.
        """
        producer = AIOKafkaProducer(
            **settings.connection.kafka(),
            transactional_id=f"{group}-{changelog.lane}",
            transaction_timeout_ms=int(settings.transaction_timeout * 1000),
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
            max_request_size=4 << 20,
        )
        state: LaneState | None = None
        try:
            await asyncio.wait_for(producer.start(), AWAIT_SECONDS)
            state = LaneState(directory)
            claim = cls(producer, state, changelog, group)
            claim.entries_restored = await changelog.restore(state, restored)
        except BaseException:
            await producer.stop()
            if state is not None:
                state.close()
            raise
        return claim

    def kept_positions(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int | None]:
        """The positions that the changelog knows."""
        return {partition: position_in(self.state, partition) for partition in partitions}

    def accepted(self, gap: Gap) -> bool:
        """Whether an operator has accepted this very gap (`instep lane accept`)."""
        return accepted_start(self.state, gap.partition.topic) == gap.start

    async def enter(self) -> None:
        """Count this claim as fruitless until something commits under it."""
        self.fruitless_before = fruitless_claims(self.state)
        self.state.put(*claims_entry(self.fruitless_before + 1))
        transaction = await self.begin()
        await self.commit(transaction, {}, {})

    async def begin(self) -> Transaction:
        transaction = Transaction(self._producer)
        await transaction.begin()
        return transaction

    async def commit(
        self,
        transaction: Transaction,
        positions: Mapping[TopicPartition, int],
        told: Mapping[TopicPartition, int],
    ) -> None:
        """Commit outputs, the state's changes and positions together; then, and only then, keep the changes.

        `told` are positions, of this transaction or earlier ones, that the group is to hold as its committed offsets.
        """
        state = self.state
        for partition, offset in positions.items():
            state.put(*position_entry(partition, offset))
        if positions and fruitless_claims(state):
            state.put(*claims_entry(0))
        async with asyncio.timeout(AWAIT_SECONDS):
            await transaction.add(self._changelog_records())
            await transaction.commit(told, self._group)
        end = transaction.end_of(*self._changelog.partition)
        if end is not None:
            state.committed(self._changelog.reached(end))

    def _changelog_records(self) -> Iterable[Output]:
        return self._changelog.entries(self.state.changes)

    async def close(self) -> None:
        with suppress(Exception):  # it is fenced, or the broker is away: nothing to save
            await asyncio.wait_for(self._producer.stop(), 2.0)
        self.state.close()
