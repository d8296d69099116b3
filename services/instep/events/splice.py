r"""Blanks an event without decoding it: keeps the bytes of shared fields, and puts a zero byte for each other field.

**Why nothing is decoded.** A blanked event keeps its schema, and a field that is not shared is a single zero byte (the
module `blanking`). So a recipient's bytes are runs of the source's bytes with zero bytes between them. To cut the runs
out, only the places of the fields have to be known; their values do not matter. (The module `part` decodes the few
fields that routing asks for.)

**The form of an event.** Avro's bytes hold no names and no separators, but every value says by its first bytes how far it
reaches. Our schemas are never recursive. With a bound on texts and arrays, the canonical bytes of a schema are therefore a
*regular language*, and a regular expression describes them. The form is that expression, made once from the schema:

    boolean        [\0\x01]
    int, long      continuation bytes (above 127), then a last byte; an alternative for each length, none overlong
    string         an alternative for each length: \x06.{3} is a text of three bytes
    enum           a byte out of a set
    [null, T]      \0, or \x02 and then T
    array          \0, or the number of items, the items and \0
    record         its fields in their order; outside arrays each field is a numbered group

A single `fullmatch` proves the bytes canonical and gives the span of every field. `re` walks the expression in C, four times
as fast as generated Python did. The walk never leaves the input and takes linear time: at each place at most one alternative
can match, by its first bytes, so `re` has no second way to try.

**What is unusual.** Each length of a text is an alternative, so the form stops at the usual lengths: texts shorter than
64 bytes, arrays of at most 8 items. An event beyond them may be sound, but no form matches it. The caller decodes such an
event whole with the module `reader`, which tells unusual from unsound.

**What a match proves.** The form takes canonical bytes alone: choices of `null` or a value, enums, booleans and numbers in
their shortest form, arrays in a single block, and nothing left over. Only UTF-8 is left unproven, for texts that nobody
reads: intake has proven those, and they are copied as they are.

The decision: `services/decisions/009-splice.md`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from instep.errors import SchemaError, UnsoundBytesError
from instep.events import varint
from instep.events.fields import any_beneath
from instep.events.generated import Code, compiled, name_types, no_event_type, resolve
from instep.events.reader import least_size
from instep.events.schema import Schema

USUAL_TEXT = 64
"""Bytes; a usual text is shorter."""
USUAL_ITEMS = 8
"""Items; a usual array has at most as many."""

Spans = re.Match[bytes]
"""The span of each field in the bytes of an event."""

Splice = Callable[[Spans], bytes]
"""Gives the blanked event, behind the bytes that stood before the event (the framing)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Form:
    """The form of a record's bytes: an expression, and by each field's path the number of its group."""

    expression: re.Pattern[bytes]
    groups: Mapping[str, int]

    def find(self, body: bytes, start: int) -> Spans | None:
        """The spans of the event from `start` to the end; None where the event is unusual or unsound."""
        return self.expression.fullmatch(body, start)


@lru_cache(maxsize=64)
def form(schema: Schema) -> Form:
    """The form of a schema; raises SchemaError where the schema has a type that no event may hold."""
    return _Form(schema).of(schema.parsed)


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
    """Makes the form of a schema's record: the expressions of its types, put into each other."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._types = name_types(schema.parsed)

    def of(self, record: Any) -> Form:
        groups: dict[str, int] = {}
        return Form(expression=re.compile(self._record(record, "", groups), re.DOTALL), groups=groups)

    def _record(self, record: Any, path: str, groups: dict[str, int] | None) -> bytes:
        """The fields in their order, each a group whose number goes into `groups`; without `groups`, no field is a group."""
        expression = b""
        for field in record["fields"]:
            field_path = path + field["name"]
            if groups is not None:
                groups[field_path] = len(groups) + 1
            bracket = b"(%b)" if groups is not None else b"(?:%b)"
            expression += bracket % self._type(field["type"], f"{field_path}.", groups)
        return expression

    def _type(self, avro: Any, path: str, groups: dict[str, int] | None) -> bytes:
        """The alternatives of a type; at most one of them matches."""
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
                raise no_event_type(self._schema)

    def _array(self, items: Any) -> bytes:
        """A block: the number of items, the items, and zero.

        Brackets are nested, with a bracket for each number of items. Each bracket takes either its own number, or what the
        bracket within takes and an item more: so n items follow the number n.
        """
        if least_size(items, self._types) == 0:
            raise SchemaError(f"{self._schema.full_name} holds an array of items that take no bytes.")
        item = b"(?:%b)" % self._type(items, "", None)
        counted = rb"\x%02x" % (2 * USUAL_ITEMS)
        for number in range(USUAL_ITEMS - 1, 0, -1):
            counted = rb"(?:\x%02x|%b%b)" % (2 * number, counted, item)
        return rb"\0|%b%b\0" % (counted, item)


class _Piece(NamedTuple):
    """A piece of a blanked event, in generated code: a constant, the bytes from `start` to `end`, or an expression."""

    constant: bytes = b""
    start: str = ""
    end: str = ""
    expression: str = ""


class _Splicer:
    """Makes the splicer of a record: of the event, or (given the array's path) of the items of an array."""

    def __init__(self, schema: Schema, shared: Collection[str], record: Any, path: str = "") -> None:
        self._schema = schema
        self._shared = shared
        self._path = path
        self._types = name_types(schema.parsed)
        self._form = _Form(schema).of(record) if path else form(schema)
        self._values: dict[str, Any] = {"join": b"".join}
        self._pieces = self._record(record, path)

    def event(self) -> Splice:
        """The bytes before the event, and the event."""
        return self._compiled(self.event_code())

    def event_code(self) -> Code:
        return self._code([_Piece(start="0", end="start(1)"), *self._pieces])

    def items(self) -> Callable[[bytes, int], bytes]:
        """Splices an array of such records, given where the array starts in an event that the form has matched."""
        match, splice = self._form.expression.match, self._compiled(self._code(self._pieces))

        def items(body: bytes, at: int) -> bytes:
            number, at = varint.read_length(body, at)
            if not number:
                return b"\0"
            parts = [varint.long(number)]
            for _ in range(number):
                spans = match(body, at)
                if spans is None:
                    raise UnsoundBytesError("undecodable")
                parts.append(splice(spans))
                at = spans.end()
            parts.append(b"\0")
            return b"".join(parts)

        return items

    def _code(self, pieces: Sequence[_Piece]) -> Code:
        code = Code("def splice(found):")
        code.add("body = found.string; start = found.start; end = found.end")
        code.add(f"return {_joined(pieces)}")
        return code

    def _compiled(self, code: Code) -> Splice:
        splice: Splice = compiled(code, "splice", self._values, self._schema)
        return splice

    def _record(self, record: Any, path: str) -> list[_Piece]:
        """A piece for each field, in the order of the schema, so that each piece ends where the next starts."""
        return [self._field(field["type"], path + field["name"]) for field in record["fields"]]

    def _field(self, avro: Any, path: str) -> _Piece:
        group = self._group(path)
        if path == "header" or path in self._shared:
            return _Piece(start=f"start({group})", end=f"end({group})")
        if not any_beneath(self._shared, path):
            return _Piece(constant=b"\0")
        kind = resolve(avro, self._types)
        nullable = isinstance(kind, list)
        match resolve(kind[1], self._types) if nullable else kind:
            case {"type": "record"} as record:
                pieces = self._record(record, f"{path}.")
                if not nullable:
                    return _Piece(expression=_joined(pieces))
                # The fields of a null record are not there: their groups start at -1.
                present = f"start({self._group(path + '.' + record['fields'][0]['name'])}) > 0"
                blanked = _joined([_Piece(constant=b"\2"), *pieces])
                return _Piece(expression=rf"({blanked} if {present} else b'\0')")
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
    """The code of an expression that joins the pieces; adjacent pieces of a kind become a single piece."""
    merged: list[_Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else _Piece()
        if piece.constant and last.constant:
            merged[-1] = _Piece(constant=last.constant + piece.constant)
        elif piece.end and last.end:
            merged[-1] = _Piece(start=last.start, end=piece.end)
        else:
            merged.append(piece)
    expressions = [_expression(piece) for piece in merged]
    return expressions[0] if len(expressions) == 1 else f"join(({', '.join(expressions)}))"


def _expression(piece: _Piece) -> str:
    if piece.constant:
        return repr(piece.constant)
    return piece.expression or f"body[{piece.start}:{piece.end}]"
