"""The lane that a record belongs to: by murmur2 of the record's key, as Java's default partitioner does.

aiokafka computes murmur2 byte by byte; the function here reads whole words and takes a third of the time. Keys repeat (a
person has several events), so a cache holds the lanes of recent keys.

The decision: `services/decisions/005-one-partition-for-a-tenants-topic.md`.
"""

from collections.abc import Callable
from functools import lru_cache
from struct import unpack_from

LaneOf = Callable[[str, int], int]
"""The lane of a partition, given its topic and number."""

_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32-bit murmur2 of `data`, unsigned; org.apache.kafka.common.utils.Utils.murmur2."""
    length = len(data)
    h = 0x9747B28C ^ length
    words = length >> 2
    for k in unpack_from(f"<{words}I", data):
        k = k * _M & _MASK
        h = h * _M & _MASK ^ (k ^ k >> 24) * _M & _MASK
    tail = data[words << 2 :]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


@lru_cache(maxsize=65536)
def lane_of(key: bytes, lanes: int) -> int:
    """The partition, 0 to `lanes` - 1, that Java's default partitioner gives a record with this key."""
    return (murmur2(key) & 0x7FFFFFFF) % lanes


def lane_numbering(lanes: int) -> LaneOf:
    """The lane of a topic partition: hub partition k is lane k; an authority's topics belong to one lane, by its id."""

    def lane(topic: str, partition: int) -> int:
        authority, _, _ = topic.partition(".")
        return partition if authority == "instep" else lane_of(authority.encode(), lanes)

    return lane
