"""A lane's queue counts its batches, is full above its bound, and has room again at half of the bound."""

from types import SimpleNamespace
from typing import Any, cast

from aiokafka import TopicPartition

from instep.lanes.batch import Batch
from instep.lanes.queue import Queue


def batch(at: int, records: int) -> Batch:
    """Of records of ten bytes."""
    made = [SimpleNamespace(offset=at + n, value=b"", serialized_value_size=10) for n in range(records)]
    return Batch(TopicPartition("in", 0), at, at + records, cast(Any, made), 10 * records, 1)


def test_a_queue_is_full_above_its_bound_once_and_has_room_at_half_of_it_once() -> None:
    queue = Queue(most=50)
    assert [queue.offer(batch(at, 2)) for at in (0, 2, 4, 6)] == [False, False, True, False]
    assert [queue.take()[1] for _ in range(4)] == [False, False, True, False]
    assert (queue.bytes, queue.records, bool(queue)) == (0, 0, False)


def test_what_is_put_back_comes_first_and_begins_behind_what_was_decided() -> None:
    queue = Queue(most=1000)
    queue.offer(batch(0, 5))
    queue.offer(batch(5, 1))
    taken, _ = queue.take()
    assert queue.put_back(taken, 3) == 3
    rest, _ = queue.take()
    assert (rest.before, rest.after, [record.offset for record in rest.records]) == (3, 5, [3, 4])
    assert (queue.bytes, queue.records) == (10, 1)
