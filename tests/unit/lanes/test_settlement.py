"""A transaction without an end is ended only where the coordinator's word decides the way."""

import pytest
from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from instep.kafka.log_ends import LastTransaction
from instep.lanes.settlement import Settlement, evidence, how_to_settle

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


def test_what_hangs_in_the_changelog_after_an_abort_is_aborted_and_the_rest_is_nobodys_to_decide() -> None:
    decided = how_to_settle(LastTransaction(state="CompleteAbort"), ALL, CHANGELOG)
    assert decided == Settlement(abort=frozenset({CHANGELOG}), undecided=ALL - {CHANGELOG})


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


@pytest.mark.parametrize(
    ("state", "epoch", "believed"),
    [
        ("CompleteCommit", 8, True),
        ("CompleteCommit", 9, False),  # a transaction was open after all, and is aborted now
        ("CompleteAbort", 8, True),
        ("Empty", 8, True),
        ("Ongoing", 9, True),
        ("Ongoing", 8, False),  # it was committed after all
        ("Ongoing", 10, False),
    ],
)
def test_the_coordinators_word_counts_only_if_nothing_came_between(
    state: str, epoch: int, believed: bool
) -> None:
    described = LastTransaction(state=state, producer=(17, 7))
    assert evidence(described, None, (17, epoch)).state == (state if believed else "")


def test_another_producer_id_is_no_successor() -> None:
    assert evidence(LastTransaction(state="CompleteCommit", producer=(17, 7)), None, (18, 8)).state == ""


def test_what_an_earlier_claim_learnt_counts_where_the_coordinator_has_forgotten() -> None:
    learnt = LastTransaction(state="Ongoing", partitions=frozenset({INBOX}))
    assert evidence(LastTransaction(state="Empty", producer=(17, 7)), learnt, (17, 8)) == learnt
    committed = LastTransaction(state="CompleteCommit", producer=(17, 7))
    assert evidence(committed, learnt, (17, 8)) == committed
    assert evidence(LastTransaction(state="Empty", producer=(17, 7)), learnt, (17, 9)).state == ""
