"""Reads and writes Avro's numbers: zigzag, seven bits a byte, the least first, in their shortest form only.

Source: Avro 1.12 specification, "Primitive types". The shortest form is our own rule (fastavro takes longer forms), so that
equal numbers are equal bytes.
"""

from __future__ import annotations

from instep.errors import UnsoundBytesError

_ONE = tuple(bytes((byte,)) for byte in range(128))
# A timestamp in milliseconds between 1970-07 and 2039 takes six bytes; this is the sum of their five continuation bits.
_SIX = sum(128 << 7 * byte for byte in range(5))


def read(body: bytes, i: int) -> tuple[int, int]:
    """The unsigned number (zigzag not yet undone, at most 64 bits) at `i`, and where the number ends.

    Raises UnsoundBytesError, or IndexError where the bytes end first.
    """
    a = body[i]
    if a < 128:
        return a, i + 1
    b = body[i + 1]
    if 0 < b < 128:
        return (a & 127) | b << 7, i + 2
    c = body[i + 2] if b else 0
    if 0 < c < 128:
        return (a & 127) | (b & 127) << 7 | c << 14, i + 3
    if c and len(body) > i + 5:
        a, b, c, d, e, f = body[i : i + 6]
        if a & b & c & d & e & 128 and 0 < f < 128:
            return a + (b << 7) + (c << 14) + (d << 21) + (e << 28) + (f << 35) - _SIX, i + 6
    return _read_any(body, i)


def _read_any(body: bytes, start: int) -> tuple[int, int]:
    number = 0
    for place in range(10):
        byte = body[start + place]
        number |= (byte & 127) << 7 * place
        if byte < 128:
            if byte == 0 and place:
                raise UnsoundBytesError("not-canonical")
            if number >> 64:
                raise UnsoundBytesError("undecodable")
            return number, start + place + 1
    # Longer than any number of 64 bits. Do not add it up: a number of 256 KiB would take minutes.
    end = start + 10
    while body[end] == 128:
        end += 1
    raise UnsoundBytesError("undecodable" if body[end] else "not-canonical")


def read_int(body: bytes, i: int) -> tuple[int, int]:
    """As `read`, for an `int`: at most 32 bits."""
    number, end = read(body, i)
    if number >> 32:
        raise UnsoundBytesError("undecodable")
    return number, end


def read_length(body: bytes, i: int) -> tuple[int, int]:
    """A length in bytes, never negative, and where the number ends."""
    number, end = read(body, i)
    if number & 1:
        raise UnsoundBytesError("undecodable")
    return number >> 1, end


def long(value: int) -> bytes:
    """The bytes of a `long`; raises OverflowError beyond 64 bits."""
    number = value << 1 if value >= 0 else ~(value << 1)
    if number < 128:
        return _ONE[number]
    if number < 16384:
        return bytes((number & 127 | 128, number >> 7))
    if number < 2097152:
        return bytes((number & 127 | 128, number >> 7 & 127 | 128, number >> 14))
    if number >> 64:
        raise OverflowError("a long has 64 bits")
    more = bytearray()
    while number > 127:
        more.append(number & 127 | 128)
        number >>= 7
    more.append(number)
    return bytes(more)


def int_(value: int) -> bytes:
    """The bytes of an `int`; raises OverflowError beyond 32 bits."""
    if not -2147483648 <= value <= 2147483647:
        raise OverflowError("an int has 32 bits")
    return long(value)


def text(value: str) -> bytes:
    """The bytes of a `string`: its length, and its UTF-8."""
    written = value.encode()
    return long(len(written)) + written


def size(value: int) -> int:
    """How many bytes `long(value)` has."""
    number = value << 1 if value >= 0 else ~(value << 1)
    return (number.bit_length() + 6) // 7 or 1
