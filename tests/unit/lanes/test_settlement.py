"""Which way a transaction without an end goes: only where the coordinator's word decides."""

import pytest
from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from instep.lanes.log_ends import LastTransaction
from instep.lanes.settlement import Settlement, how_to_settle

CHANGELOG = TopicPartition("instep.router.state", 0)
INBOX, OUTCOMES = TopicPartition("leeds.inbox.council-tax", 0), TopicPartition("leeds.outcomes", 0)
ALL = frozenset({CHANGELOG, INBOX, OUTCOMES})
STATES = (
    "",
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "PrepareEpochFence",
    "CompleteCommit",
    "CompleteAbort",
    "Dead",
)


@pytest.mark.parametrize("state", ["CompleteCommit", "PrepareCommit"])
def test_what_hangs_after_a_commit_is_committed(state: str) -> None:
    assert how_to_settle(LastTransaction(state=state), ALL, CHANGELOG) == Settlement(commit=ALL)


def test_of_an_ongoing_transaction_its_own_partitions_are_aborted_and_older_ones_committed() -> None:
    last = LastTransaction(state="Ongoing", partitions=frozenset({CHANGELOG, INBOX}))
    assert how_to_settle(last, ALL, CHANGELOG) == Settlement(
        commit=frozenset({OUTCOMES}), abort=frozenset({CHANGELOG, INBOX})
    )


def test_what_hangs_together_with_the_changelog_after_an_abort_is_aborted() -> None:
    assert how_to_settle(LastTransaction(state="CompleteAbort"), ALL, CHANGELOG) == Settlement(abort=ALL)


def test_what_hangs_elsewhere_after_an_abort_may_be_older_and_is_nobodys_to_decide() -> None:
    hanging = ALL - {CHANGELOG}
    decided = how_to_settle(LastTransaction(state="CompleteAbort"), hanging, CHANGELOG)
    assert decided == Settlement(undecided=hanging)


@pytest.mark.parametrize("state", ["", "Empty", "Dead", "a word of a later Kafka"])
def test_what_the_coordinator_does_not_know_is_nobodys_to_decide(state: str) -> None:
    assert how_to_settle(LastTransaction(state=state), ALL, CHANGELOG) == Settlement(undecided=ALL)


@given(
    st.sampled_from(STATES),
    st.frozensets(st.sampled_from(sorted(ALL))),
    st.frozensets(st.sampled_from(sorted(ALL))),
)
def test_each_partition_that_hangs_is_decided_once(
    state: str, hanging: frozenset[TopicPartition], ongoing: frozenset[TopicPartition]
) -> None:
    last = LastTransaction(state=state, partitions=ongoing)
    decided = how_to_settle(last, hanging, CHANGELOG)
    parts = (decided.commit, decided.abort, decided.undecided)
    assert frozenset().union(*parts) == hanging
    assert sum(map(len, parts)) == len(hanging)
