"""Reads a few fields of an event, at the places that its form gives (`splice`); the rest is not decoded.

Routing asks for the header and the codes of addresses. For each set of paths a function is generated, once for a schema.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any

from instep.errors import UnsoundBytesError
from instep.events import varint
from instep.events.generated import Code, compiled, name_types, resolve
from instep.events.schema import Schema
from instep.events.splice import Spans, form

ReadPart = Callable[[Spans], dict[str, Any]]
"""Reads some fields of an event, as a part of it; raises UnsoundBytesError where a text of them is not UTF-8."""


@lru_cache(maxsize=256)
def part_reader(schema: Schema, paths: frozenset[str]) -> ReadPart:
    """Reads these paths, none within an array: of a leaf the value, of a record or an array whether it is there.

    It gives them in records as the event itself has them; a null record with some of these paths in it is None.
    """
    return _Part(schema, paths).function()


class _Part:
    def __init__(self, schema: Schema, paths: Collection[str]) -> None:
        self._schema = schema
        self._paths = paths
        self._types = name_types(schema.parsed)
        self._groups = form(schema).groups
        self._taken: dict[str, int] = {}  # variable: group
        self._values: dict[str, Any] = {
            "number": _number,
            "day": _day,
            "Unsound": UnsoundBytesError,
        }

    def function(self) -> ReadPart:
        part = self._record(self._schema.parsed, "")
        code = Code("def read(found):")
        if self._taken:
            # Group 0 is asked for as well, since of one group alone `re` gives no tuple.
            code.add(
                f"{', '.join(self._taken)}, _ = found.group({', '.join(map(str, self._taken.values()))}, 0)"
            )
        with code.block("try:"):
            code.add(f"return {part}")
        with code.block("except UnicodeDecodeError:"):  # as in `reader`: what was caught is not kept
            code.add("pass")
        code.add("raise Unsound('undecodable')")
        read: ReadPart = compiled(code, "read", self._values, self._schema)
        return read

    def _record(self, record: Any, path: str) -> str:
        read = [
            f"{field['name']!r}: {self._field(field['type'], path + field['name'])}"
            for field in record["fields"]
            if any(f"{one}.".startswith(f"{path}{field['name']}.") for one in self._paths)
        ]
        return f"{{{', '.join(read)}}}"

    def _beneath(self, path: str) -> bool:
        return any(one.startswith(f"{path}.") for one in self._paths)

    def _take(self, path: str) -> str:
        group = self._groups[path]
        self._taken[f"g{group}"] = group
        return f"g{group}"

    def _field(self, avro: Any, path: str) -> str:
        """The expression of what is read of a field."""
        kind = resolve(avro, self._types)
        nullable = isinstance(kind, list)
        match resolve(kind[1], self._types) if nullable else kind:
            case {"type": "record", "fields": fields} as record if self._beneath(path):
                # The fields of a record that is null are not there, so their groups are None.
                part = self._record(record, f"{path}.")
                first = self._take(f"{path}.{fields[0]['name']}")
                return f"({part} if {first} is not None else None)" if nullable else part
            case {"type": "record" | "array"}:
                return f"{self._take(path)} != b'\\0'"
            case {"type": "enum", "symbols": symbols}:
                return self._choice(
                    {bytes((2 * place,)): name for place, name in enumerate(symbols)}, path, nullable
                )
            case "boolean":
                return self._choice({b"\0": False, b"\1": True}, path, nullable)
            case "string":
                value = self._take(path)
                text = "({0}[{1}:] if {0}[{2}] < 128 else {0}[{3}:]).decode()"
                if nullable:
                    return f"(None if {value} == b'\\0' else {text.format(value, 2, 1, 3)})"
                return text.format(value, 1, 0, 2)
            case whole:
                number, value = "day" if whole == "int" else "number", self._take(path)
                return (
                    f"(None if {value} == b'\\0' else {number}({value}, 1))"
                    if nullable
                    else f"{number}({value}, 0)"
                )

    def _choice(self, table: Mapping[bytes, Any], path: str, nullable: bool) -> str:
        value = self._take(path)
        if nullable:
            table = {b"\0": None} | {b"\2" + written: one for written, one in table.items()}
        self._values[f"of_{value}"] = table
        return f"of_{value}[{value}]"


def _number(field: bytes, start: int) -> int:
    number, _ = varint.read(field, start)
    return (number >> 1) ^ -(number & 1)


_day = lru_cache(maxsize=4096)(_number)
"""The same for an `int`: dates mostly, of which few are about at a time."""
