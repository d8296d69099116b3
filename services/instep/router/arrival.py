"""An event as it arrives from the hub: read as far as routing needs, and with what it is known by.

Intake wrote these bytes, so they are read but not judged: one that cannot be read is a bug of ours, and stops the lane
rather than be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import methodcaller
from typing import Any, NamedTuple

from instep.errors import HubRecordError, PlainEventError, UnsoundBytesError
from instep.events import envelope, varint
from instep.events.blanking import Blanking
from instep.events.framing import PREFIX, schema_id
from instep.events.header import content_digest, digest_without, identity, identity_of
from instep.events.part import ReadPart, part_reader
from instep.events.plain import from_plain, to_plain
from instep.events.reader import Read, decode, reader
from instep.events.schema import Catalogue, EventType, Schema
from instep.events.splice import Form, Spans, form
from instep.events.writer import encode
from instep.lanes.processor import Record
from instep.network.network import Network
from instep.router.decide import sparse_roots

_CODES = ("authority_gss", "postcode", "country")
"""What of an address says whose area it is in."""


_UNREAD = {"header.source_system", "header.recorded_at"}
"""What of the header routing has no use for."""


class Codec(StrEnum):
    """How events are read and blanked: both ways give the same bytes."""

    SPLICE = "splice"
    """What is shared is cut out of an event's bytes, and little of it is decoded; unusual events go the plain way."""
    PLAIN = "plain"
    """Every event is decoded whole and written again."""


class Names(NamedTuple):
    """What an event is known by, as Avro has it: the router says these of each event to others, so they are copied."""

    event_id: bytes
    source: bytes
    subject_ref: bytes
    replaces: bytes  # nullable


_CopyNames = Callable[[Spans], tuple[bytes, bytes, bytes, bytes]]


class Arrival(NamedTuple):
    """One event. A tuple because one is made for each; `key` is `source/subject_ref`, `value` framed.

    `event` is whole, or where there is `found` (the places of its fields) what routing reads of it.
    """

    record: Record
    schema_id: int
    key: bytes
    value: bytes
    event: Mapping[str, Any]
    header: Mapping[str, Any]
    names: Names
    identity: bytes
    digest: bytes
    found: Spans | None = None

    def blanked(self, blanking: Blanking) -> bytes:
        """The framed value with the fields that `blanking` shares."""
        if self.found is None:
            return self.value[:PREFIX] + blanking.encode(self.event)
        return blanking.splice(self.found)

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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Parts:
    """How the events of a schema are read as far as routing needs."""

    form: Form
    read: ReadPart
    copy_names: _CopyNames
    published_at: int  # its group in the form


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """A schema, and how its events are read: whole, and, unless that is all that is wanted, in parts."""

    schema: Schema
    read: Read
    parts: _Parts | None


class Arrivals:
    """Reads hub records by the network's schema ids."""

    def __init__(
        self, catalogue: Catalogue, network: Network, schemas: Mapping[int, Schema], codec: Codec
    ) -> None:
        self._known: dict[int | None, _Known] = {
            number: _Known(
                schema=schema,
                read=reader(schema),
                parts=_parts(catalogue, network, schema) if codec is Codec.SPLICE else None,
            )
            for number, schema in schemas.items()
            if schema.kind == "event"
        }

    def read(self, record: Record) -> Arrival:
        """The event of a record; raises HubRecordError where there is none to be read."""
        key, value = record.key, record.value
        number = schema_id(value)
        known = self._known.get(number)
        if key is None or value is None or number is None or known is None:
            raise HubRecordError(f"{_place(record)} holds no event of a schema that this network knows.")
        parts = known.parts
        found = None if parts is None else parts.form.find(value, PREFIX)
        event = _whole(known, value) if parts is None or found is None else _part(parts, found)
        if event is None:
            raise HubRecordError(f"{_place(record)} is no event in canonical bytes.")
        header = event["header"]
        if parts is None or found is None:
            names = _names(header)
            known_by = identity(header["source"], header["subject_ref"], header["event_id"])
            digest = content_digest(known.schema, value, header)
        else:
            names = Names._make(parts.copy_names(found))
            # A usual text stands behind one byte, its length.
            known_by = identity_of(names.source[1:], names.subject_ref[1:], names.event_id[1:])
            digest = digest_without(known.schema, value, *found.span(parts.published_at))
        return Arrival(record, number, key, value, event, header, names, known_by, digest, found)

    def digests_in_other_versions(self, arrival: Arrival) -> Iterator[bytes]:
        """The digests that its content would have in the other versions of its schema that can say all of it.

        A publisher who changes to another version may send again what he has sent: that is no other content.
        """
        own = self._known[arrival.schema_id].schema
        content = to_plain(own, decode(own, arrival.value[PREFIX:]))
        for other in (known.schema for known in self._known.values()):
            if other.full_name == own.full_name and other.version != own.version:
                try:
                    event = from_plain(other, content)
                except PlainEventError:  # it has no such field, or no such symbol
                    continue
                yield content_digest(other, arrival.value[:PREFIX] + encode(other, event), event["header"])


def _parts(catalogue: Catalogue, network: Network, schema: Schema) -> _Parts:
    found = form(schema)
    return _Parts(
        form=found,
        read=part_reader(schema, _routing(catalogue, network, schema)),
        copy_names=methodcaller("group", *(found.groups[f"header.{name}"] for name in Names._fields)),
        published_at=found.groups["header.published_at"],
    )


def _names(header: Mapping[str, Any]) -> Names:
    event_id, source, subject_ref = (varint.text(header[name]) for name in Names._fields[:3])
    replaces = header["replaces"]
    return Names(event_id, source, subject_ref, b"\0" if replaces is None else b"\2" + varint.text(replaces))


# What cannot be read is None and no error, which might hold what could not be decoded.
def _whole(known: _Known, value: bytes) -> dict[str, Any] | None:
    try:
        event, end, _ = known.read(value, PREFIX)
    except UnsoundBytesError:
        return None
    return event if end == len(value) else None


def _part(parts: _Parts, found: Spans) -> dict[str, Any] | None:
    try:
        return parts.read(found)
    except UnsoundBytesError:
        return None


def sparse(event_type: EventType, network: Network) -> frozenset[str]:
    """The fields on which some share may depend wholly (`decide.sparse_roots`)."""
    required = {path.partition(".")[0] for path in event_type.required}
    return sparse_roots(network.agreements.values(), event_type.name, required)


def _routing(catalogue: Catalogue, network: Network, schema: Schema) -> frozenset[str]:
    """The paths that decide where an event goes, and what it is known by."""
    event_type = catalogue.events[schema.name]
    header = {path for path in schema.fields if path.startswith("header.")} - _UNREAD
    codes = {f"{address}.{code}" for address in event_type.addresses for code in _CODES}
    return frozenset(header | codes | sparse(event_type, network))


def _place(record: Record) -> str:
    return f"Offset {record.offset} of {record.topic}, partition {record.partition},"
