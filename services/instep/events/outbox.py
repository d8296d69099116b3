"""Whether a record of an outbox is sound: its size, its bytes, its event's meaning, and what stands around the event.

The broker cannot tell a consumer who wrote a record, so the outbox in which the record lies is its authenticated source.
Intake refuses by these rules, and publishers apply the same before they send again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from instep.events import envelope, identifiers
from instep.events.decoding import Decoder, Refusal, Sound
from instep.events.rules import Rule
from instep.events.schema import Schema

MAX_KEY = 256
"""Bytes."""
MAX_HEADERS = 16 * 1024
"""Bytes of all names and values together."""
MAX_HEADER_COUNT = 64

OutboxHeaders = Sequence[tuple[str, bytes | None]]


def validate(
    key: bytes | None,
    value: bytes | None,
    headers: OutboxHeaders,
    *,
    source: str,
    decoder: Decoder,
    rules: Mapping[str, Rule],
    now: int,
) -> Sound | Refusal:
    """Validate one record of the outbox of `source`; `rules` by event type, `now` is epoch milliseconds UTC."""
    too_large = _too_large(key, headers)
    if too_large is not None:
        return Refusal(reason="oversize", fields=too_large)
    decoded = decoder.decode(value)
    if isinstance(decoded, Refusal):
        return decoded._replace(subject_ref=readable_subject_ref(key))
    fault = _contradiction(key, headers, decoded, source)
    return fault or rules[decoded.event_type.name](decoded.event, now) or decoded


def readable_subject_ref(key: bytes | None) -> str | None:
    """The subject reference that an outbox key is, if it has the form of one."""
    if key is None or len(key) > MAX_KEY or not key.isascii():
        return None
    return identifiers.subject_ref(key.decode())


def _too_large(key: bytes | None, headers: OutboxHeaders) -> tuple[str, ...] | None:
    if key is not None and len(key) > MAX_KEY:
        return ("key",)
    if not headers:
        return None
    if len(headers) > MAX_HEADER_COUNT:
        return ("headers",)
    size = sum(len(name.encode()) + len(value or b"") for name, value in headers)
    return ("headers",) if size > MAX_HEADERS else None


def _contradiction(key: bytes | None, headers: OutboxHeaders, sound: Sound, source: str) -> Refusal | None:
    """Where the record's surroundings say something else than the event."""
    header = sound.event["header"]
    if header["source"] != source:
        return _refusal("wrong-source", ("header.source",), sound)
    if key != header["subject_ref"].encode():
        return _refusal("key-mismatch", ("key", "header.subject_ref"), sound)
    wrong = [
        name
        for name, value in headers
        if name in _TOLD and value != _TOLD[name](sound.schema, header).encode()
    ]
    return _refusal("header-mismatch", tuple(dict.fromkeys(wrong)), sound) if wrong else None


def _refusal(reason: str, fields: tuple[str, ...], sound: Sound) -> Refusal:
    header = sound.event["header"]
    return Refusal(
        reason=reason,
        fields=fields,
        event_id=identifiers.uuid(header["event_id"]),
        subject_ref=identifiers.subject_ref(header["subject_ref"]),
        event_type=sound.event_type.name,
    )


# `ce_time` and `ce_subject` are left alone: to CloudEvents they are the publisher's to choose, and neither travels on.
_TOLD: Mapping[str, Callable[[Schema, Mapping[str, Any]], str]] = {
    "ce_specversion": lambda schema, header: "1.0",
    "ce_id": lambda schema, header: str(header["event_id"]),
    "ce_source": lambda schema, header: envelope.ce_source(header["source"]),
    "ce_type": lambda schema, header: envelope.ce_type(schema),
    "ce_dataschema": lambda schema, header: envelope.ce_dataschema(schema),
}
