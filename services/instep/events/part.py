"""Reads a few fields of an event out of its bytes, and leaves the rest undecoded.

The module `splice` finds the place of each field. The router reads the header and the codes of addresses in this way.
A function is generated for each schema and set of paths.

The decision: `services/decisions/009-splice.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any

from instep.errors import UnsoundBytesError
from instep.events import varint
from instep.events.fields import any_beneath
from instep.events.generated import Code, compiled, name_types, no_event_type, resolve
from instep.events.schema import Schema
from instep.events.splice import Spans, form

ReadPart = Callable[[Spans], dict[str, Any]]
"""Gives some fields of an event, in its records; raises UnsoundBytesError where the text of such a field is not UTF-8."""

_TEXT = "({0}[{1}:] if {0}[{2}] < 128 else {0}[{3}:]).decode()"
"""The text in a field's bytes, behind a length of a single byte or of two."""


@lru_cache(maxsize=256)
def part_reader(schema: Schema, paths: frozenset[str]) -> ReadPart:
    """The function that reads these paths of a schema's events, none of them within an array.

    A leaf is read as its value. A record or an array is read as a boolean: whether it is there. The fields stand in records,
    as in the event; a null record is None.
    """
    return _PartReader(schema, paths).function()


class _PartReader:
    """Makes the part reader of a schema: a dict display, with an expression for each field to read."""

    def __init__(self, schema: Schema, paths: Collection[str]) -> None:
        self._schema = schema
        self._paths = paths
        self._types = name_types(schema.parsed)
        self._groups = form(schema).groups
        self._variables: dict[str, int] = {}  # variable to group
        self._values: dict[str, Any] = {
            "number": _number,
            "day": _day,
            "Unsound": UnsoundBytesError,
        }

    def function(self) -> ReadPart:
        read: ReadPart = compiled(self.code(), "read", self._values, self._schema)
        return read

    def code(self) -> Code:
        part = self._record(self._schema.parsed, "")
        code = Code("def read(found):")
        if self._variables:
            # Group 0 is asked for as well, since `re` gives no tuple for a single group.
            code.add(
                f"{', '.join(self._variables)}, _ = found.group({', '.join(map(str, self._variables.values()))}, 0)"
            )
        with code.block("try:"):
            code.add(f"return {part}")
        with code.block("except UnicodeDecodeError:"):  # as in `reader`: the caught error is not kept
            code.add("pass")
        code.add("raise Unsound('undecodable')")
        return code

    def _record(self, record: Any, prefix: str) -> str:
        fields = [
            f"{field['name']!r}: {self._field(field['type'], prefix + field['name'])}"
            for field in record["fields"]
            if prefix + field["name"] in self._paths or any_beneath(self._paths, prefix + field["name"])
        ]
        return f"{{{', '.join(fields)}}}"

    def _field(self, avro: Any, path: str) -> str:
        """The code of an expression that reads a field."""
        outer = resolve(avro, self._types)
        nullable = isinstance(outer, list)
        inner = resolve(outer[1], self._types) if nullable else outer
        match inner:
            case {"type": "record", "fields": fields} as record if any_beneath(self._paths, path):
                # The fields of a null record are not there, so their groups are None.
                part = self._record(record, f"{path}.")
                first = self._variable(f"{path}.{fields[0]['name']}")
                return f"({part} if {first} is not None else None)" if nullable else part
            case {"type": "record" | "array"}:
                return f"{self._variable(path)} != b'\\0'"
            case {"type": "enum", "symbols": symbols}:
                table = {bytes((2 * place,)): name for place, name in enumerate(symbols)}
                return self._choice(table, path, nullable)
            case "boolean":
                return self._choice({b"\0": False, b"\1": True}, path, nullable)
            case _:
                return self._text_or_number(inner, self._variable(path), nullable)

    def _text_or_number(self, avro: Any, value: str, nullable: bool) -> str:
        start = 1 if nullable else 0  # behind the union's choice
        match avro:
            case "string":
                expression = _TEXT.format(value, start + 1, start, start + 2)
            case "int":
                expression = f"day({value}, {start})"
            case "long":
                expression = f"number({value}, {start})"
            case _:
                raise no_event_type(self._schema)
        return f"(None if {value} == b'\\0' else {expression})" if nullable else expression

    def _choice(self, table: Mapping[bytes, Any], path: str, nullable: bool) -> str:
        value = self._variable(path)
        if nullable:
            table = {b"\0": None} | {b"\2" + choice: symbol for choice, symbol in table.items()}
        self._values[f"of_{value}"] = table
        return f"of_{value}[{value}]"

    def _variable(self, path: str) -> str:
        """The variable for the bytes of a field."""
        group = self._groups[path]
        self._variables[f"g{group}"] = group
        return f"g{group}"


def _number(field: bytes, start: int) -> int:
    number, _ = varint.read(field, start)
    return (number >> 1) ^ -(number & 1)


_day = lru_cache(maxsize=4096)(_number)
"""As `_number`, for an `int`: dates mostly, and few dates are in use at a time."""
