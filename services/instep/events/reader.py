"""Reads the bytes of an event strictly: a single pass gives the event's values, or refuses the bytes.

fastavro is fast, but accepts bytes that Avro does not allow: negative indices of unions and enums, overlong numbers,
a boolean of 2, bytes left over. A check beside fastavro costs a second pass, so here a single pass reads and checks.
The reader of a schema is a generated function, whose straight-line code only indexes the bytes. The function is twice
as fast as fastavro. Tests compare its results with fastavro's, byte by byte.

A reader keeps three promises, whatever the bytes are. It ends after at most a step for each byte. It makes at most one
record for every two bytes, so a small input cannot fill the memory. It raises UnsoundBytesError and nothing else.

Arrays in sized or split blocks are valid Avro, and some libraries write no others. The reader takes such arrays, and tells
its caller that there were any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import count
from typing import Any, NoReturn

from instep.errors import SchemaError, UnsoundBytesError
from instep.events import varint
from instep.events.generated import Code, compiled, name_types, no_event_type, resolve
from instep.events.schema import Schema

Read = Callable[[bytes, int], tuple[dict[str, Any], int, bool]]
"""`read(body, start)` gives the datum, where the datum ends, and whether every array was a single plain block."""


@lru_cache(maxsize=256)
def reader(schema: Schema) -> Read:
    """The reader of a schema; raises SchemaError where the schema has a type that no event may hold."""
    return _Reader(schema).function()


def decode(schema: Schema, body: bytes) -> dict[str, Any]:
    """The datum of a body of our own writing; for a stranger's bytes use `decoding.Decoder`."""
    datum, _, _ = reader(schema)(body, 0)
    return datum


class _Reader:
    """Makes the reader of a schema: code for each type, in the order of the fields."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._types = name_types(schema.parsed)
        self._numbers = count()
        self._values: dict[str, Any] = {
            "Unsound": UnsoundBytesError,
            "block": _block,
            "no_choice": _no_choice,
            "read": varint.read,
            "read_int": varint.read_int,
            "read_length": varint.read_length,
        }

    def function(self) -> Read:
        read: Read = compiled(self.code(), "read_datum", self._values, self._schema)
        return read

    def code(self) -> Code:
        code = Code("def read_datum(body, i):")
        with code.block("try:"):
            code.add("size = len(body); plain = True")
            self._type(code, self._schema.parsed, "datum")
            code.add("if i <= size: return datum, i, plain")
        # Raised outside the handler: the caught error would hold the undecodable text, a person's name perhaps.
        with code.block("except (IndexError, UnicodeDecodeError):"):
            code.add("pass")
        code.add("raise Unsound('undecodable')")
        return code

    def _new(self) -> str:
        return f"v{next(self._numbers)}"

    def _type(self, code: Code, avro: Any, into: str) -> None:
        """Adds the code that reads a value at `i` into the variable `into`, and leaves `i` behind the value."""
        match resolve(avro, self._types):
            case {"type": "record", "fields": fields}:
                variables = [(field["name"], self._new()) for field in fields]
                for field, (_, variable) in zip(fields, variables, strict=True):
                    self._type(code, field["type"], variable)
                code.add(f"{into} = {{{', '.join(f'{name!r}: {variable}' for name, variable in variables)}}}")
            case {"type": "array", "items": items}:
                self._array(code, items, into)
            case {"type": "enum", "symbols": symbols}:
                self._enum(code, symbols, into)
            case ["null", other]:
                self._nullable(code, other, into)
            case "string":
                code.add("n = body[i]")
                code.add("if n & 129: n, i = read_length(body, i)")  # negative, or more than one byte
                code.add("else: n >>= 1; i += 1")
                code.add(f"j = i + n; {into} = body[i:j].decode(); i = j")
            case "int" | "long" as width:
                code.add("n = body[i]")
                code.add(f"if n > 127: n, i = {'read' if width == 'long' else 'read_int'}(body, i)")
                code.add("else: i += 1")
                code.add(f"{into} = (n >> 1) ^ -(n & 1)")
            case "boolean":
                code.add("n = body[i]; i += 1")
                code.add("if n > 1: raise Unsound('not-canonical')")
                code.add(f"{into} = n == 1")
            case _:
                raise no_event_type(self._schema)

    def _nullable(self, code: Code, other: Any, into: str) -> None:
        code.add("n = body[i]; i += 1")
        with code.block("if n == 2:"):
            self._type(code, other, into)
        code.add(f"elif n == 0: {into} = None")
        code.add("else: no_choice(body, i - 1)")

    def _enum(self, code: Code, symbols: list[str], into: str) -> None:
        if len(symbols) > 64:
            raise SchemaError(f"{self._schema.full_name} holds an enum of more than 64 symbols.")
        table = self._new()
        self._values[table] = tuple(symbols)
        code.add("n = body[i]; i += 1")
        code.add(f"if n & 129 or n >= {2 * len(symbols)}: no_choice(body, i - 1)")
        code.add(f"{into} = {table}[n >> 1]")

    def _array(self, code: Code, items: Any, into: str) -> None:
        if least_size(items, self._types) == 0:
            raise SchemaError(f"{self._schema.full_name} holds an array of items that take no bytes.")
        length, item, end = self._new(), self._new(), self._new()
        code.add(f"{into} = []; {length} = body[i]; i += 1")
        with code.block(f"while {length}:"):  # each pass is a block; a plain array is a single block
            code.add(f"if {length} & 129: {length}, i, {end} = block(body, i - 1)")
            code.add(f"else: {length} >>= 1; {end} = 0")
            code.add(f"if {length} > size - i: raise Unsound('undecodable')")  # an item has a byte at least
            with code.block(f"for _ in range({length}):"):
                self._type(code, items, item)
                code.add(f"{into}.append({item})")
            with code.block(f"if {end}:"):
                code.add(f"if {end} != i: raise Unsound('undecodable')")
                code.add("plain = False")
            code.add(f"{length} = body[i]; i += 1")
            code.add(f"if {length}: plain = False")


def least_size(avro: Any, types: Mapping[str, Any]) -> int:
    """The fewest bytes of any value of a type."""
    match resolve(avro, types):
        case "null":
            return 0
        case {"type": "record", "fields": fields}:
            return sum(least_size(field["type"], types) for field in fields)
        case _:
            return 1


def _block(body: bytes, i: int) -> tuple[int, int, int]:
    """The number of items of a block, where the items start, and where they must end (0 where the block has no size)."""
    number, i = varint.read(body, i)
    if not number & 1:
        return number >> 1, i, 0
    length, i = varint.read_length(body, i)
    return (number >> 1) + 1, i, i + length


def _no_choice(body: bytes, i: int) -> NoReturn:
    """Refuses an enum or union index: negative is not canonical, and past the last decodes to nothing."""
    number, _ = varint.read(body, i)
    raise UnsoundBytesError("not-canonical" if number & 1 else "undecodable")
