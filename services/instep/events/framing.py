"""Puts a schema's id in front of an Avro body, as Confluent frames it, and takes the two apart again.

A framed value is byte 0, four bytes of id (big-endian), the body. Source: Confluent's wire format, which every
registry-aware Kafka client writes.
"""

from __future__ import annotations

MAGIC = 0
PREFIX = 5
"""Bytes before the body."""


def frame(schema_id: int, body: bytes) -> bytes:
    """The framed value; raises OverflowError where the id does not fit in four bytes."""
    return b"\0" + schema_id.to_bytes(4, "big") + body


def schema_id(value: bytes | None) -> int | None:
    """The schema id of a framed value; None where the value is not framed, or has no body."""
    if value is None or len(value) <= PREFIX or value[0] != MAGIC:
        return None
    return int.from_bytes(value[1:PREFIX], "big")


def unframe(value: bytes | None) -> tuple[int, bytes] | None:
    """The schema id and the body; None where the value is not framed, or has no body."""
    number = schema_id(value)
    return None if number is None or value is None else (number, value[PREFIX:])
