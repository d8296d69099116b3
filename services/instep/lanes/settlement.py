"""How transactions that hang are to be ended: decided from how the coordinator says that the lane's last one ended.

A partition hangs where the last stable offset stays below the end: a transaction there has no end marker. Kafka 4.3.0,
4.3.1 and 4.4.0 leave a marker out when a partition has no leader at that moment (KAFKA-20734). The next marker of the
same producer then ends the transaction, whichever way that marker goes. So a lane writes that marker itself, the right
way, before anything else.

What follows rests on one rule of the engine: a lane adds partitions to a transaction only after the marker of the one
before is seen in its changelog. So in the changelog at most the last transaction hangs.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from aiokafka import TopicPartition

from instep.kafka.log_ends import LastTransaction

Partitions = frozenset[TopicPartition]


class Ending(StrEnum):
    """Which way a transaction ends."""

    COMMIT = "commit"
    ABORT = "abort"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settlement:
    """Which of the hanging partitions to commit, which to abort, and for which nobody can tell."""

    commit: Partitions = frozenset()
    abort: Partitions = frozenset()
    undecided: Partitions = frozenset()


def how_to_settle(
    last: LastTransaction, hanging: AbstractSet[TopicPartition], changelog: TopicPartition
) -> Settlement:
    """What `last` says about partitions that hang.

    - The last transaction was committed, or is about to be: every transaction before it was as well, so commit.
    - It is ongoing: the claim aborts it. Its partitions are known; what hangs elsewhere is older, and was committed.
    - It was aborted: what hangs in the changelog is its own, so abort that. What hangs elsewhere may belong to it or to a
      committed one before it: undecided.
    - The coordinator knows of none: undecided.
    """
    held = frozenset(hanging)
    match last.state:
        case "CompleteCommit" | "PrepareCommit":
            return Settlement(commit=held)
        case "Ongoing":
            return Settlement(commit=held - last.partitions, abort=held & last.partitions)
        case "CompleteAbort" | "PrepareAbort" | "PrepareEpochFence":
            return Settlement(abort=held & {changelog}, undecided=held - {changelog})
        case _:
            return Settlement(undecided=held)


def evidence(
    described: LastTransaction, remembered: LastTransaction | None, producer: tuple[int, int]
) -> LastTransaction:
    """How the last transaction ended, from what the coordinator said before `InitProducerId` and the producer after it.

    Between the question and the claim the state may have changed: a commit was on its way, or another worker was at work.
    The epoch tells: it rises by one where nothing was open, and by two where a transaction was aborted. Where it rose
    otherwise nobody can tell. `remembered` is what an earlier claim learnt, where the coordinator knows of nothing since.
    """
    producer_id, epoch = described.producer
    steps = 2 if described.state == "Ongoing" else 1
    if described.state and producer != (producer_id, epoch + steps):
        return LastTransaction(state="")
    return remembered if remembered is not None and described.state == "Empty" else described
