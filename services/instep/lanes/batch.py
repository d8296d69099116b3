"""Defines a batch: the records of a partition from a single fetch, and the positions before and after them."""

from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in order, from the position `before` up to the position `after`.

    Without records, only the position has moved, past transaction markers or aborted records.
    """

    partition: TopicPartition
    before: int
    after: int
    records: list[ConsumerRecord]
    size: int  # bytes of values
    claim: int  # number of the claim under which the batch was fetched
    last: bool = True  # of its fetch


def size_of(records: list[ConsumerRecord]) -> int:
    """Bytes of values."""
    return sum(record.serialized_value_size for record in records if record.value is not None)
