"""Reads the files of the catalogue: every schema and event type that Instep knows, from `schemas/`.

    header/<version>.avsc
    events/<name>/{event.toml, <version>.avsc …}
    bus/<name>/<version>.avsc

Every service works on plain Avro. Logical types are taken off before parsing: a uuid is text, a date is days since
1970-01-01, a timestamp is milliseconds. Plain types are faster, have no time zones to get wrong, and leave the ranges of
dates to our own rules.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fastavro.schema import SchemaParseException, parse_schema

from instep.errors import SchemaError
from instep.events.fields import Field, fields_of
from instep.events.schema import CLASSES, Catalogue, Duty, EventType, Schema, version_key


def load_catalogue(directory: Path) -> Catalogue:
    """Reads the directory; raises SchemaError, in one sentence that names the file, where something is unsound."""
    headers = _versions(directory / "header", "header")
    bus = {folder.name: _versions(folder, "bus") for folder in _folders(directory / "bus")}
    events = {folder.name: _event_type(folder) for folder in _folders(directory / "events")}
    every = [schema for event in events.values() for schema in event.versions]
    every += [schema for versions in bus.values() for schema in versions]
    every.sort(key=lambda schema: (schema.full_name, version_key(schema.version)))
    return Catalogue(
        events=MappingProxyType(events),
        bus=MappingProxyType({name: versions[-1] for name, versions in bus.items()}),
        header=headers[-1],
        schemas=(*every, *headers),
    )


def schemas_directory(environ: Mapping[str, str]) -> Path:
    """Where a process finds the schemas: INSTEP_SCHEMAS_DIR, or else the default."""
    return Path(environ.get("INSTEP_SCHEMAS_DIR") or default_directory())


def default_directory() -> Path:
    """Where the schemas lie by default: in the wheel, or in the repository."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "_schemas"
    return packaged if packaged.is_dir() else package.parents[1] / "schemas"


def load_schema(file: Path, *, name: str, kind: str) -> Schema:
    """Reads an `.avsc` file; raises SchemaError, which names the file."""
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
        document = tomllib.loads(file.read_text(encoding="utf-8"))
        duty = document.get("duty")
        return EventType(
            name=folder.name,
            title=document["title"],
            owner=document["owner"],
            purpose=document["purpose"],
            full_name=versions[-1].full_name,
            required=tuple(document["required"]),
            addresses=tuple(document["addresses"]),
            classes=MappingProxyType(_classes(document["classes"], versions[-1].fields)),
            duty=Duty(**duty) if duty else None,
            versions=versions,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SchemaError(f"{file} cannot be used ({type(error).__name__}: {error}).") from error


def _classes(paths_by_class: Mapping[str, list[str]], fields: Mapping[str, Field]) -> dict[str, str]:
    """Path to class, given the paths of leaves by class; a record gets the class of its most delicate leaf."""
    rank = {name: number for number, name in enumerate(CLASSES)}
    classes = {path: name for name, paths in paths_by_class.items() for path in paths}
    for path, field in fields.items():
        beneath = [rank[name] for leaf, name in classes.items() if leaf.startswith(f"{path}.")]
        if not field.leaf and beneath:
            classes[path] = list(CLASSES)[max(beneath)]
    return classes
