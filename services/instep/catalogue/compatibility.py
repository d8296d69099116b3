"""Compares two versions of a schema: whether each can read the other's events.

There are three comparisons. `growth_problems` (the module `growth`) has our own rules, the strictest. `avro_problems`
asks the Avro project's own checker. `reading_problems` trusts no rules at all: it writes events of a version, reads
them with the other, each way, and looks whether they still say the same. The module `lint` compares each version with
*all* older versions of its major, so that compatibility is transitive.

The decision: `services/decisions/007-our-own-compatibility-rules.md`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any

import avro.schema
import fastavro
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from fastavro.schema import parse_schema

from instep.catalogue.definitions import CLOSED_SYMBOLS, UNKNOWN
from instep.catalogue.files import without_logical_types
from instep.catalogue.growth import growth_problems
from instep.events.generated import name_types, resolve

Comparison = Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[str]]
"""`comparison(old, new)`: two definitions in, a sentence for each problem out."""

_NOTHING = (UNKNOWN, *CLOSED_SYMBOLS.values())
"""Symbols that nobody acts on."""


def problems_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """The problems of `new` for readers of `old`, by the first comparison that finds any; our own rules come first."""
    return next(filter(None, (tuple(comparison(old, new)) for comparison in COMPARISONS)), ())


def avro_problems(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """The reasons why the two versions cannot read each other, by Avro's own checker."""
    older, newer = (avro.schema.parse(json.dumps(definition)) for definition in (old, new))
    for reader, writer, claim in ((newer, older, _BACKWARD), (older, newer, _FORWARD)):
        checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
        result = checker.get_compatibility(reader, writer)
        if result.compatibility is not SchemaCompatibilityType.compatible:
            messages, places = sorted(result.messages), sorted(result.locations)
            yield f"By Avro's own rules {claim} ({'; '.join(messages)}, at {', '.join(places)})."


def reading_problems(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """The first problem in each direction, when sample events of one version are read with the other."""
    older, newer = (parse_schema(without_logical_types(definition)) for definition in (old, new))
    for writer, reader, claim in ((older, newer, _BACKWARD), (newer, older, _FORWARD)):
        problem = next(_misread(writer, reader, forward=claim is _FORWARD), None)
        if problem:
            yield f"Tried with real bytes, {claim}: {problem}."


COMPARISONS: tuple[Comparison, ...] = (growth_problems, avro_problems, reading_problems)

_BACKWARD = "a reader of this version cannot rely on what the older one wrote"
_FORWARD = "a reader of the older version cannot rely on what this one writes"


def _misread(writer: Any, reader: Any, *, forward: bool) -> Iterator[str]:
    for datum in samples(writer, name_types(writer)):
        body = BytesIO()
        fastavro.schemaless_writer(body, writer, datum)
        body.seek(0)
        try:
            read = fastavro.schemaless_reader(body, writer, reader)
        except Exception as error:  # noqa: BLE001 - whatever fastavro raises, the event cannot be read
            yield f"it cannot be read at all ({type(error).__name__})"
        else:
            yield from _forward(datum, read, "") if forward else _backward(datum, read, "")


def _backward(written: Any, read: Any, path: str) -> Iterator[str]:
    """A newer reader gets every value that was written, and no other."""
    match written, read:
        case dict(), dict():
            for name, value in written.items():
                if name not in read:
                    yield f"{_beneath(path, name)} is lost"
                else:
                    yield from _backward(value, read[name], _beneath(path, name))
            for name in read.keys() - written.keys():
                if read[name] not in (None, "", 0, [], *_NOTHING):
                    yield f"{_beneath(path, name)} says what nobody has published"
        case list(), list() if len(written) == len(read):
            for written_item, read_item in zip(written, read, strict=True):
                yield from _backward(written_item, read_item, path)
        case _ if type(written) is not type(read) or written != read:
            yield f"{path} is read as something else"


def _forward(written: Any, read: Any, path: str) -> Iterator[str]:
    """An older reader gets only values that were written; new fields are left out, and a new symbol becomes UNKNOWN."""
    match written, read:
        case dict(), dict():
            for name, value in read.items():
                if name not in written:
                    yield f"{_beneath(path, name)} is missing"
                else:
                    yield from _forward(written[name], value, _beneath(path, name))
        case list(), list() if len(written) == len(read):
            for written_item, read_item in zip(written, read, strict=True):
                yield from _forward(written_item, read_item, path)
        case str(), str() if read in _NOTHING:
            pass
        case _ if type(written) is not type(read) or written != read:
            yield f"{path} is read as something else"


def _beneath(path: str, name: str) -> str:
    return f"{path}.{name}".lstrip(".")


def samples(avro_type: Any, types: Mapping[str, Any]) -> list[Any]:
    """A few datums of a parsed type; together they hold each field full and empty, and each symbol."""
    match resolve(avro_type, types):
        case ["null", other]:
            return [*samples(other, types), None]
        case {"type": "record", "fields": fields}:
            columns = {field["name"]: samples(field["type"], types) for field in fields}
            rows = max(map(len, columns.values()))
            return [
                {name: values[row % len(values)] for name, values in columns.items()} for row in range(rows)
            ]
        case {"type": "array", "items": items}:
            return [samples(items, types), []]
        case {"type": "enum", "symbols": symbols}:
            return list(symbols)
        case "boolean":
            return [True, False]
        case "string":
            return ["Ferncliffe Row", "", "ß"]
        case "bytes":
            return [b"Ferncliffe Row"]
        case "long":
            return [2**62, -1]
        case _:
            return [2**31 - 1, -1]
