"""Waits, in a claim, until all transactions of the lane's earlier owners have ended, and ends those that hang.

A claim takes a lane (one share of the partitions) from its earlier owners, and passes the barrier before it reads
anything. `InitProducerId` aborts the transaction that an earlier owner left open, and Kafka promises an end marker on
every partition. The barrier looks for these markers on every partition that the lane may write. There the last stable
offset (LSO) has to reach the end of the log, as read after `InitProducerId`.

Where a marker does not come, the transaction hangs. The lane settles it: the lane sends an empty transaction of its own,
which adds the partition and writes nothing there. The marker of the empty transaction ends whatever the same producer left
open. The module `settlement` decides between commit and abort.

Other lanes write to some of the partitions too, and may have a transaction open for as long as the limit of a
transaction. This lane's marker does not end their transactions. But where nobody can tell how this lane's own
transaction ended, the barrier waits as long as another lane's transaction may last, and then until an operator
decides.

The decision: `services/decisions/001-claims-that-prove-what-they-build-on.md`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from collections.abc import Set as AbstractSet

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition

from instep.errors import HangingTransactionError, NotConnectedError
from instep.kafka.log_ends import LastTransaction, LogEnds, Offsets
from instep.lanes.hanging import Hanging
from instep.lanes.settlement import Marker, Settlement, how_to_settle

_log = structlog.get_logger("instep.lanes")

GRACE_SECONDS = 2.0
"""How long transactions of other lanes may take to end before a hanging transaction is taken for our own."""
MARGIN_SECONDS = 15.0
"""How long after the limit of a transaction the broker may take to abort it."""
_POLL_SECONDS = 0.02
_LONGEST_POLL_SECONDS = 1.0
_DECISION_SECONDS = 5.0
_SHOWN = 3

Decisions = Callable[[Offsets], Awaitable[Mapping[TopicPartition, Marker]]]
"""The operators' decisions about partitions that hang at these last stable offsets."""


async def settle(
    producer: AIOKafkaProducer, partitions: AbstractSet[TopicPartition], ending: Marker, *, lane: int
) -> None:
    """End the producer's open transactions on the partitions, by a transaction that adds them and writes nothing."""
    if not partitions:
        return
    _log.info("transaction settled", lane=lane, ending=str(ending), partitions=named(partitions))
    manager = producer._txn_manager
    await producer.begin_transaction()
    for partition in partitions:
        manager.maybe_add_partition_to_txn(partition)
    while manager.partitions_to_add():
        _raise_failure(manager)
        await asyncio.sleep(_POLL_SECONDS)
    _raise_failure(
        manager
    )  # or aiokafka would "abort" without a word a partition that it was not allowed to add
    await (producer.commit_transaction() if ending is Marker.COMMIT else producer.abort_transaction())


def _raise_failure(manager: object) -> None:
    """aiokafka keeps the error in the transaction's future."""
    waiter = manager.wait_for_transaction_end()  # type: ignore[attr-defined]
    if waiter.done():
        waiter.result()


class Barrier:
    """A claim's barrier. `note` receives the partitions that the lane waits for; "" when the wait is over."""

    def __init__(
        self,
        ends: LogEnds,
        partitions: Collection[TopicPartition],
        changelog: TopicPartition,
        *,
        hanging: Hanging,
        note: Callable[[str], None],
        transaction_timeout: float,
    ) -> None:
        self._ends = ends
        self._partitions = frozenset({*partitions, changelog})
        self._changelog = changelog
        self._hanging = hanging
        self._note = note
        self.there: frozenset[TopicPartition] = frozenset()
        """The partitions whose topic exists; known once the barrier is passed."""
        self._longest = transaction_timeout + MARGIN_SECONDS

    async def passed(
        self, producer: AIOKafkaProducer, last: LastTransaction, decisions: Decisions, *, lane: int
    ) -> Offsets:
        """Return when no transaction of this lane's earlier owners is open. Raises HangingTransactionError.

        Where a commit was settled on a partition that other lanes write too, nobody has waited for the marker. For such
        partitions the answer holds the offset that the LSO has yet to reach.
        """
        target: Offsets = {}
        self.there = frozenset(await self._ends.existing(self._partitions))
        left = await self._unfinished(self.there, target, GRACE_SECONDS)
        settlement = how_to_settle(last, left, self._changelog)
        await self._carry_out(producer, settlement, lane)
        if settlement.undecided:
            await self._decided(producer, settlement.undecided, target, decisions, lane)
        # The changelog is ours alone, so there the marker must show. And an aborted transaction must not be left to the next
        # transaction, which would commit both. Others may share those partitions, and their transactions end in time.
        await self._until_finished(settlement.abort | ({self._changelog} & settlement.commit), target)
        self._note("")
        return {partition: target[partition] for partition in settlement.commit if partition in target}

    async def _carry_out(self, producer: AIOKafkaProducer, settlement: Settlement, lane: int) -> None:
        """Abort first, then commit: a claim that is cut off in between leaves "committed" as the last word only when
        nothing aborted is left.
        """
        await self._settle(producer, settlement.abort, Marker.ABORT, lane)
        await self._settle(producer, settlement.commit, Marker.COMMIT, lane)

    async def _settle(
        self, producer: AIOKafkaProducer, partitions: AbstractSet[TopicPartition], ending: Marker, lane: int
    ) -> None:
        async with asyncio.timeout(self._longest):
            await settle(producer, partitions, ending, lane=lane)

    async def _decided(
        self,
        producer: AIOKafkaProducer,
        undecided: AbstractSet[TopicPartition],
        target: Offsets,
        decisions: Decisions,
        lane: int,
    ) -> None:
        """Wait for other lanes' transactions to end, and then for an operator where partitions still hang."""
        began = time.monotonic()
        left = set(undecided)
        while left := await self._unfinished(left, target, _DECISION_SECONDS):
            stable = await self._ends.stable(left)
            decided = await decisions(stable)
            if left <= decided.keys():
                # All or nothing: a commit would be the last word on the partitions that are left.
                for ending in (Marker.ABORT, Marker.COMMIT):
                    chosen = frozenset(tp for tp in left if decided[tp] is ending)
                    await self._settle(producer, chosen, ending, lane)
                return
            if time.monotonic() - began > self._longest:
                raise HangingTransactionError(sentence(left, lane))

    async def _until_finished(self, partitions: AbstractSet[TopicPartition], target: Offsets) -> None:
        if partitions and await self._unfinished(partitions, target, self._longest):
            raise TimeoutError

    async def _unfinished(
        self, partitions: AbstractSet[TopicPartition], target: Offsets, seconds: float
    ) -> set[TopicPartition]:
        """The partitions whose LSO has not reached its target in time. A target is the end at the first question.

        Nobody can settle a partition without a leader, so a claim waits for the leader.
        """
        left = set(partitions)
        until, pause = time.monotonic() + seconds, _POLL_SECONDS
        while True:
            target |= await self._ends.shared_ends.of(left - target.keys())
            stable = await self._ends.shared_stable.of(left & target.keys())
            now = time.monotonic()
            for partition in left & stable.keys():
                self._hanging.observe(partition, stable[partition], target[partition], now)
            left = {tp for tp in left if tp not in target or stable.get(tp, -1) < target[tp]}
            if not left:
                return left
            self._note(f"transactions that are open in {named(left)}")
            if left <= stable.keys() and now > until:
                return left
            if now > until + self._longest:
                raise NotConnectedError(f"There is no leader for {named(left - stable.keys())}.")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_POLL_SECONDS)


def named(partitions: Collection[TopicPartition]) -> str:
    """The names of the first few partitions, and the number of the others."""
    names = [f"{topic}-{number}" for topic, number in sorted(partitions)]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def sentence(partitions: Collection[TopicPartition], lane: int) -> str:
    """The sentence for an operator about transactions that only a decision can end."""
    return (
        f"A transaction of lane {lane} has no end in {named(partitions)}, and the broker does not know whether it was"
        " committed: `instep lane settle SERVICE LANE` decides, and the lane goes on."
    )
