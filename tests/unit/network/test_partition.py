"""Lanes are the partitions that Java's default partitioner gives."""

from aiokafka.partitioner import murmur2 as reference
from hypothesis import given
from hypothesis import strategies as st

from instep.network.partition import lane_of, murmur2


@given(st.binary(max_size=80))
def test_murmur2_is_kafkas(data: bytes) -> None:
    assert murmur2(data) == reference(data) & 0xFFFFFFFF


@given(st.binary(max_size=80), st.integers(1, 64))
def test_a_lane_is_javas_partition(key: bytes, lanes: int) -> None:
    assert lane_of(key, lanes) == (reference(key) & 0x7FFFFFFF) % lanes


def test_known_keys_of_javas_client() -> None:
    """From org.apache.kafka.common.utils.UtilsTest."""
    assert murmur2(b"21") - 2**32 == -973932308
    assert murmur2(b"foobar") - 2**32 == -790332482
    assert murmur2(b"a-little-bit-long-string") - 2**32 == -985981536
