"""Turns a stranger's bytes into a sound event, or into a refusal with its reason; never raises, whatever the bytes.

The checks are, in this order: size, framing, a known event schema, a strict reading (the module `reader`), nothing
left over. The first check that fails gives the reason. A schema is chosen by its id from the network's own list;
nothing out of a message is ever used as a schema. A sound event is canonical: arrays in sized or split blocks, which
are valid Avro, are written again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from instep.errors import UnsoundBytesError
from instep.events.framing import PREFIX, frame, schema_id
from instep.events.reader import Read, reader
from instep.events.schema import Catalogue, EventType, Schema
from instep.events.writer import encode

MAX_VALUE = 256 * 1024
"""Bytes of a framed value, at most."""

_UUID = re.compile(rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_UUID_LENGTH = 36


class Refusal(NamedTuple):
    """A refused event: the reason (`client.explain` lists all), the fields or headers at fault, and ids as far as readable.

    `subject_ref` is None unless it has the form of a reference: a faulty system may put anything there. `event_type` (a
    folder's name) is None where the schema is unknown. A tuple costs little to make: a refusal should not cost more than an
    acceptance.
    """

    reason: str
    fields: tuple[str, ...] = ()
    event_id: str | None = None
    subject_ref: str | None = None
    event_type: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sound:
    """An event whose bytes are in order; its *meaning* is for `rules.rule_of`. `value` is framed and canonical."""

    schema: Schema
    event_type: EventType
    event: dict[str, Any]
    value: bytes


class Decoder:
    """Decodes values whose schema ids are in `schemas`; ids of bus schemas and headers are as unknown as any other."""

    def __init__(self, catalogue: Catalogue, schemas: Mapping[int, Schema]) -> None:
        """Generates the readers; raises SchemaError where a schema has no place on this bus."""
        self._readers: dict[int, tuple[Schema, EventType, Read]] = {
            number: (schema, catalogue.events[schema.name], reader(schema))
            for number, schema in schemas.items()
            if schema.kind == "event"
        }

    def decode(self, value: bytes | None) -> Sound | Refusal:
        """The event in a record's value, or a refusal: oversize, bad-framing, unknown-schema, undecodable, not-canonical or
        trailing-bytes.
        """
        if value is not None and len(value) > MAX_VALUE:
            return Refusal(reason="oversize")
        number = schema_id(value)
        if value is None or number is None:
            return Refusal(reason="bad-framing")
        entry = self._readers.get(number)
        if entry is None:
            return Refusal(reason="unknown-schema")
        schema, event_type, read = entry
        try:
            event, end, plain = read(value, PREFIX)
        except UnsoundBytesError as error:
            return Refusal(reason=error.reason, event_id=readable_event_id(value))
        except Exception:  # noqa: BLE001 - a defect of ours must not let a stranger's bytes stop a lane
            return Refusal(reason="undecodable", event_id=readable_event_id(value))
        if end != len(value):
            return Refusal(reason="trailing-bytes", event_id=readable_event_id(value))
        if not plain:
            value = frame(number, encode(schema, event))
        return Sound(schema=schema, event_type=event_type, event=event, value=value)


def readable_event_id(value: bytes) -> str | None:
    """The event id of a framed value that may be broken further on: the header's first field, if that looks like a UUID."""
    start = PREFIX + 1
    if value[PREFIX : PREFIX + 1] != bytes((_UUID_LENGTH << 1,)):
        return None
    match = _UUID.fullmatch(value, start, start + _UUID_LENGTH)
    return match.group().decode() if match else None
