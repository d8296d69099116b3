"""Reads a record of `instep.events` as far as routing needs it, and works out the facts on which the decision rests.

Intake has checked the bytes, and the router does not check them again. Bytes that cannot be read are a bug of ours, and
end the process: no event may be lost. The module `decide` defines the facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from operator import methodcaller
from typing import Any, NamedTuple, assert_never

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
from instep.network.areas import Areas
from instep.network.network import Network
from instep.router.decide import Facts, Pair, sparse_roots

_CODES = ("authority_gss", "postcode", "country")
"""The fields of an address from which its area is known."""

_UNREAD = {"header.source_system", "header.recorded_at"}
"""The fields of the header for which routing has no use."""

_EPOCH = date(1970, 1, 1)
_NOTHING: frozenset[str] = frozenset()


class Codec(StrEnum):
    """How events are read and blanked. Both codecs give the same bytes."""

    SPLICE = "splice"
    """Cut the shared fields out of an event's bytes, and decode little. Unusual events go the plain way."""
    PLAIN = "plain"
    """Decode every event whole, and write the event again."""


class Names(NamedTuple):
    """The header fields that name an event, in Avro's bytes. The router copies them into the disclosure and the outcome."""

    event_id: bytes
    source: bytes
    subject_ref: bytes
    replaces: bytes  # nullable


_CopyNames = Callable[[Spans], tuple[bytes, bytes, bytes, bytes]]


class Arrival(NamedTuple):
    """An event as read from a hub record; `key` is `source/subject_ref`, `value` is framed. A tuple costs little to make.

    Without `spans`, `event` is whole. With `spans` (the places of the fields), `event` holds only the fields for routing.
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
    spans: Spans | None = None

    def blanked(self, blanking: Blanking) -> bytes:
        """The framed value with the fields that `blanking` shares."""
        if self.spans is None:
            return self.value[:PREFIX] + blanking.encode(self.event)
        return blanking.splice(self.spans)

    @property
    def replaced(self) -> bytes | None:
        """The identity of the event that a CORRECT or ANNUL replaces; None for the other kinds of change."""
        header = self.header
        if header["change_kind"] not in ("CORRECT", "ANNUL"):
            return None
        return identity(header["source"], header["subject_ref"], header["replaces"])

    def outbox_offset(self) -> int:
        """The event's offset in its source's outbox; raises HubRecordError where intake has not noted the offset."""
        for name, value in self.record.headers:
            if name == envelope.OUTBOX_OFFSET:
                return int(value)
        raise HubRecordError(f"{_place(self.record)} does not say where in its outbox the event lies.")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Parts:
    """How the events of a schema are read no further than routing needs."""

    form: Form
    read: ReadPart
    copy_names: _CopyNames
    published_at: int  # its group in the form


@dataclass(frozen=True, kw_only=True, slots=True)
class _Readable:
    """A schema whose events can be read, whole and (with the codec SPLICE) in parts; and where their facts lie.

    `id` is the network's for the schema. `addresses` are the paths of addresses, each a field of the event and the names
    beneath.
    `sparse` are the fields on which a share may depend wholly.
    """

    id: int
    schema: Schema
    read: Read
    parts: _Parts | None
    addresses: tuple[tuple[str, tuple[str, ...]], ...]
    sparse: tuple[str, ...]

    def whole(self, record: Record, key: bytes, value: bytes) -> Arrival:
        """The event of a record, decoded whole; raises UnsoundBytesError where the bytes are not a whole event."""
        event, end, _ = self.read(value, PREFIX)
        if end != len(value):
            raise UnsoundBytesError("trailing-bytes")
        header = event["header"]
        own_identity = identity(header["source"], header["subject_ref"], header["event_id"])
        digest = content_digest(self.schema, value, header)
        return Arrival(record, self.id, key, value, event, header, _names(header), own_identity, digest)

    def in_parts(self, parts: _Parts, spans: Spans, record: Record, key: bytes, value: bytes) -> Arrival:
        """The event of a record, decoded no further than needed; raises UnsoundBytesError for a text not in UTF-8."""
        event = parts.read(spans)
        names = Names._make(parts.copy_names(spans))
        # A usual text stands behind a single byte, its length.
        own_identity = identity_of(names.source[1:], names.subject_ref[1:], names.event_id[1:])
        digest = digest_without(self.schema, value, *spans.span(parts.published_at))
        return Arrival(
            record, self.id, key, value, event, event["header"], names, own_identity, digest, spans
        )


class Arrivals:
    """Reads hub records, and the facts of their events, by the schema ids and agreements of a network."""

    def __init__(
        self, catalogue: Catalogue, network: Network, schemas: Mapping[int, Schema], codec: Codec
    ) -> None:
        self._readable: dict[int | None, _Readable] = {
            number: _readable(number, schema, catalogue.events[schema.name], network, codec)
            for number, schema in schemas.items()
            if schema.kind == "event"
        }

    def read(self, record: Record) -> Arrival:
        """The event of a record; raises HubRecordError where no event can be read."""
        key, value = record.key, record.value
        readable = self._readable.get(schema_id(value))
        if key is None or value is None or readable is None:
            raise HubRecordError(f"{_place(record)} holds no event of a schema that this network knows.")
        parts = readable.parts
        spans = None if parts is None else parts.form.find(value, PREFIX)
        try:
            if parts is None or spans is None:
                return readable.whole(record, key, value)
            return readable.in_parts(parts, spans, record, key, value)
        except UnsoundBytesError:
            pass
        # Raised apart from the error above, which might hold the bytes that could not be decoded.
        raise HubRecordError(f"{_place(record)} is no event in canonical bytes.")

    def facts(self, arrival: Arrival, past: frozenset[Pair], areas: Areas, today: date) -> Facts:
        """The facts of an event; `past` are the pairs that were sent the replaced event, `areas` those of `today`."""
        readable = self._readable[arrival.schema_id]
        event, header = arrival.event, arrival.header
        concerned = areas.concerned(_addresses(event, readable.addresses), _day(header["occurred_on"]))
        sparse = readable.sparse
        # XXX: every event has its facts, and `Facts(…)` takes three to four times as long as `tuple.__new__`.
        return tuple.__new__(
            Facts,
            (
                readable.schema.name,
                header["source"],
                header["change_kind"],
                header["handling"],
                header["requested_by"],
                concerned.authorities,
                concerned.unknown,
                past,
                today,
                frozenset([root for root in sparse if not event.get(root)]) if sparse else _NOTHING,
            ),
        )

    def digests_in_other_versions(self, arrival: Arrival) -> Iterator[bytes]:
        """The digests of the event's content, written in each other version of its schema with room for the content.

        A publisher who changes to another version may send an earlier event again. The content is still the same.
        """
        own = self._readable[arrival.schema_id].schema
        content = to_plain(own, decode(own, arrival.value[PREFIX:]))
        for other in (readable.schema for readable in self._readable.values()):
            if other.full_name == own.full_name and other.version != own.version:
                try:
                    event = from_plain(other, content)
                except PlainEventError:  # the other version lacks a field or a symbol
                    continue
                yield content_digest(other, arrival.value[:PREFIX] + encode(other, event), event["header"])


def _readable(id: int, schema: Schema, event_type: EventType, network: Network, codec: Codec) -> _Readable:
    required = {path.partition(".")[0] for path in event_type.required}
    sparse = sparse_roots(network.agreements.values(), event_type.name, required)
    paths = (path.split(".") for path in event_type.addresses)
    return _Readable(
        id=id,
        schema=schema,
        read=reader(schema),
        parts=_parts(event_type, schema, sparse, codec),
        addresses=tuple((root, tuple(beneath)) for root, *beneath in paths),
        sparse=tuple(sparse),
    )


def _parts(event_type: EventType, schema: Schema, sparse: frozenset[str], codec: Codec) -> _Parts | None:
    match codec:
        case Codec.PLAIN:
            return None
        case Codec.SPLICE:
            groups = form(schema).groups
            return _Parts(
                form=form(schema),
                read=part_reader(schema, _paths_for_routing(event_type, schema, sparse)),
                copy_names=methodcaller("group", *(groups[f"header.{name}"] for name in Names._fields)),
                published_at=groups["header.published_at"],
            )
        case _:
            assert_never(codec)


def _paths_for_routing(event_type: EventType, schema: Schema, sparse: frozenset[str]) -> frozenset[str]:
    """The paths that decide where an event goes, and those that name the event."""
    header = {path for path in schema.fields if path.startswith("header.")} - _UNREAD
    codes = {f"{address}.{code}" for address in event_type.addresses for code in _CODES}
    return frozenset(header | codes | sparse)


def _names(header: Mapping[str, Any]) -> Names:
    event_id, source, subject_ref = (varint.text(header[name]) for name in Names._fields[:3])
    replaces = header["replaces"]
    return Names(event_id, source, subject_ref, b"\0" if replaces is None else b"\2" + varint.text(replaces))


def _addresses(event: Mapping[str, Any], paths: Iterable[tuple[str, Sequence[str]]]) -> list[Any]:
    """The address at each path; None where the event has none."""
    addresses = []
    for root, beneath in paths:
        value = event.get(root)
        for name in beneath:
            value = value and value.get(name)
        addresses.append(value)
    return addresses


@lru_cache(maxsize=4096)
def _day(days: int) -> date:
    return _EPOCH + timedelta(days=days)


def _place(record: Record) -> str:
    return f"Offset {record.offset} of {record.topic}, partition {record.partition},"
