"""Decides whether the hanging transactions of a lane (one share of the partitions) are committed or aborted. Pure.

A transaction hangs on a partition where its end marker is missing, so that the last stable offset stays below the end.
Kafka 4.3.0, 4.3.1 and 4.4.0 leave a marker out when a partition has no leader at that moment (KAFKA-20734). The next marker
of the same producer then ends the transaction, whichever way the marker goes. So a lane writes the next marker itself, the
right way, before anything else.

The decision rests on the state of the lane's last transaction, as Kafka's transaction coordinator gave it, and on a rule of
the engine: a lane adds partitions to a transaction only after the marker of the last transaction is seen in the changelog
(the lane's partition of `instep.<service>.state`). So in the changelog at most the last transaction hangs.

The decision: `services/decisions/001-claims-that-prove-what-they-build-on.md`.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from aiokafka import TopicPartition

from instep.kafka.log_ends import LastTransaction

Partitions = frozenset[TopicPartition]


class Marker(StrEnum):
    """The marker that ends a transaction."""

    COMMIT = "commit"
    ABORT = "abort"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settlement:
    """The hanging partitions to commit, those to abort, and those for which nobody can tell."""

    commit: Partitions = frozenset()
    abort: Partitions = frozenset()
    undecided: Partitions = frozenset()


def how_to_settle(
    last: LastTransaction, hanging: AbstractSet[TopicPartition], changelog: TopicPartition
) -> Settlement:
    """The markers of the hanging partitions, by the state of the last transaction.

    - Committed, or about to be: every transaction before was committed as well, so commit.
    - Ongoing: the claim aborts the transaction. Its partitions are known; a partition that hangs elsewhere does so by an
      older transaction, which was committed.
    - Aborted: in the changelog the aborted transaction itself hangs, so abort there. Elsewhere either the aborted
      transaction hangs or a committed one before: undecided.
    - Unknown to the coordinator: undecided.
    """
    partitions = frozenset(hanging)
    match last.state:
        case "CompleteCommit" | "PrepareCommit":
            return Settlement(commit=partitions)
        case "Ongoing":
            return Settlement(commit=partitions - last.partitions, abort=partitions & last.partitions)
        case "CompleteAbort" | "PrepareAbort" | "PrepareEpochFence":
            return Settlement(abort=partitions & {changelog}, undecided=partitions - {changelog})
        case _:
            return Settlement(undecided=partitions)


def evidence(
    described: LastTransaction, remembered: LastTransaction | None, producer: tuple[int, int]
) -> LastTransaction:
    """How the last transaction ended, by the coordinator's answer before `InitProducerId` and the producer afterwards.

    Between the question and the claim the state may have changed: a commit was on its way, or another worker was at work.
    The epoch shows this. The epoch rises by one where nothing was open, and by two where a transaction was aborted.
    Where the epoch rose otherwise, nobody can tell. `remembered` is an earlier claim's answer, which counts where the
    coordinator knows of nothing since.
    """
    producer_id, epoch = described.producer
    steps = 2 if described.state == "Ongoing" else 1
    if described.state and producer != (producer_id, epoch + steps):
        return LastTransaction(state="")
    return remembered if remembered is not None and described.state == "Empty" else described
