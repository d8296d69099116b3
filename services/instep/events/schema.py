"""The schemas and event types that Instep knows, as plain values; `catalogue.files` reads them from `schemas/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from instep.events.fields import Field

# From least to most: a record is of the class of its most delicate field.
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
    """One immutable version of one schema.

    `full_name` is Avro's ("uk.instep.ResidentMoved"), `name` the folder's ("resident-moved"), `kind` is
    "event", "bus" or "header". `definition` is the file as written; `parsed` is what fastavro takes,
    without logical types; `text` is the definition in one line, which is what a registry serves.
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
    """The source's own duty to tell, where a law sets one.

    It counts where the field `when` equals `equals`: `within_days` days of which the day in the field
    `counts_from` is the first, so with 14 the fourteenth day is in time and the fifteenth is late.
    """

    law: str
    text: str
    within_days: int
    counts_from: str
    when: str
    equals: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EventType:
    """A kind of event and what is asked of those who publish it.

    `required`: paths that must not be null, empty or blank in a NEW, CORRECT or REFRESH; an ANNUL,
    which says only that something is no longer so, needs none. `addresses`: paths of the Address records
    whose areas decide whom the event concerns. `classes`: the personal-data class of each path beneath the
    header; a record has its most delicate field's.
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
        """Events and bus records, every version, by full name and version; what a registry holds."""
        return tuple(schema for schema in self.schemas if schema.kind != "header")

    def schema(self, full_name: str, version: str) -> Schema:
        """One schema, the header's included; raises KeyError."""
        for schema in self.schemas:
            if (schema.full_name, schema.version) == (full_name, version):
                return schema
        raise KeyError((full_name, version))

    def bind(self, ids: Mapping[int, tuple[str, str]]) -> Mapping[int, Schema]:
        """Ids to schemas in the order of `ids`, given (full name, version) by id; those that are not here are left out."""
        known = {(schema.full_name, schema.version): schema for schema in self.all()}
        return MappingProxyType({number: known[pair] for number, pair in ids.items() if pair in known})

    def event_type(self, full_name: str) -> EventType:
        """The event type of a schema's full name; raises KeyError."""
        for event_type in self.events.values():
            if event_type.full_name == full_name:
                return event_type
        raise KeyError(full_name)


def written_ids(schemas: Mapping[int, Schema]) -> Mapping[Schema, int]:
    """The id to write each schema with: the first, where a network has come to several (`Network.schemas`)."""
    ids: dict[Schema, int] = {}
    for number, schema in schemas.items():
        ids.setdefault(schema, number)
    return ids


def version_key(version: str) -> tuple[int, ...]:
    """Sorts 1.10.0 after 1.9.0."""
    return tuple(int(part) for part in version.split("."))
