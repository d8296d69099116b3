"""Defines schemas, event types and the catalogue of all of them, as plain values; `catalogue/files.py` reads them from
files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from instep.events.fields import Field

# From the least delicate to the most: a record has the class of its most delicate field.
CLASSES: Mapping[str, str] = MappingProxyType(
    {
        "none": "says nothing of a person or a business by itself: codes, states, days of the record",
        "commercial": "about a business; personal data where the operator is a person, so never open",
        "personal": "about a living person (UK GDPR Article 4)",
        "special-category": "may reveal health, belief, origin or the like (UK GDPR Article 9)",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema:
    """An immutable version of a schema.

    `full_name` is Avro's ("uk.instep.ResidentMoved"), `name` the folder's ("resident-moved"), `kind` is "event", "bus" or
    "header". `definition` is the file as written. `parsed` is the schema for fastavro and for our own readers and writers,
    without logical types. `text` is the definition in a single line, as a registry serves it.
    """

    full_name: str
    name: str
    version: str
    kind: str
    text: str
    definition: dict[str, Any] = field(compare=False, repr=False)
    parsed: Any = field(compare=False, repr=False)
    fields: Mapping[str, Field] = field(compare=False, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Duty:
    """The source's own duty to notify, where a law sets a duty.

    The duty counts where the field `when` equals `equals`. The source has `within_days` days, and the day in the field
    `counts_from` is the first of them: with 14, the fourteenth day is in time and the fifteenth is late.
    """

    law: str
    text: str
    within_days: int
    counts_from: str
    when: str
    equals: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EventType:
    """A kind of event, and the rules for its publishers.

    `required`: paths that must not be null, empty or blank in a NEW, CORRECT or REFRESH. An ANNUL needs none of them,
    since it only takes back an earlier event. `addresses`: paths of the Address records whose areas decide whom the event
    concerns. `classes`: the personal-data class of each path beneath the header; a record has the class of its most
    delicate field.
    """

    name: str
    title: str
    owner: str
    purpose: str
    full_name: str
    required: tuple[str, ...]
    addresses: tuple[str, ...]
    classes: Mapping[str, str] = field(compare=False, repr=False)
    duty: Duty | None
    versions: tuple[Schema, ...]

    @property
    def latest(self) -> Schema:
        return self.versions[-1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalogue:
    """All schemas: `events` by folder name, `bus` (latest versions) by folder name."""

    events: Mapping[str, EventType]
    bus: Mapping[str, Schema]
    header: Schema
    schemas: tuple[Schema, ...] = field(repr=False)

    def all(self) -> tuple[Schema, ...]:
        """Events and bus records, every version, sorted by full name and version: the schemas that a registry holds."""
        return tuple(schema for schema in self.schemas if schema.kind != "header")

    def schema(self, full_name: str, version: str) -> Schema:
        """The schema of a name and version, the header's included; raises KeyError."""
        for schema in self.schemas:
            if (schema.full_name, schema.version) == (full_name, version):
                return schema
        raise KeyError((full_name, version))

    def bind(self, ids: Mapping[int, tuple[str, str]]) -> Mapping[int, Schema]:
        """Ids to schemas in the order of `ids`, given (full name, version) by id, without schemas outside the catalogue."""
        schemas = {(schema.full_name, schema.version): schema for schema in self.all()}
        return MappingProxyType({number: schemas[pair] for number, pair in ids.items() if pair in schemas})

    def event_type(self, full_name: str) -> EventType:
        """The event type of a schema's full name; raises KeyError."""
        for event_type in self.events.values():
            if event_type.full_name == full_name:
                return event_type
        raise KeyError(full_name)


def written_ids(schemas: Mapping[int, Schema]) -> Mapping[Schema, int]:
    """The id to write each schema with: the first, where a network has several ids for a schema (`Network.schemas`)."""
    first_ids: dict[Schema, int] = {}
    for number, schema in schemas.items():
        first_ids.setdefault(schema, number)
    return first_ids


def version_key(version: str) -> tuple[int, ...]:
    """The key that sorts versions: 1.10.0 after 1.9.0."""
    return tuple(int(part) for part in version.split("."))
