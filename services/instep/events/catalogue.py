"""The catalogue: every schema and event type that Instep knows, read once from `schemas/`.

    header/<version>.avsc
    events/<name>/{event.toml, <version>.avsc …}
    bus/<name>/<version>.avsc

Every service works on plain Avro: logical types are taken off before parsing, so that a uuid is text, a
date is days since 1970-01-01 and a timestamp is milliseconds. That is faster, has no time zones to get
wrong, and keeps ranges ours to check.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from fastavro.schema import SchemaParseException, parse_schema

from instep.errors import SchemaError
from instep.events.fields import Field, fields_of
from instep.events.reader import reader
from instep.events.writer import writer

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

    def encode(self, datum: Mapping[str, Any]) -> bytes:
        """The Avro body of a datum, without framing; canonical. Raises DatumError where it does not fit."""
        return writer(self)(datum)

    def decode(self, body: bytes) -> dict[str, Any]:
        """The datum of a body that we wrote ourselves; for a stranger's bytes use `decoding.Decoder`."""
        datum, _, _ = reader(self)(body, 0)
        return datum


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

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Reads the directory; raises SchemaError, in one sentence that names the file, where something is unsound."""
        headers = _versions(directory / "header", "header")
        bus = {folder.name: _versions(folder, "bus") for folder in _folders(directory / "bus")}
        events = {folder.name: _event_type(folder) for folder in _folders(directory / "events")}
        every = [schema for event in events.values() for schema in event.versions]
        every += [schema for versions in bus.values() for schema in versions]
        every.sort(key=lambda schema: (schema.full_name, version_key(schema.version)))
        return cls(
            events=MappingProxyType(events),
            bus=MappingProxyType({name: versions[-1] for name, versions in bus.items()}),
            header=headers[-1],
            schemas=(*every, *headers),
        )

    @classmethod
    def directory(cls, environ: Mapping[str, str]) -> Path:
        """Where a process finds the schemas: INSTEP_SCHEMAS_DIR, or else the default."""
        return Path(environ.get("INSTEP_SCHEMAS_DIR") or cls.default_directory())

    @staticmethod
    def default_directory() -> Path:
        """Where the schemas lie when nobody says otherwise: in the wheel, or in the repository."""
        package = Path(__file__).resolve().parents[1]
        packaged = package / "_schemas"
        return packaged if packaged.is_dir() else package.parents[1] / "schemas"

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
    found: dict[Schema, int] = {}
    for number, schema in schemas.items():
        found.setdefault(schema, number)
    return found


def version_key(version: str) -> tuple[int, ...]:
    """Sorts 1.10.0 after 1.9.0."""
    return tuple(int(part) for part in version.split("."))


def load_schema(file: Path, *, name: str, kind: str) -> Schema:
    """One `.avsc` file; raises SchemaError naming it."""
    try:
        definition = json.loads(file.read_text(encoding="utf-8"))
        version_key(file.stem)
        return Schema(
            full_name=f"{definition['namespace']}.{definition['name']}",
            name=name,
            version=file.stem,
            kind=kind,
            text=json.dumps(definition, ensure_ascii=False, separators=(",", ":")),
            definition=definition,
            parsed=parse_schema(without_logical_types(definition)),
            fields=MappingProxyType(fields_of(definition)),
        )
    except SchemaError as error:
        raise SchemaError(f"{file}: {error}") from None
    except (OSError, ValueError, KeyError, TypeError, SchemaParseException) as error:
        raise SchemaError(f"{file} is not a usable Avro schema ({type(error).__name__}: {error}).") from error


def without_logical_types(avro: Any) -> Any:
    """The same type without logical types: uuid becomes string, date int, timestamp-millis long."""
    match avro:
        case list():
            return [without_logical_types(branch) for branch in avro]
        case {"logicalType": _, "type": str() as underlying}:
            return underlying
        case dict():
            return {
                key: value if key in ("default", "doc") else without_logical_types(value)
                for key, value in avro.items()
            }
        case _:
            return avro


def _folders(directory: Path) -> list[Path]:
    if not directory.is_dir():
        raise SchemaError(f"{directory} is not there: it is a folder of the catalogue of schemas.")
    return sorted(folder for folder in directory.iterdir() if folder.is_dir())


def _versions(folder: Path, kind: str) -> tuple[Schema, ...]:
    versions = [load_schema(file, name=folder.name, kind=kind) for file in sorted(folder.glob("*.avsc"))]
    if not versions:
        raise SchemaError(f"{folder} holds no schema: a version is a file such as 1.0.0.avsc.")
    return tuple(sorted(versions, key=lambda schema: version_key(schema.version)))


def _event_type(folder: Path) -> EventType:
    file = folder / "event.toml"
    versions = _versions(folder, "event")
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        duty = told.get("duty")
        return EventType(
            name=folder.name,
            title=told["title"],
            owner=told["owner"],
            purpose=told["purpose"],
            full_name=versions[-1].full_name,
            required=tuple(told["required"]),
            addresses=tuple(told["addresses"]),
            classes=MappingProxyType(_classes(told["classes"], versions[-1].fields)),
            duty=Duty(**duty) if duty else None,
            versions=versions,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SchemaError(f"{file} cannot be used ({type(error).__name__}: {error}).") from error


def _classes(told: Mapping[str, list[str]], fields: Mapping[str, Field]) -> dict[str, str]:
    """Path to class, from class to paths of leaves; a record gets the class of its most delicate leaf."""
    rank = {name: number for number, name in enumerate(CLASSES)}
    classes = {path: name for name, paths in told.items() for path in paths}
    for path, one in fields.items():
        beneath = [rank[name] for leaf, name in classes.items() if leaf.startswith(f"{path}.")]
        if not one.leaf and beneath:
            classes[path] = list(CLASSES)[max(beneath)]
    return classes
