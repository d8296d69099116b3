"""Blanking without decoding: what is shared is cut out of an event's own bytes, and joined.

A field that is not shared is one zero byte (`blanking`), so what a recipient gets is runs of the event's bytes with zero
bytes between them; all that is needed is where the fields lie. Canonical Avro of our schemas, which are not recursive, is a
*regular language* as long as texts and arrays are bounded: a 6 and any three bytes are a text of three. So the form of an
event is a regular expression, made from its schema, with a group for each field; `re` walks it in C, four times as fast as
generated Python did, never beyond the input, and in linear time: at each place at most one alternative can match, by its
first bytes.

It takes only canonical bytes: exact choices, enums, booleans and numbers in their shortest form, arrays in one block, and
nothing left over. It does not see whether a text that nobody reads is UTF-8 (intake has; it is copied as it is). And it
takes only *usual* events: one with a longer text, or more items, has to be decoded whole by `reader`, which tells unusual
from unsound.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from instep.errors import SchemaError, UnsoundBytesError
from instep.events import varint
from instep.events.generated import Code, compiled, name_types, resolve
from instep.events.reader import least_size
from instep.events.schema import Schema

USUAL_TEXT = 64
"""Bytes that a usual text is shorter than."""
USUAL_ITEMS = 8
"""Items that a usual array has at most."""

Spans = re.Match[bytes]
"""Where the fields of one event lie."""

ReadPart = Callable[[Spans], dict[str, Any]]
"""Reads some fields of an event, as a part of it; raises UnsoundBytesError where a text of them is not UTF-8."""

Splice = Callable[[Spans], bytes]
"""The blanked event, behind whatever stood before it in the bytes (the framing)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Form:
    """The form of a record's bytes: `groups` gives each field, by its path, the group of the expression that holds it."""

    expression: re.Pattern[bytes]
    groups: Mapping[str, int]

    def find(self, body: bytes, start: int) -> Spans | None:
        """The fields of the event from `start` to the end; None where it is not usual, or not sound."""
        return self.expression.fullmatch(body, start)


@lru_cache(maxsize=64)
def form(schema: Schema) -> Form:
    """The form of a schema; raises SchemaError where it holds what Instep's schemas never hold."""
    return _Form(schema).of(schema.parsed)


@lru_cache(maxsize=256)
def part_reader(schema: Schema, paths: frozenset[str]) -> ReadPart:
    """Reads these paths, none within an array: of a leaf the value, of a record or an array whether it is there.

    It gives them in records as the event itself has them; a null record with some of these paths in it is None.
    """
    return _Part(schema, paths).function()


@lru_cache(maxsize=1024)
def splicer(schema: Schema, shared: tuple[str, ...]) -> Splice:
    """The splicer of a schema for these shared paths, as `Blanking.paths` gives them; the header is always shared."""
    return _Splicer(schema, shared, schema.parsed).event()


_INT = b"|".join(rb"[\x80-\xff]{%d}[\x01-\x7f]" % more for more in (1, 2, 3))
_INT = rb"[\0-\x7f]|%b|[\x80-\xff]{4}[\x01-\x0f]" % _INT
_LONG = b"|".join(rb"[\x80-\xff]{%d}[\x01-\x7f]" % more for more in range(1, 9))
_LONG = rb"[\0-\x7f]|%b|[\x80-\xff]{9}\x01" % _LONG
_TEXT = b"|".join(re.escape(varint.long(length)) + b".{%d}" % length for length in range(USUAL_TEXT))


class _Form:
    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._types = name_types(schema.parsed)

    def of(self, record: Any) -> Form:
        groups: dict[str, int] = {}
        return Form(expression=re.compile(self._record(record, "", groups), re.DOTALL), groups=groups)

    def _record(self, record: Any, path: str, groups: dict[str, int] | None) -> bytes:
        """The fields one after the other, each a group with a number in `groups`; with None, no groups."""
        expression = b""
        for field in record["fields"]:
            at = path + field["name"]
            if groups is not None:
                groups[at] = len(groups) + 1
            kind = b"(%b)" if groups is not None else b"(?:%b)"
            expression += kind % self._type(field["type"], f"{at}.", groups)
        return expression

    def _type(self, avro: Any, path: str, groups: dict[str, int] | None) -> bytes:
        """Alternatives, of which at most one matches."""
        match resolve(avro, self._types):
            case {"type": "record"} as record:
                return self._record(record, path, groups)
            case {"type": "array", "items": items}:
                return self._array(items)
            case {"type": "enum", "symbols": symbols}:
                return b"[%b]" % b"".join(rb"\x%02x" % (2 * place) for place in range(len(symbols)))
            case ["null", other]:
                return rb"\0|\x02(?:%b)" % self._type(other, path, groups)
            case "string":
                return _TEXT
            case "int":
                return _INT
            case "long":
                return _LONG
            case "boolean":
                return rb"[\0\x01]"
            case _:
                raise SchemaError(
                    f"{self._schema.full_name} {self._schema.version} holds a type that no event may hold."
                )

    def _array(self, items: Any) -> bytes:
        """One block: how many items, then these, then zero. Of n items, one stands in each of n nested brackets."""
        if least_size(items, self._types) == 0:
            raise SchemaError(f"{self._schema.full_name} holds an array of items that take no bytes.")
        item = b"(?:%b)" % self._type(items, "", None)
        begun = rb"\x%02x" % (2 * USUAL_ITEMS)
        for number in range(USUAL_ITEMS - 1, 0, -1):
            begun = rb"(?:\x%02x|%b%b)" % (2 * number, begun, item)
        return rb"\0|%b%b\0" % (begun, item)


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
            if any(f"{shared}.".startswith(f"{path}{field['name']}.") for shared in self._paths)
        ]
        return f"{{{', '.join(read)}}}"

    def _beneath(self, path: str) -> bool:
        return any(shared.startswith(f"{path}.") for shared in self._paths)

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
            table = {b"\0": None} | {b"\2" + written: symbol for written, symbol in table.items()}
        self._values[f"of_{value}"] = table
        return f"of_{value}[{value}]"


def _number(field: bytes, start: int) -> int:
    number, _ = varint.read(field, start)
    return (number >> 1) ^ -(number & 1)


_day = lru_cache(maxsize=4096)(_number)
"""The same for an `int`: dates mostly, of which few are about at a time."""


class _Piece(NamedTuple):
    """A piece of a spliced event: a constant, the bytes between two places, or another expression."""

    constant: bytes = b""
    start: str = ""
    end: str = ""
    expression: str = ""


class _Splicer:
    """Makes the splicer of a record: the event, or, with the path before it, an item of an array in it."""

    def __init__(self, schema: Schema, shared: Collection[str], record: Any, path: str = "") -> None:
        self._schema = schema
        self._shared = shared
        self._path = path
        self._types = name_types(schema.parsed)
        self._form = _Form(schema).of(record) if path else form(schema)
        self._values: dict[str, Any] = {"join": b"".join}
        self._pieces = self._record(record, path)

    def event(self) -> Splice:
        """What stands before the event, and the event."""
        return self._compiled([_Piece(start="0", end="start(1)"), *self._pieces])

    def items(self) -> Callable[[bytes, int], bytes]:
        """Splices an array of these records that starts somewhere in an event whose form has been found."""
        match, splice = self._form.expression.match, self._compiled(self._pieces)

        def items(body: bytes, at: int) -> bytes:
            number, at = varint.read_length(body, at)
            if not number:
                return b"\0"
            parts = [varint.long(number)]
            for _ in range(number):
                item = match(body, at)
                if item is None:
                    raise UnsoundBytesError("undecodable")
                parts.append(splice(item))
                at = item.end()
            parts.append(b"\0")
            return b"".join(parts)

        return items

    def _compiled(self, pieces: Sequence[_Piece]) -> Splice:
        code = Code("def splice(found):")
        code.add("body = found.string; start = found.start; end = found.end")
        code.add(f"return {_joined(pieces)}")
        splice: Splice = compiled(code, "splice", self._values, self._schema)
        return splice

    def _record(self, record: Any, path: str) -> list[_Piece]:
        """A piece for each field, hence each adjacent to the next."""
        return [self._field(field["type"], path + field["name"]) for field in record["fields"]]

    def _field(self, avro: Any, path: str) -> _Piece:
        group = self._group(path)
        if path == "header" or path in self._shared:
            return _Piece(start=f"start({group})", end=f"end({group})")
        if not any(shared.startswith(f"{path}.") for shared in self._shared):
            return _Piece(constant=b"\0")
        kind = resolve(avro, self._types)
        nullable = isinstance(kind, list)
        match resolve(kind[1], self._types) if nullable else kind:
            case {"type": "record"} as record:
                some = self._record(record, f"{path}.")
                if not nullable:
                    return _Piece(expression=_joined(some))
                # The fields of a null record are not there: their groups start at -1.
                there = f"start({self._group(path + '.' + record['fields'][0]['name'])}) > 0"
                given = _joined([_Piece(constant=b"\2"), *some])
                return _Piece(expression=rf"({given} if {there} else b'\0')")
            case {"type": "array", "items": items}:
                record = resolve(items, self._types)
                name = f"items{group}"
                self._values[name] = _Splicer(self._schema, self._shared, record, f"{path}.").items()
                return _Piece(expression=f"{name}(body, start({group}))")
            case _:
                raise SchemaError(
                    f"{self._schema.full_name} {self._schema.version} has no fields within {path}."
                )

    def _group(self, path: str) -> int:
        return self._form.groups[path.removeprefix(self._path)]


def _joined(pieces: Sequence[_Piece]) -> str:
    """The expression of pieces one after the other; neighbours of a kind become one."""
    merged: list[_Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else _Piece()
        if piece.constant and last.constant:
            merged[-1] = _Piece(constant=last.constant + piece.constant)
        elif piece.end and last.end:
            merged[-1] = _Piece(start=last.start, end=piece.end)
        else:
            merged.append(piece)
    written = [_written(piece) for piece in merged]
    return written[0] if len(written) == 1 else f"join(({', '.join(written)}))"


def _written(piece: _Piece) -> str:
    if piece.constant:
        return repr(piece.constant)
    return piece.expression or f"body[{piece.start}:{piece.end}]"
