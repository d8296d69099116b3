"""Claims a lane (takes it from its earlier owners), and commits the lane's transactions until the claim ends.

A lane is one share of the partitions. Its *changelog*, a partition of `instep.<service>.state`, holds the lane's state and
positions. `Claim.open` takes steps 1 to 4. Their order makes sure that nothing of an earlier owner can change afterwards
(why: `services/decisions/001-claims-that-prove-what-they-build-on.md`).

1. Ask `DescribeTransactions` how the last transaction of the lane's transactional id ended. After step 2 Kafka no
   longer knows.
2. Send `InitProducerId`. Kafka fences every earlier owner, and aborts a transaction that such an owner left open.
3. Pass the barrier (the module `barrier`): on every partition that the lane may write, earlier transactions have
   ended, or are ended here.
4. Prove the state directory: the record below its checkpoint has to be in the changelog. Or discard the directory.
   Then bring the state up to the changelog's end.
5. Only then read the positions (the module `starting`).

A frozen worker that thaws can do no harm: Kafka refuses all its writes after the fence.

While the claim lasts, Kafka's answer to EndTxn does not prove a commit, for Kafka answers before it writes the end
markers. So a transaction sends nothing until the last stable offset (LSO) of the changelog has passed the transaction
before. Where a marker does not show within 5 s, an empty transaction of the lane has Kafka write a marker there. The
module `unconfirmed` keeps the partitions where an end is awaited.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from instep.errors import NotConnectedError, UnknownStateError
from instep.kafka.log_ends import LastTransaction, Log, LogEnds, Offsets
from instep.lanes.barrier import Barrier, settle
from instep.lanes.changelog import Changelog, values_of
from instep.lanes.clock import Clock
from instep.lanes.entries import (
    accepted_in,
    claims_entry,
    decisions_in,
    position_entry,
    position_in,
    uncommitted_claims,
)
from instep.lanes.hanging import Hanging
from instep.lanes.leftovers import ClaimNote, forget_note, producer_of, read_note, write_note
from instep.lanes.positions import Gap, Position
from instep.lanes.producer import make_producer, stop_producer
from instep.lanes.settings import LaneSettings
from instep.lanes.settlement import Marker, evidence
from instep.lanes.state import LaneState
from instep.lanes.transaction import Transaction
from instep.lanes.unconfirmed import Unconfirmed

_log = structlog.get_logger("instep.lanes")

MARGIN_SECONDS = 30.0
"""How long an await on the broker may take beyond the limit at which the broker aborts a transaction."""
_FIRST_POLL_SECONDS = 0.002
_LONGEST_POLL_SECONDS = 0.25
_SETTLE_SECONDS = 5.0


class Claim:
    """The ownership of a lane by this worker. `open` takes the lane, `close` gives it back."""

    def __init__(
        self,
        settings: LaneSettings,
        producer: AIOKafkaProducer,
        state: LaneState,
        changelog: Changelog,
        ends: LogEnds,
        hanging: Hanging,
        directory: Path,
        outputs: Callable[[], Collection[TopicPartition]],
    ) -> None:
        self.state = state
        self._outputs = outputs
        self._directory = directory
        self._producer = producer
        self._changelog = changelog
        self._ends = ends
        self._topic_id = ""
        self._patience = settings.transaction_timeout + MARGIN_SECONDS
        self._clock = Clock()
        self._ready: asyncio.Future[None] | None = None
        self.unconfirmed = Unconfirmed(changelog.partition, hanging)
        self.entries_restored = 0
        self.uncommitted_before = 0
        """The number of earlier claims in a row that ended without a commit."""
        self.topic_ids: dict[str, str] = {}

    @classmethod
    async def open(
        cls,
        settings: LaneSettings,
        changelog: Changelog,
        ends: LogEnds,
        outputs: Callable[[], Collection[TopicPartition]],
        *,
        transactional_id: str,
        directory: Path,
        hanging: Hanging,
        note: Callable[[str], None],
        restored: Callable[[float], None],
    ) -> "Claim":
        """Take the lane: steps 1 to 4 of the module's docstring. The caller then reads the positions.

        `note` receives the reason of each wait, `restored` the restored share of the state. Raises HangingTransactionError,
        and the errors of Kafka's clients.
        """
        described = await ends.last_transaction(transactional_id)
        producer = make_producer(settings, transactional_id)
        state: LaneState | None = None
        try:
            learnt, last = await _fence(producer, described, settings, directory, transactional_id)
            barrier = Barrier(
                ends,
                outputs(),
                changelog.partition,
                hanging=hanging,
                note=note,
                transaction_timeout=settings.transaction_timeout,
            )
            decisions = partial(_decisions, changelog, ends)
            settled = await barrier.passed(producer, last, decisions, lane=changelog.lane)
            write_note(directory, replace(learnt, last=None))
            await _find_topics(producer, barrier.there)
            state = LaneState(directory)
            claim = cls(settings, producer, state, changelog, ends, hanging, directory, outputs)
            claim.unconfirmed.committed(settled, {})
            await claim._restore(await _log_of(changelog, ends), restored)
        except BaseException:
            try:
                await stop_producer(producer)
            finally:
                if state is not None:
                    state.close()
            raise
        return claim

    async def _restore(self, log: Log, restored: Callable[[float], None]) -> None:
        self._topic_id = log.topic_id
        self.entries_restored = await self._changelog.restore(self.state, log, restored)
        self.uncommitted_before = uncommitted_claims(self.state)

    # -- positions

    def changelog_positions(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, Position | None]:
        """The positions in the changelog."""
        return {partition: position_in(self.state, partition) for partition in partitions}

    def accepted(self, gap: Gap) -> int | None:
        """The offset to go on at, if an operator has accepted this very gap (`instep lane accept`)."""
        return accepted_in(self.state, gap)

    async def enter(self, accepted: Mapping[TopicPartition, int]) -> None:
        """Count the claim as uncommitted until the lane's first commit, and keep the accepted positions."""
        self.state.put(*claims_entry(self.uncommitted_before + 1))
        for partition, offset in accepted.items():
            self._put_position(partition, offset)
        await self.commit(self.begin(), {})

    # -- transactions

    def begin(self) -> Transaction:
        """A transaction that sends nothing before the last transaction is seen to have ended in the changelog."""
        self._look_again()
        return Transaction(self._producer, self._wait_until_ready, self._named)

    def _named(self, topic: str) -> bool:
        """Whether the present network names the topic, or the topic is the changelog's own."""
        outputs = {partition.topic for partition in self._outputs()}
        return topic == self._changelog.partition.topic or topic in outputs

    def _look_again(self) -> None:
        """Begin to wait for the last commit to be seen in the changelog."""
        if self._ready is None or self._ready.done():
            self._ready = asyncio.ensure_future(self.confirmed())

    async def _wait_until_ready(self) -> None:
        if self._ready is not None:
            await self._ready

    async def commit(self, transaction: Transaction, positions: Mapping[TopicPartition, int]) -> None:
        """Commit outputs, the state's changes and positions together; then, and only then, keep the changes.

        Raises UnknownStateError where the broker does not say how the transaction ended.
        """
        state = self.state
        for partition, offset in positions.items():
            self._put_position(partition, offset)
        if positions and uncommitted_claims(state):
            state.put(*claims_entry(0))
        entries = list(state.changes.items())
        async with asyncio.timeout(self._patience):
            await transaction.add(self._changelog.records(entries))
            began = time.time()
            await transaction.commit()
        ends = transaction.ends()
        if entries:
            end = ends.get(self._changelog.partition)
            if end is None:
                raise UnknownStateError("The broker does not say where the changelog's records are.")
            state.committed(self._changelog.reached(end, entries[-1], self._topic_id))
        self.unconfirmed.committed(ends, positions)
        self._clock.committed(
            transaction.appended_at(self._changelog.partition),
            before=began,
            after=time.time(),
            now=time.monotonic(),
        )

    def _put_position(self, partition: TopicPartition, offset: int) -> None:
        topic_id = self.topic_ids.get(partition.topic, "")
        self.state.put(*position_entry(partition, Position(offset=offset, topic_id=topic_id)))

    # -- which commits are seen to have ended

    async def confirmed(self) -> None:
        """Return once the last commit is seen in the changelog; where its marker is missing, write the marker."""
        began = standing_since = time.monotonic()
        pause = _FIRST_POLL_SECONDS
        while not self.unconfirmed.seen_in_changelog():
            answered = await self._look_at_changelog()
            if self.unconfirmed.seen_in_changelog():
                break
            now = time.monotonic()
            if now - began > self._patience:
                raise UnknownStateError("The last commit is not seen in the changelog.")
            if not answered:
                standing_since = now  # a broker that is away leaves out no marker
            elif now - standing_since > _SETTLE_SECONDS:
                await self._settle(self.unconfirmed.partitions())
                standing_since = time.monotonic()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_POLL_SECONDS)

    async def _look_at_changelog(self) -> bool:
        """Whether the broker answers with the last stable offset of the changelog."""
        try:
            stable = await self._ends.stable([self._changelog.partition])
        except (KafkaError, OSError, TimeoutError):
            return False
        self.note_stable(stable)
        return bool(stable)

    def note_stable(self, stable: Mapping[TopicPartition, int]) -> None:
        """Take up last stable offsets of partitions that were written."""
        self.unconfirmed.observe(stable, time.monotonic())

    async def settle_what_hangs(self) -> None:
        """Between two transactions: write a COMMIT marker wherever the marker of a committed transaction does not show."""
        self._look_again()
        await self._wait_until_ready()
        hanging = self.unconfirmed.overdue(_SETTLE_SECONDS, time.monotonic())
        if hanging:
            await self._settle(hanging)

    async def _settle(self, partitions: Collection[TopicPartition]) -> None:
        """Every transaction of this claim so far was committed, or the claim would have ended."""
        async with asyncio.timeout(self._patience):
            await settle(self._producer, frozenset(partitions), Marker.COMMIT, lane=self._changelog.lane)
        self.unconfirmed.settled(partitions, time.monotonic())

    def check_clock(self) -> None:
        """Raise ClockError if the clock has been moved since the last commit; called before anything is decided."""
        self._clock.check(time.time(), time.monotonic())

    async def close(self) -> None:
        """Stop the producer and close the state, even under a cancellation: the next claim opens the same directory."""
        try:
            if self._ready is not None:
                self._ready.cancel()
                await asyncio.gather(self._ready, return_exceptions=True)
            if await stop_producer(self._producer):
                forget_note(self._directory)
        finally:
            self.state.close()


async def _fence(
    producer: AIOKafkaProducer,
    described: LastTransaction,
    settings: LaneSettings,
    directory: Path,
    transactional_id: str,
) -> tuple[ClaimNote, LastTransaction]:
    """Fence every earlier owner; the note for the next claim, already written, and how the last transaction ended."""
    before = read_note(directory)
    remembered = before.last if before is not None and before.producer == described.producer else None
    await asyncio.wait_for(producer.start(), settings.transaction_timeout + MARGIN_SECONDS)
    last = evidence(described, remembered, producer_of(producer))
    learnt = ClaimNote(transactional_id=transactional_id, producer=producer_of(producer), last=last)
    write_note(directory, learnt)
    return learnt, last


async def _decisions(changelog: Changelog, ends: LogEnds, stable: Offsets) -> Mapping[TopicPartition, Marker]:
    """The operators' decisions in the changelog about partitions that hang at these last stable offsets."""
    log = await _log_of(changelog, ends)
    return decisions_in(values_of(await changelog.tail(log.start, log.end)), stable)


async def _log_of(changelog: Changelog, ends: LogEnds) -> Log:
    partition = changelog.partition
    log = (await ends.logs([partition])).get(partition)
    if log is None:
        raise NotConnectedError(f"There is no topic {partition.topic}: `instep network apply` makes it.")
    return log


async def _find_topics(producer: AIOKafkaProducer, outputs: Collection[TopicPartition]) -> None:
    """Learn the leaders of all outputs with a single request; aiokafka would ask for all of them again for each topic."""
    topics = {partition.topic for partition in outputs}
    await producer.client.set_topics(topics | producer.client.cluster.topics())
