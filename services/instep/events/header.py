"""Tells events apart: by their identity, and by a digest of their content.

The identity is (source, subject_ref, event_id). The content is everything but `published_at`, so that an event published
twice is the same event.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from instep.events import varint
from instep.events.framing import PREFIX
from instep.events.schema import Schema

SIZE = 16
"""Bytes of a digest."""


def identity(source: str, subject_ref: str, event_id: str) -> bytes:
    """The 16 bytes under which an event is remembered; no part may hold a `/`, so no part runs into the next."""
    return identity_of(source.encode(), subject_ref.encode(), event_id.encode())


def identity_of(source: bytes, subject_ref: bytes, event_id: bytes) -> bytes:
    """As `identity`, given the parts in UTF-8."""
    return blake2b(b"%b/%b/%b" % (source, subject_ref, event_id), digest_size=SIZE).digest()


def content_digest(schema: Schema, value: bytes, header: Mapping[str, Any]) -> bytes:
    """16 bytes over the event type and everything in its canonical, framed `value` but `published_at`.

    The framing's id is left out: the network chose that number, not the source. `header` is the decoded header of
    `value`. Two different contents never give the digest the same bytes: the bytes before `published_at` say where they
    end, as Avro does.
    """
    start = published_at(header)
    return digest_without(schema, value, start, start + varint.size(header["published_at"]))


def digest_without(schema: Schema, value: bytes, start: int, end: int) -> bytes:
    """As `content_digest`, given where `published_at` starts and ends in the value."""
    digest = _seed(schema.full_name).copy()
    digest.update(value[PREFIX:start])
    digest.update(value[end:])
    return digest.digest()


def published_at(header: Mapping[str, Any]) -> int:
    """Where `published_at` starts in the framed value of an event: behind the fields before it in EventHeader.

    Within a major version fields are added at a record's end alone, so the sum holds for every 1.x; a test counts again.
    """
    replaces = header["replaces"]
    return (
        PREFIX
        + _text(header["event_id"])
        + _text(header["source"])
        + _text(header["source_system"])
        + _text(header["subject_ref"])
        + varint.size(header["sequence"])
        + 1  # change_kind
        + (1 if replaces is None else 1 + _text(replaces))
        + varint.size(header["occurred_on"])
        + varint.size(header["recorded_at"])
    )


def _text(text: str) -> int:
    length = len(text) if text.isascii() else len(text.encode())
    return length + 1 if length < 64 else length + varint.size(length)


@lru_cache(maxsize=256)
def _seed(full_name: str) -> blake2b:
    return blake2b(full_name.encode() + b"\0", digest_size=SIZE)
