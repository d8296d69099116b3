"""Confluent framing: byte 0, four bytes of id, the body."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.events.framing import frame, schema_id, unframe


@given(st.integers(0, 2**32 - 1), st.binary(min_size=1))
def test_what_is_framed_is_unframed(number: int, body: bytes) -> None:
    assert unframe(frame(number, body)) == (number, body)
    assert schema_id(frame(number, body)) == number


def test_the_frame_is_confluents() -> None:
    assert frame(258, b"body") == b"\x00\x00\x00\x01\x02body"


@pytest.mark.parametrize(
    "value", [None, b"", b"\x00", b"\x00\x00\x00\x00\x01", b"\x01\x00\x00\x00\x01body", b"{}"]
)
def test_what_is_not_framed_or_has_no_body_is_nothing(value: bytes | None) -> None:
    assert unframe(value) is None
    assert schema_id(value) is None


@pytest.mark.parametrize("number", [-1, 2**32])
def test_an_id_that_does_not_fit_is_a_bug_of_ours(number: int) -> None:
    with pytest.raises(OverflowError):
        frame(number, b"body")
