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

from instep.lanes.log_ends import LastTransaction

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
    - It was aborted: where the changelog hangs too, abort. Else its marker is in the changelog, and what hangs elsewhere
      may belong to it or to a committed one before it: undecided.
    - The coordinator knows of none: undecided.
    """
    held = frozenset(hanging)
    match last.state:
        case "CompleteCommit" | "PrepareCommit":
            return Settlement(commit=held)
        case "Ongoing":
            return Settlement(commit=held - last.partitions, abort=held & last.partitions)
        case "CompleteAbort" | "PrepareAbort" | "PrepareEpochFence" if changelog in held:
            return Settlement(abort=held)
        case _:
            return Settlement(undecided=held)
