"""Compiles Python functions out of code that other modules generate from a schema.

The modules `reader`, `writer`, `splice`, `part` and `rules` generate a function once, so that an event costs no
look-up of its schema. Only names of a schema come into the code, always through `repr`. Schemas are ours: linted
files of the catalogue, never something out of a message. `tests/unit/events/golden/` holds generated code to read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from instep.errors import SchemaError
from instep.events.schema import Schema


class Code:
    """Lines of a Python function, indented by blocks; `head` is its `def` line."""

    def __init__(self, head: str) -> None:
        self._lines = [head]
        self._depth = 1

    def add(self, line: str) -> None:
        self._lines.append("    " * self._depth + line)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        self.add(head)
        self._depth += 1
        yield
        self._depth -= 1

    def __str__(self) -> str:
        return "\n".join(self._lines) + "\n"


def compiled(code: Code, name: str, values: dict[str, Any], schema: Schema) -> Any:
    """The function `name`, as the code defines it, with `values` as its globals."""
    names = dict(values)
    exec(compile(str(code), f"<{name} of {schema.full_name} {schema.version}>", "exec"), names)  # noqa: S102
    return names[name]


def no_event_type(schema: Schema) -> SchemaError:
    """The error for a schema with a type that no event may hold."""
    return SchemaError(f"{schema.full_name} {schema.version} holds a type that no event may hold.")


def name_types(avro: Any) -> dict[str, Any]:
    """Full name to type, for every record and enum within a parsed schema."""
    match avro:
        case list():
            return {name: named for branch in avro for name, named in name_types(branch).items()}
        case {"type": "record", "name": name, "fields": fields}:
            within = [pair for field in fields for pair in name_types(field["type"]).items()]
            return {name: avro, **dict(within)}
        case {"type": "array", "items": items}:
            return name_types(items)
        case {"type": "enum", "name": name}:
            return {name: avro}
        case _:
            return {}


def resolve(avro: Any, types: Mapping[str, Any]) -> Any:
    """The type itself: a name's record or enum, and `"string"` for `{"type": "string"}`."""
    match avro:
        case {"type": str(primitive)} if primitive not in ("record", "enum", "array", "map", "fixed"):
            return primitive
        case str() if avro in types:
            return types[avro]
        case _:
            return avro
