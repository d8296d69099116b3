"""Decides whether intake accepts a record of an outbox or refuses it, by the rules in `events/outbox.py`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from instep.events.decoding import Decoder, Refusal
from instep.events.outbox import OutboxHeaders, validate
from instep.events.rules import Rule


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """A sound event: its type (folder name), its key on the hub, and its framed, canonical value."""

    event_type: str
    key: bytes
    value: bytes


def decide(
    key: bytes | None,
    value: bytes | None,
    headers: OutboxHeaders,
    *,
    source: str,
    decoder: Decoder,
    rules: Mapping[str, Rule],
    now: int,
) -> Accepted | Refusal:
    """Decide a record of the outbox of `source`; `rules` are by event type, `now` is epoch milliseconds UTC."""
    validated = validate(key, value, headers, source=source, decoder=decoder, rules=rules, now=now)
    if isinstance(validated, Refusal):
        return validated
    subject_ref = validated.event["header"]["subject_ref"]
    return Accepted(
        event_type=validated.event_type.name,
        key=f"{source}/{subject_ref}".encode(),
        value=validated.value,
    )
