"""Numbers are written as Avro writes them, and read only so."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from instep.errors import UnsoundBytesError
from instep.events import varint
from tests.unit.events.sample import fastavro_encode, schema_of

LONG = schema_of("long")
LONGS = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 62).map(lambda bits: 2**bits)


def overlong(number: bytes, more: int) -> bytes:
    return number[:-1] + bytes((number[-1] | 128,)) + b"\x80" * (more - 1) + b"\x00"


@given(LONGS)
@example(-(2**63))
@example(2**63 - 1)
def test_a_long_is_written_as_fastavro_writes_it_and_read_back(value: int) -> None:
    written = varint.long(value)
    assert written == fastavro_encode(LONG, {"a": value})
    assert varint.size(value) == len(written)
    for behind in (b"", b"\x00", b"\xff" * 12):
        number, end = varint.read(b"?" + written + behind, 1)
        assert ((number >> 1) ^ -(number & 1), end) == (value, 1 + len(written))


@given(LONGS, st.integers(1, 30))
def test_an_overlong_number_is_not_canonical_however_long(value: int, more: int) -> None:
    with pytest.raises(UnsoundBytesError) as caught:
        varint.read(overlong(varint.long(value), more), 0)
    assert caught.value.reason == "not-canonical"


@pytest.mark.parametrize("bits", [32, 64])
def test_a_number_of_more_bits_than_its_type_is_undecodable(bits: int) -> None:
    read = {32: varint.read_int, 64: varint.read}[bits]
    write = {32: varint.int_, 64: varint.long}[bits]
    for outermost in (2 ** (bits - 1) - 1, -(2 ** (bits - 1))):
        assert read(write(outermost), 0)[1] == len(write(outermost))
    beyond = {32: varint.long(2**31), 64: b"\x80" * 9 + b"\x02"}[bits]
    with pytest.raises(UnsoundBytesError) as caught:
        read(beyond, 0)
    assert caught.value.reason == "undecodable"
    for value in (2 ** (bits - 1), -(2 ** (bits - 1)) - 1):
        with pytest.raises(OverflowError):
            write(value)


def test_a_length_is_never_negative() -> None:
    assert varint.read_length(varint.long(300), 0) == (300, 2)
    with pytest.raises(UnsoundBytesError):
        varint.read_length(varint.long(-300), 0)


def test_a_number_without_an_end_is_given_up_at_once() -> None:
    began = time.perf_counter()
    for endless in (b"\x80" * 262_144, b"\xff" * 262_144):
        with pytest.raises((IndexError, UnsoundBytesError)):
            varint.read(endless, 0)
    assert time.perf_counter() - began < 1
