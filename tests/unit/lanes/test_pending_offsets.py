"""Positions are the group's to have once their commit is seen in the changelog, and pending until the group has them."""

from aiokafka import TopicPartition

from instep.lanes.pending_offsets import PendingOffsets

IN, OUTBOX = TopicPartition("in", 0), TopicPartition("leeds.outbox", 0)


def test_a_position_is_pending_only_once_its_commit_is_seen_in_the_changelog() -> None:
    offsets = PendingOffsets()
    offsets.committed({IN: 3})
    assert offsets.pending() == {}
    offsets.seen()
    assert offsets.pending() == {IN: 3}


def test_the_newest_position_of_each_partition_is_pending() -> None:
    offsets = PendingOffsets()
    offsets.committed({IN: 3, OUTBOX: 9})
    offsets.committed({IN: 5})
    offsets.seen()
    assert offsets.pending() == {IN: 5, OUTBOX: 9}


def test_what_the_group_has_is_pending_no_longer() -> None:
    offsets = PendingOffsets()
    offsets.committed({IN: 3, OUTBOX: 9})
    offsets.seen()
    offsets.group_has({IN: 3})
    assert offsets.pending() == {OUTBOX: 9}


def test_a_position_that_moved_on_while_the_group_was_asked_stays_pending() -> None:
    offsets = PendingOffsets()
    offsets.committed({IN: 3})
    offsets.seen()
    asked = offsets.pending()
    offsets.committed({IN: 5})
    offsets.seen()
    offsets.group_has(asked)
    assert offsets.pending() == {IN: 5}


def test_asking_changes_nothing() -> None:
    offsets = PendingOffsets()
    offsets.committed({IN: 3})
    offsets.seen()
    offsets.pending().clear()
    assert offsets.pending() == {IN: 3}
