"""A commit counts once the last stable offset has passed; positions count once the commit is seen in the changelog."""

from aiokafka import TopicPartition

from instep.lanes.hanging import Hanging
from instep.lanes.unconfirmed import Unconfirmed

CHANGELOG, INBOX, INPUT = TopicPartition("state", 0), TopicPartition("inbox", 0), TopicPartition("in", 0)


def committed(hanging: Hanging | None = None) -> Unconfirmed:
    unconfirmed = Unconfirmed(CHANGELOG, hanging or Hanging())
    unconfirmed.committed({CHANGELOG: 5, INBOX: 9}, {INPUT: 3})
    return unconfirmed


def test_a_commit_is_seen_in_the_changelog_when_the_lso_has_passed_its_records_there() -> None:
    unconfirmed = committed()
    unconfirmed.observe({CHANGELOG: 4, INBOX: 10}, 0.0)
    assert not unconfirmed.seen_in_changelog()
    assert unconfirmed.partitions() == {CHANGELOG}
    unconfirmed.observe({CHANGELOG: 6}, 1.0)
    assert unconfirmed.seen_in_changelog()
    assert unconfirmed.partitions() == set()


def test_the_group_learns_of_positions_only_once_the_changelog_shows_them() -> None:
    unconfirmed = committed()
    unconfirmed.observe({INBOX: 10}, 0.0)
    assert unconfirmed.offsets.pending() == {}
    unconfirmed.observe({CHANGELOG: 6}, 1.0)
    assert unconfirmed.offsets.pending() == {INPUT: 3}


def test_what_stands_still_is_overdue_once_and_again_after_a_minute() -> None:
    unconfirmed = committed()
    for now in (0.0, 3.0, 6.0):
        unconfirmed.observe({CHANGELOG: 6, INBOX: 2}, now)
    assert unconfirmed.overdue(5.0, 4.0) == set()
    assert unconfirmed.overdue(5.0, 6.0) == {INBOX}
    unconfirmed.settled({INBOX}, 6.0)
    assert unconfirmed.overdue(5.0, 30.0) == set()
    assert unconfirmed.overdue(5.0, 66.0) == {INBOX}


def test_an_lso_that_moves_below_the_end_is_other_lanes_work_and_not_overdue() -> None:
    unconfirmed = committed()
    for now in range(10):
        unconfirmed.observe({CHANGELOG: 6, INBOX: now}, float(now))
    assert unconfirmed.overdue(5.0, 9.0) == set()
    assert unconfirmed.partitions() == set()


def test_how_long_a_partition_hangs_is_told_and_forgotten_when_it_ends() -> None:
    hanging = Hanging()
    unconfirmed = committed(hanging)
    unconfirmed.observe({CHANGELOG: 6, INBOX: 2}, 10.0)
    assert hanging.seconds(70.0) == 60.0
    unconfirmed.observe({INBOX: 10}, 70.0)
    assert hanging.seconds(71.0) == 0.0
