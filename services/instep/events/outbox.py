"""Validates a record of an outbox: its size, its bytes, the meaning of its event, and whether key and headers fit the
event.

The broker does not tell a consumer who wrote a record. So the outbox that holds a record is the authenticated source, and
the event has to name the same source. Intake refuses by these rules. Publishers apply the same rules before they send a
refused record again.

The decision: `services/decisions/014-the-broker-is-the-gatekeeper.md`.
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
    """Validate a record of the outbox of `source`; `rules` by event type, `now` is epoch milliseconds UTC.

    The first refusal counts, in this order: an oversize key or headers; the decoder's; a key or header that contradicts the
    event; the rule's of the event type.
    """
    oversize = _oversize_parts(key, headers)
    if oversize is not None:
        return Refusal(reason="oversize", fields=oversize)
    decoded = decoder.decode(value)
    if isinstance(decoded, Refusal):
        return decoded._replace(subject_ref=readable_subject_ref(key))
    contradiction = _contradiction(key, headers, decoded, source)
    return contradiction or rules[decoded.event_type.name](decoded.event, now) or decoded


def readable_subject_ref(key: bytes | None) -> str | None:
    """The subject reference in an outbox key; None where the key does not have the form of a reference."""
    if key is None or len(key) > MAX_KEY or not key.isascii():
        return None
    return identifiers.subject_ref(key.decode())


def _oversize_parts(key: bytes | None, headers: OutboxHeaders) -> tuple[str, ...] | None:
    if key is not None and len(key) > MAX_KEY:
        return ("key",)
    if not headers:
        return None
    if len(headers) > MAX_HEADER_COUNT:
        return ("headers",)
    size = sum(len(name.encode()) + len(value or b"") for name, value in headers)
    return ("headers",) if size > MAX_HEADERS else None


def _contradiction(key: bytes | None, headers: OutboxHeaders, sound: Sound, source: str) -> Refusal | None:
    """Refuses a record whose outbox, key or CloudEvents headers contradict the event's own header."""
    header = sound.event["header"]
    if header["source"] != source:
        return _refusal("wrong-source", ("header.source",), sound)
    if key != header["subject_ref"].encode():
        return _refusal("key-mismatch", ("key", "header.subject_ref"), sound)
    wrong = [
        name
        for name, value in headers
        if name in _EXPECTED and value != _EXPECTED[name](sound.schema, header).encode()
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


# `ce_time` and `ce_subject` may say anything: CloudEvents leaves them to the publisher, and neither travels on.
_EXPECTED: Mapping[str, Callable[[Schema, Mapping[str, Any]], str]] = {
    "ce_specversion": lambda schema, header: "1.0",
    "ce_id": lambda schema, header: str(header["event_id"]),
    "ce_source": lambda schema, header: envelope.ce_source(header["source"]),
    "ce_type": lambda schema, header: envelope.ce_type(schema),
    "ce_dataschema": lambda schema, header: envelope.ce_dataschema(schema),
}
