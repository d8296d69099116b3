"""Functions that are generated, once for each schema, so that an event costs no look-up of its schema.

The source of such a function holds nothing but names from a schema, always through `repr`, and schemas are ours: linted
files of the catalogue, never something that came with a message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from instep.events.schema import Schema


class Code:
    """Lines of Python, indented by blocks."""

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
    """The function `name` that the code defines, with `values` as its globals."""
    names = dict(values)
    exec(compile(str(code), f"<{name} of {schema.full_name} {schema.version}>", "exec"), names)  # noqa: S102
    return names[name]


def name_types(avro: Any) -> dict[str, Any]:
    """Full name to type, of every record and enum within a parsed schema."""
    match avro:
        case list():
            return {name: named for branch in avro for name, named in name_types(branch).items()}
        case {"type": "record", "name": name, "fields": fields}:
            within = [named for field in fields for named in name_types(field["type"]).items()]
            return {name: avro, **dict(within)}
        case {"type": "array", "items": items}:
            return name_types(items)
        case {"type": "enum", "name": name}:
            return {name: avro}
        case _:
            return {}


def resolve(avro: Any, types: Mapping[str, Any]) -> Any:
    """The type itself: what a name stands for, and `{"type": "string"}` as `"string"`."""
    match avro:
        case {"type": str(primitive)} if primitive not in ("record", "enum", "array", "map", "fixed"):
            return primitive
        case str() if avro in types:
            return types[avro]
        case _:
            return avro
