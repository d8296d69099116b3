"""Checks the definition of one schema: that it is safe to decode, and that its defaults permit nothing.

fastavro dies on recursive schemas, and takes any memory for arrays of items without bytes (7 hostile bytes cost
seconds). So only schemas that keep these rules are ever registered. The rules between two versions are in the module
`growth`.

`problems` yields a sentence for each problem, and raises nothing on any JSON.

Why defaults permit nothing: `services/decisions/008-defaults-that-fail-closed.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from instep.events.fields import PRIMITIVES

NAMESPACE = "uk.instep"
MAX_DEPTH = 16
MAX_FIELDS = 100  # in one record
MAX_LEAVES = 500  # in the whole schema; a type counts at every place of use
MAX_SYMBOLS = 200

# The symbol for "nobody has said anything": the first of its enum and the default, and it permits nothing.
CLOSED_SYMBOLS: Mapping[str, str] = {"Handling": "PROTECTED"}
UNKNOWN = "UNKNOWN"

# The types that plain JSON, the strict reader and the list of fields all handle; councils' events need no others.
SCALARS = frozenset({"boolean", "int", "long", "string"})
LOGICAL = frozenset({("string", "uuid"), ("int", "date"), ("long", "timestamp-millis")})

_TYPE_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,63}")
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SYMBOL = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_ABSENT = object()
_KEYS: Mapping[str, frozenset[str]] = {
    "record": frozenset({"type", "name", "namespace", "doc", "fields"}),
    "enum": frozenset({"type", "name", "doc", "symbols", "default"}),
    "array": frozenset({"type", "items"}),
    "scalar": frozenset({"type", "logicalType"}),
    "field": frozenset({"name", "type", "doc", "default"}),
}


def problems(definition: Any, *, kind: str, headers: tuple[Any, ...] = ()) -> Iterator[str]:
    """The problems of a definition of this `kind` ("event", "bus", "header"); `headers` are the headers of the catalogue."""
    if not isinstance(definition, dict) or definition.get("type") != "record":
        yield "A schema is one record."
        return
    if definition.get("namespace") != NAMESPACE:
        yield f"Its namespace is not {NAMESPACE}."
    if kind == "event" and not _begins_with_header(definition, headers):
        yield "Its first field is not `header`, as one of the files in schemas/header has it."
        return
    walk = _Walk(optional=kind == "event")
    sentences = list(walk.record(definition, "", ()))
    yield from sentences
    if not sentences:  # else types may be unknown or recursive, and cannot be measured
        leaves, depth = _measured(definition, {})
        if leaves > MAX_LEAVES:
            yield f"It has {leaves} leaves; {MAX_LEAVES} is the most."
        if depth > MAX_DEPTH:
            yield f"It is {depth} records deep; {MAX_DEPTH} is the most."


def _begins_with_header(definition: Mapping[str, Any], headers: tuple[Any, ...]) -> bool:
    match definition.get("fields"):
        case [{"name": "header", "type": dict() as header}, *_]:
            return {"namespace": NAMESPACE, **header} in headers
        case _:
            return False


class _Walk:
    """A walk over a definition, and the types that the walk has met."""

    def __init__(self, *, optional: bool) -> None:
        self.optional = optional  # whether everything beneath the header must be nullable
        self.named: dict[str, Any] = {}

    def record(self, record: Mapping[str, Any], path: str, inside: tuple[str, ...]) -> Iterator[str]:
        name = record.get("name")
        where = path or "The record"
        yield from _unknown_keys(record, "record", where)
        if not isinstance(name, str) or not _TYPE_NAME.fullmatch(name):
            yield f"{where}: a type's name is written LikeThis."
            return
        if name in inside:
            yield f"{where}: {name} holds itself; a schema is never recursive."
            return
        if self.named.setdefault(name, record) is not record:
            yield f"{where}: {name} is defined twice."
            return
        if len(inside) >= MAX_DEPTH:  # here too, before Python's own stack ends
            yield f"{where} lies deeper than {MAX_DEPTH} records."
            return
        yield from self._fields(record, path, (*inside, name))

    def _fields(self, record: Mapping[str, Any], path: str, inside: tuple[str, ...]) -> Iterator[str]:
        fields = record.get("fields")
        if not isinstance(fields, list) or not fields or not all(isinstance(field, dict) for field in fields):
            yield f"{path or 'The record'} has no fields."
            return
        if len(fields) > MAX_FIELDS:
            yield f"{path or 'The record'} has {len(fields)} fields; {MAX_FIELDS} is the most."
        if not record.get("doc"):
            yield f"{path or 'The record'} has no doc."
        if len({str(field.get("name")) for field in fields}) < len(fields):
            yield f"{path or 'The record'} has two fields of one name."
        for field in fields:
            yield from self._field(field, path, inside)

    def _field(self, field: Mapping[str, Any], path: str, inside: tuple[str, ...]) -> Iterator[str]:
        name, avro = field.get("name"), field.get("type")
        if not isinstance(name, str) or not _FIELD_NAME.fullmatch(name):
            yield f"{path or 'The record'}: a field's name is written like_this."
            return
        where = f"{path}.{name}".lstrip(".")
        yield from _unknown_keys(field, "field", where)
        if not field.get("doc"):
            yield f"{where} has no doc."
        yield from self._default(field, where, inside)
        yield from self.type(avro, where, inside)

    def _default(self, field: Mapping[str, Any], where: str, inside: tuple[str, ...]) -> Iterator[str]:
        default = field.get("default", _ABSENT)
        avro = field.get("type")
        beneath = self.optional and where != "header" and "EventHeader" not in inside
        match self.named.get(local(avro), avro) if isinstance(avro, str) else avro:
            case ["null", {"type": "array"}]:
                yield f"{where}: an array is never null; an empty one says the same."
            case ["null", _]:
                if default is not None:
                    yield f"{where} may be null, so its default is null."
            case {"type": "array"}:
                if default != []:
                    yield f"{where} is an array, so its default is []."
            case _ if beneath:
                yield f"{where} is neither [null, type] nor an array: everything beneath the header may be absent."
            case {"type": "enum", "name": str() as name}:
                if default != CLOSED_SYMBOLS.get(name, UNKNOWN):
                    yield f"{where}: the default is {CLOSED_SYMBOLS.get(name, UNKNOWN)}, which permits nothing."
            case _:
                pass

    def type(self, avro: Any, where: str, inside: tuple[str, ...]) -> Iterator[str]:
        match avro:
            case ["null", other] if not isinstance(other, list) and other != "null":
                yield from self.type(other, where, inside)
            case {"type": "record"}:
                yield from self.record(avro, where, inside)
            case {"type": "enum"}:
                yield from self._enum(avro, where)
            case {"type": "array", "items": items}:
                yield from _unknown_keys(avro, "array", where)
                if isinstance(items, list) or (isinstance(items, dict) and items.get("type") == "array"):
                    yield f"{where}: an array holds no unions and no arrays."
                elif items == "null":
                    yield f"{where}: an array of items of no bytes can be made to fill all memory."
                else:
                    yield from self.type(items, where, inside)
            case {"type": str() as scalar} if scalar in SCALARS:
                yield from _unknown_keys(avro, "scalar", where)
                if "logicalType" in avro and (scalar, avro["logicalType"]) not in LOGICAL:
                    yield f"{where}: {scalar} with that logical type is not one that Instep uses."
            case str() if avro in SCALARS:
                pass
            case str() if avro in PRIMITIVES:
                yield f"{where}: {avro} is not a type that Instep uses."
            case str():
                yield from self._reference(local(avro), where, inside)
            case _:
                yield f"{where} is of a type that Instep does not use (records, enums, arrays and [null, type] only)."

    def _reference(self, name: str, where: str, inside: tuple[str, ...]) -> Iterator[str]:
        if name not in self.named:
            yield f"{where}: the type {name} is not defined before it is used."
        elif name in inside:
            yield f"{where}: {name} holds itself; a schema is never recursive."

    def _enum(self, enum: Mapping[str, Any], where: str) -> Iterator[str]:
        name, symbols = enum.get("name"), enum.get("symbols")
        yield from _unknown_keys(enum, "enum", where)
        if not isinstance(name, str) or not _TYPE_NAME.fullmatch(name):
            yield f"{where}: a type's name is written LikeThis."
            return
        if self.named.setdefault(name, enum) is not enum:
            yield f"{where}: {name} is defined twice."
        if not isinstance(symbols, list) or not all(
            isinstance(s, str) and _SYMBOL.fullmatch(s) for s in symbols
        ):
            yield f"{where}: symbols are written LIKE_THIS."
            return
        closed = CLOSED_SYMBOLS.get(name, UNKNOWN)
        if not symbols or symbols[0] != closed or enum.get("default") != closed:
            yield f"{where}: {name} begins with {closed} and has it as its default, so that the unknown permits nothing."
        if len(symbols) > MAX_SYMBOLS or len(set(symbols)) < len(symbols):
            yield f"{where}: {name} has a symbol twice or more than {MAX_SYMBOLS}."


def _measured(avro: Any, named: dict[str, tuple[int, int]]) -> tuple[int, int]:
    """The leaves of a sound type, and its depth in records; a named type is measured once, however often used."""
    match avro:
        case ["null", other] | {"type": "array", "items": other}:
            return _measured(other, named)
        case {"type": "record", "name": name, "fields": fields}:
            sizes = [_measured(field["type"], named) for field in fields]
            named[name] = sum(leaves for leaves, _ in sizes), 1 + max(depth for _, depth in sizes)
            return named[name]
        case str():
            return named.get(local(avro), (1, 0))
        case _:
            return 1, 0


def local(name: str) -> str:
    """A type's name without our namespace: both spellings mean the same type."""
    return name.removeprefix(f"{NAMESPACE}.")


def _unknown_keys(avro: Mapping[str, Any], kind: str, where: str) -> Iterator[str]:
    """Aliases, order, namespaces within and misspelt keys: Avro ignores them, or libraries read them differently."""
    for key in sorted(avro.keys() - _KEYS[kind]):
        yield f"{where}: {key} is not used in Instep's schemas."
