"""The barrier passes when everything has ended, settles hanging transactions, and stops where nobody can tell."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from types import SimpleNamespace
from typing import cast

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError

from instep.errors import HangingTransactionError, NotConnectedError
from instep.kafka.log_ends import LastTransaction, LogEnds, Offsets
from instep.lanes import barrier as module
from instep.lanes.barrier import Barrier
from instep.lanes.hanging import Hanging
from instep.lanes.settlement import Marker

CHANGELOG, INBOX = TopicPartition("instep.router.state", 0), TopicPartition("leeds.inbox.council-tax", 0)
COMMITTED, ABORTED, UNKNOWN = (
    LastTransaction(state=state) for state in ("CompleteCommit", "CompleteAbort", "Empty")
)


class Cluster:
    """Two partitions, each with an end and a last stable offset; a marker of ours moves both."""

    def __init__(self, *, hanging: Iterable[TopicPartition] = (), leaderless: Iterable[TopicPartition] = ()):
        self.end = {CHANGELOG: 7, INBOX: 9}
        self.lso = {tp: end - 2 if tp in set(hanging) else end for tp, end in self.end.items()}
        self.leaderless = set(leaderless)
        self.settled: list[tuple[str, frozenset[TopicPartition]]] = []
        self.shared_ends = SimpleNamespace(of=self._ends)
        self.shared_stable = SimpleNamespace(of=self.stable)
        self.lost_markers = 0
        """How many markers the broker leaves out yet."""
        self.refused: Exception | None = None
        self._added: set[TopicPartition] = set()
        self._txn_manager = SimpleNamespace(
            maybe_add_partition_to_txn=self._added.add,
            partitions_to_add=lambda: set(),
            wait_for_transaction_end=self._ended,
        )

    def _ended(self) -> object:
        refused = self.refused

        def result() -> None:
            if refused is not None:
                raise refused

        return SimpleNamespace(done=lambda: refused is not None, result=result)

    async def existing(self, partitions: Collection[TopicPartition]) -> set[TopicPartition]:
        return set(partitions) & self.end.keys()

    async def _ends(self, partitions: Collection[TopicPartition]) -> Offsets:
        return {tp: self.end[tp] for tp in partitions if tp not in self.leaderless}

    async def stable(self, partitions: Collection[TopicPartition]) -> Offsets:
        return {tp: self.lso[tp] for tp in partitions if tp not in self.leaderless}

    async def begin_transaction(self) -> None:
        self._added.clear()

    async def commit_transaction(self) -> None:
        self._mark("commit")

    async def abort_transaction(self) -> None:
        self._mark("abort")

    def _mark(self, how: str) -> None:
        self.settled.append((how, frozenset(self._added)))
        if self.lost_markers:
            self.lost_markers -= 1
            return
        for partition in self._added:
            self.end[partition] += 1
            self.lso[partition] = self.end[partition]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(module, "_DECISION_SECONDS", 0.1)
    monkeypatch.setattr(module, "MARGIN_SECONDS", 0.0)


async def passed(
    cluster: Cluster,
    last: LastTransaction,
    decided: Mapping[TopicPartition, Marker] | None = None,
    *,
    partitions: Collection[TopicPartition] = (INBOX,),
) -> list[str]:
    """Pass the barrier; returns the reasons for waiting that the barrier noted."""
    notes: list[str] = []

    async def decisions(stable: Offsets) -> Mapping[TopicPartition, Marker]:
        return decided or {}

    barrier = Barrier(
        cast(LogEnds, cluster),
        partitions,
        CHANGELOG,
        hanging=Hanging(),
        note=notes.append,
        transaction_timeout=0.5,
    )
    await barrier.passed(cast(AIOKafkaProducer, cluster), last, decisions, lane=0)
    return notes


@pytest.mark.parametrize("last", [COMMITTED, ABORTED, UNKNOWN])
async def test_where_everything_has_ended_nothing_is_settled(last: LastTransaction) -> None:
    cluster = Cluster()
    assert await passed(cluster, last) == [""]
    assert cluster.settled == []


async def test_what_hangs_after_a_commit_is_committed_by_a_transaction_of_our_own() -> None:
    cluster = Cluster(hanging=[CHANGELOG, INBOX])
    notes = await passed(cluster, COMMITTED)
    assert cluster.settled == [("commit", frozenset({CHANGELOG, INBOX}))]
    assert any("instep.router.state-0" in note for note in notes)
    assert notes[-1] == ""


async def test_what_hangs_in_the_changelog_after_an_abort_is_aborted() -> None:
    cluster = Cluster(hanging=[CHANGELOG])
    await passed(cluster, ABORTED)
    assert cluster.settled == [("abort", frozenset({CHANGELOG}))]


async def test_a_decision_about_a_part_is_none() -> None:
    """A commit would be the coordinator's last word, and the next claim would go by it for the rest."""
    cluster = Cluster(hanging=[CHANGELOG, INBOX])
    with pytest.raises(HangingTransactionError):
        await passed(cluster, UNKNOWN, {INBOX: Marker.COMMIT})
    assert cluster.settled == []


async def test_where_nobody_can_tell_the_barrier_stops_with_a_sentence() -> None:
    cluster = Cluster(hanging=[INBOX])
    with pytest.raises(HangingTransactionError, match=r"lane 0 has no end in leeds\.inbox\.council-tax-0"):
        await passed(cluster, UNKNOWN)
    assert cluster.settled == []


@pytest.mark.parametrize("ending", list(Marker))
async def test_an_operators_decision_is_carried_out(ending: Marker) -> None:
    cluster = Cluster(hanging=[INBOX])
    await passed(cluster, UNKNOWN, {INBOX: ending})
    assert cluster.settled == [(ending.value, frozenset({INBOX}))]


async def test_a_transaction_of_another_lane_that_ends_in_time_is_waited_for() -> None:
    cluster = Cluster(hanging=[INBOX])
    asked = 0

    async def ends_later(partitions: Collection[TopicPartition]) -> Offsets:
        nonlocal asked
        asked += 1
        if asked == 3:
            cluster.lso[INBOX] = cluster.end[INBOX]
        return await Cluster.stable(cluster, partitions)

    cluster.shared_stable = SimpleNamespace(of=ends_later)
    await passed(cluster, UNKNOWN)
    assert cluster.settled == []


async def test_a_topic_that_is_not_there_is_not_waited_for() -> None:
    await passed(Cluster(), COMMITTED, partitions=[INBOX, TopicPartition("gone.inbox.x", 0)])


async def test_a_partition_without_a_leader_is_waited_for_and_named() -> None:
    cluster = Cluster(leaderless=[INBOX])
    with pytest.raises(NotConnectedError, match=r"no leader for leeds\.inbox\.council-tax-0"):
        await passed(cluster, COMMITTED)
    assert cluster.settled == []


async def test_what_was_aborted_is_not_left_to_the_next_transaction_which_would_commit_it() -> None:
    cluster = Cluster(hanging=[INBOX])
    cluster.lost_markers = 1
    with pytest.raises(TimeoutError):
        await passed(cluster, LastTransaction(state="Ongoing", partitions=frozenset({INBOX})))
    assert cluster.settled == [("abort", frozenset({INBOX}))]


async def test_the_last_word_is_committed_only_when_nothing_is_left_to_abort() -> None:
    cluster = Cluster(hanging=[CHANGELOG, INBOX])
    await passed(cluster, LastTransaction(state="Ongoing", partitions=frozenset({INBOX})))
    assert cluster.settled == [("abort", frozenset({INBOX})), ("commit", frozenset({CHANGELOG}))]


@pytest.mark.parametrize("last", [COMMITTED, ABORTED])
async def test_a_marker_that_the_lane_may_not_write_is_not_taken_for_written(last: LastTransaction) -> None:
    cluster = Cluster(hanging=[CHANGELOG, INBOX])
    cluster.refused = TopicAuthorizationFailedError()
    with pytest.raises(TopicAuthorizationFailedError):
        await passed(cluster, last)
    assert cluster.settled == []


async def test_a_partition_that_cannot_be_added_is_not_waited_for_without_end() -> None:
    cluster = Cluster(hanging=[CHANGELOG])
    cluster._txn_manager.partitions_to_add = lambda: {CHANGELOG}
    async with asyncio.timeout(5.0):
        with pytest.raises(TimeoutError):
            await passed(cluster, COMMITTED)
    assert cluster.settled == []
