"""Lists the fields of a schema by their paths, such as `old_address.postcode`, through records and arrays of records.

Agreements, `event.toml` and refusals name fields by path. The header is part of every event and is always whole, so callers
that ask for the fields to share leave out `header` and the paths beneath it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from instep.errors import SchemaError

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
NAMED = frozenset({"record", "enum", "fixed"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """A field: its path, its doc, and its type without the null and the array around it.

    `type` is an Avro type name: a primitive, `enum`, `record`, `map` or `fixed`. `type_name` is the name that people use
    (`Address`, `date`, `string`). `symbols` are an enum's.
    """

    path: str
    doc: str
    type: str
    type_name: str
    array: bool
    nullable: bool
    needed: bool  # without a default: a writer must give the field
    symbols: tuple[str, ...] = ()

    @property
    def leaf(self) -> bool:
        return self.type != "record"


def fields_of(definition: Mapping[str, Any]) -> dict[str, Field]:
    """Path to field of a record's definition, in the order of the schema; raises SchemaError where types recur."""
    return {field.path: field for field in _fields(definition, "", {}, ())}


def any_beneath(paths: Iterable[str], path: str) -> bool:
    """Whether any of the paths lies beneath `path`: a field of the record, or of the array's records, at that path."""
    prefix = f"{path}."
    return any(inner.startswith(prefix) for inner in paths)


def _fields(
    record: Mapping[str, Any], prefix: str, named: dict[str, Mapping[str, Any]], inside: tuple[str, ...]
) -> Iterator[Field]:
    named[record["name"]] = record
    if record["name"] in inside:
        raise SchemaError(
            f"{record['name']} holds itself (at {prefix.rstrip('.')}); a schema is never recursive."
        )
    for field in record["fields"]:
        path = prefix + field["name"]
        resolved, nullable, array = _unwrapped(field["type"], named)
        kind = resolved["type"]
        yield Field(
            path=path,
            doc=field.get("doc", ""),
            type=kind,
            type_name=resolved.get("name") or resolved.get("logicalType") or kind,
            array=array,
            nullable=nullable,
            needed="default" not in field,
            symbols=tuple(resolved.get("symbols", ())),
        )
        if kind == "record":
            yield from _fields(resolved, f"{path}.", named, (*inside, record["name"]))


def _unwrapped(avro: Any, named: dict[str, Mapping[str, Any]]) -> tuple[Mapping[str, Any], bool, bool]:
    """The inner type as an object, and whether null and an array lay around it."""
    nullable = array = False
    while True:
        match avro:
            case ["null", other] | [other, "null"]:
                avro, nullable = other, True
            case {"type": "array", "items": items}:
                avro, array = items, True
            case {"type": str()}:
                if avro["type"] in NAMED:
                    named[avro["name"]] = avro
                return avro, nullable, array
            case str() if avro in PRIMITIVES:
                return {"type": avro}, nullable, array
            case str() if avro.rpartition(".")[2] in named:
                return named[avro.rpartition(".")[2]], nullable, array
            case _:
                raise SchemaError("A type is neither known, nor [null, type], nor an array of known types.")
