"""A gap that a lane states through the group's offsets comes back unchanged, and the offsets stay evidence."""

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from instep.lanes.positions import Cause, Gap
from instep.lanes.stated import gap_of, offset_of, statements

OUTBOX = TopicPartition("leeds.outbox", 0)
GAP = Gap(partition=OUTBOX, position=7, start=9, topic_id="id-1", cause=Cause.GROUP_AHEAD)


@pytest.mark.parametrize("committed", [None, 0, 12])
def test_a_gap_is_read_back_and_the_group_has_what_it_had(committed: int | None) -> None:
    offsets = statements([GAP], {OUTBOX: committed})
    assert gap_of(OUTBOX, offsets[OUTBOX]) == GAP
    assert offset_of(offsets[OUTBOX]) == committed
    assert len(offsets[OUTBOX].metadata) < 1024  # Kafka takes 4096


@pytest.mark.parametrize(
    "committed", [None, OffsetAndMetadata(-1, ""), OffsetAndMetadata(5, ""), OffsetAndMetadata(5, "mine")]
)
def test_other_offsets_tell_of_no_gap(committed: OffsetAndMetadata | None) -> None:
    assert gap_of(OUTBOX, committed) is None
    assert offset_of(committed) == (5 if committed is not None and committed.offset == 5 else None)
