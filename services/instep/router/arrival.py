"""An event as it arrives from the hub: read, and with what it is known by.

Intake wrote these bytes, so they are read but not judged: one that cannot be read is a bug of ours, and stops the lane
rather than be lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from instep.errors import HubRecordError, UnsoundBytesError
from instep.events import envelope
from instep.events.catalogue import Schema
from instep.events.framing import PREFIX, schema_id
from instep.events.header import content_digest, identity
from instep.events.reader import Read, reader
from instep.lanes.processor import Record


class Arrival(NamedTuple):
    """One event. A tuple because one is made for each; `key` is `source/subject_ref`, `value` framed."""

    record: Record
    schema_id: int
    key: bytes
    value: bytes
    event: Mapping[str, Any]
    header: Mapping[str, Any]
    identity: bytes
    digest: bytes

    @property
    def replaced(self) -> bytes | None:
        """The identity of what it corrects or annuls; None where it is of another kind."""
        header = self.header
        if header["change_kind"] not in ("CORRECT", "ANNUL"):
            return None
        return identity(header["source"], header["subject_ref"], header["replaces"])

    def outbox_offset(self) -> int:
        """Where it lies in its source's outbox; raises HubRecordError where intake has not said."""
        for name, value in self.record.headers:
            if name == envelope.OUTBOX_OFFSET:
                return int(value)
        raise HubRecordError(f"{_place(self.record)} does not say where in its outbox the event lies.")


class Arrivals:
    """Reads hub records by the network's schema ids."""

    def __init__(self, schemas: Mapping[int, Schema]) -> None:
        self._known: dict[int | None, tuple[Schema, Read]] = {
            number: (schema, reader(schema)) for number, schema in schemas.items() if schema.kind == "event"
        }

    def read(self, record: Record) -> Arrival:
        """The event of a record; raises HubRecordError where there is none to be read."""
        key, value = record.key, record.value
        number = schema_id(value)
        known = self._known.get(number)
        if key is None or value is None or number is None or known is None:
            raise HubRecordError(f"{_place(record)} holds no event of a schema that this network knows.")
        schema, read = known
        event: dict[str, Any] = {}
        end = -1
        try:
            event, end, _ = read(value, PREFIX)
        except UnsoundBytesError:
            pass
        if end != len(value):
            # Raised outside the handler: the caught error might hold what could not be decoded.
            raise HubRecordError(f"{_place(record)} is no event in canonical bytes.")
        header = event["header"]
        return Arrival(
            record,
            number,
            key,
            value,
            event,
            header,
            identity(header["source"], header["subject_ref"], header["event_id"]),
            content_digest(schema, value, header),
        )


def _place(record: Record) -> str:
    return f"Offset {record.offset} of {record.topic}, partition {record.partition},"
