"""Lists all problems of a catalogue's directory of schema files, file by file.

Differences from `versions.lock` are always listed. The other problems are looked for in stages:

1. The names and places of the files.
2. Each schema alone, and against every older version of its major.
3. Each `event.toml`.
4. The examples.

A stage takes the stages before it as sound. So where a stage finds problems, no later stage runs.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instep.catalogue import event_types, examples, lock
from instep.catalogue.compatibility import problems_between
from instep.catalogue.definitions import problems as definition_problems
from instep.catalogue.files import load_catalogue, load_schema
from instep.errors import SchemaError
from instep.events.schema import Schema, version_key

_NAME = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
_VERSION = r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}"
_FILE = re.compile(
    rf"versions\.lock|README\.md|header/{_VERSION}\.avsc|bus/{_NAME}/({_VERSION}\.avsc|examples/{_NAME}\.json)"
    rf"|events/{_NAME}/(event\.toml|{_VERSION}\.avsc|(examples|rejected)/{_NAME}\.json)"
)
_KINDS = {"header": "header", "bus": "bus", "events": "event"}


@dataclass(frozen=True, kw_only=True, slots=True)
class SchemaProblem:
    """A sentence about a file; `file` is relative to the catalogue's directory."""

    file: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.message}"


def lint(directory: Path, *, accept_new: bool = False) -> tuple[SchemaProblem, ...]:
    """All problems of a catalogue's directory; a catalogue without problems may be registered.

    A version that `versions.lock` does not hold yet is a problem unless `accept_new`.
    """
    problems = list(_as_problems(lock.problems(directory, accept_new=accept_new)))
    for stage in (_misplaced, _schema_problems, _event_toml_problems):  # each takes the stage before as sound
        if unsound := list(stage(directory)):
            return (*problems, *unsound)
    try:
        catalogue = load_catalogue(directory)
    except SchemaError as error:
        return (*problems, SchemaProblem(file=".", message=str(error)))
    return (*problems, *_as_problems(examples.problems(directory, catalogue)))


def _as_problems(pairs: Iterable[tuple[str, str]]) -> Iterator[SchemaProblem]:
    return (SchemaProblem(file=file, message=message) for file, message in pairs)


def _misplaced(directory: Path) -> Iterator[SchemaProblem]:
    for file in sorted(directory.rglob("*")):
        path = file.relative_to(directory).as_posix()
        if file.is_file() and not _FILE.fullmatch(path):
            yield SchemaProblem(
                file=path, message="is no part of a catalogue, or is named in a way that is not."
            )


# ---------------------------------------------------------------------------------------------------------- schemas


def _schema_problems(directory: Path) -> Iterator[SchemaProblem]:
    definitions: dict[str, Any] = {}
    for file in sorted(directory.rglob("*.avsc")):
        path = file.relative_to(directory).as_posix()
        try:
            definitions[path] = json.loads(file.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            yield SchemaProblem(file=path, message="is not JSON.")
    headers = tuple(definition for path, definition in definitions.items() if path.startswith("header/"))
    sound: dict[str, Any] = {}
    for path, definition in definitions.items():
        kind = _KINDS.get(path.split("/", maxsplit=1)[0], "bus")
        sentences = list(definition_problems(definition, kind=kind, headers=headers))
        yield from _as_problems((path, sentence) for sentence in sentences)
        if not sentences:
            sound[path] = definition
            yield from _name_problems(path, definition["name"])
    yield from _growth_problems(sound)
    yield from _shared_name_problems(sound)


def _name_problems(path: str, name: str) -> Iterator[SchemaProblem]:
    folder = path.split("/")[-2]
    expected = (
        "EventHeader" if folder == "header" else "".join(part.capitalize() for part in folder.split("-"))
    )
    if name != expected:
        yield SchemaProblem(
            file=path, message=f"The record is {name}; in the folder {folder} it is {expected}."
        )


def _shared_name_problems(sound: Mapping[str, Any]) -> Iterator[SchemaProblem]:
    """A full name is a registry's subject, so no two folders may have the same."""
    homes: dict[str, str] = {}
    for path, definition in sound.items():
        home = homes.setdefault(definition["name"], path.rpartition("/")[0])
        if home != path.rpartition("/")[0]:
            yield SchemaProblem(
                file=path, message=f"{definition['name']} is the name of a schema in {home} already."
            )


def _growth_problems(sound: Mapping[str, Any]) -> Iterator[SchemaProblem]:
    """Every version against each older version of its major, the nearest first, up to the first with a problem."""

    def order(path: str) -> tuple[str, tuple[int, ...]]:
        folder, _, file = path.rpartition("/")
        return folder, version_key(file.removesuffix(".avsc"))

    versions = sorted((path for path in sound if _FILE.fullmatch(path)), key=order)
    for path in versions:
        folder, version = order(path)
        before = [older for older in versions if (folder, version[:1]) <= order(older) < (folder, version)]
        for older in reversed(before):
            if broken := problems_between(sound[older], sound[path]):
                against = older.rpartition("/")[2].removesuffix(".avsc")
                yield from _as_problems((path, f"breaks readers of {against}: {why}") for why in broken)
                break


# -------------------------------------------------------------------------------------------------------- event.toml


def _event_toml_problems(directory: Path) -> Iterator[SchemaProblem]:
    for folder in sorted((directory / "events").glob("*/")):
        path = f"events/{folder.name}/event.toml"
        versions = sorted(folder.glob("*.avsc"), key=lambda file: version_key(file.stem))
        if not versions:
            yield SchemaProblem(
                file=f"events/{folder.name}",
                message="holds no schema: a version is a file such as 1.0.0.avsc.",
            )
            continue
        try:
            document = tomllib.loads((folder / "event.toml").read_text(encoding="utf-8"))
        except FileNotFoundError:
            yield SchemaProblem(
                file=path, message="is not there: it says what the event is for and what it asks."
            )
        except ValueError as error:
            yield SchemaProblem(file=path, message=f"is not TOML: {error}.")
        else:
            schemas = [load_schema(file, name=folder.name, kind="event") for file in versions]
            sentences = list(event_types.problems(document, schemas[-1].fields))
            sentences = sentences or list(_required_too_late(document, schemas))
            yield from _as_problems((path, sentence) for sentence in sentences)


def _required_too_late(document: Mapping[str, Any], schemas: Sequence[Schema]) -> Iterator[str]:
    """A required field binds publishers of every version of the major, so every version must have the field."""
    major = version_key(schemas[-1].version)[0]
    for schema in schemas:
        if version_key(schema.version)[0] == major:
            for path in document["required"]:
                if path not in schema.fields:
                    yield f"required: {path} is not in {schema.version}, whose publishers would all be refused."
