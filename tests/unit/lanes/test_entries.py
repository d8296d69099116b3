"""The engine's entries come back from bytes as they went in."""

import pytest
from aiokafka import TopicPartition

from instep.errors import HubRecordError
from instep.lanes.entries import (
    accepted_entry,
    accepted_in,
    decisions_in,
    position_entry,
    position_in,
    settled_entry,
)
from instep.lanes.positions import Cause, Gap, Position
from instep.lanes.settlement import Marker

OUTBOX, HUB = TopicPartition("leeds.outbox", 0), TopicPartition("instep.events", 3)
GAP = Gap(partition=HUB, position=None, start=7, topic_id="id-1", cause=Cause.LOST)


class Entries(dict[bytes, bytes]):
    """A state with the given entries."""

    def put(self, key: bytes, value: bytes) -> None:
        self[key] = value

    def delete(self, key: bytes) -> None:
        del self[key]

    def scan(self, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        raise NotImplementedError


def test_a_position_keeps_its_topics_id() -> None:
    position = Position(offset=12, topic_id="8c2f")
    state = Entries([position_entry(OUTBOX, position)])
    assert position_in(state, OUTBOX) == position
    assert position_in(state, HUB) is None


def test_a_position_of_an_older_version_has_no_topics_id() -> None:
    key, _ = position_entry(OUTBOX, Position(offset=0))
    assert position_in(Entries({key: b"12"}), OUTBOX) == Position(offset=12)


def test_a_position_that_instep_has_not_written_is_named() -> None:
    key, _ = position_entry(OUTBOX, Position(offset=0))
    with pytest.raises(HubRecordError, match=r"leeds\.outbox/0"):
        position_in(Entries({key: b"\xff"}), OUTBOX)


def test_an_acceptance_is_of_one_gap_and_no_other() -> None:
    state = Entries([accepted_entry(GAP, goes_on_at=7, by="somebody", at=1)])
    assert accepted_in(state, GAP) == 7
    for other in (
        Gap(partition=HUB, position=3, start=7, topic_id="id-1", cause=Cause.EXPIRED),
        Gap(partition=HUB, position=None, start=8, topic_id="id-1", cause=Cause.LOST),
        Gap(partition=HUB, position=None, start=7, topic_id="id-2", cause=Cause.LOST),
        Gap(partition=OUTBOX, position=None, start=7, topic_id="id-1", cause=Cause.LOST),
    ):
        assert accepted_in(state, other) is None


def test_a_decision_is_of_what_hung_then_and_of_nothing_later() -> None:
    state = Entries([settled_entry({HUB: 40, OUTBOX: 5}, Marker.COMMIT, by="somebody", at=1)])
    assert decisions_in(state, {HUB: 40, OUTBOX: 6}) == {HUB: Marker.COMMIT}
