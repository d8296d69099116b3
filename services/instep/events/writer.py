"""Writes the canonical bytes of an event: of the whole event, or of the shared fields alone.

fastavro's writer tries every branch of a union on a value before the writing. Our fields are nullable, so the trying costs
five times the writing. Here a writer is generated once for each schema and set of shared fields. Fields that are not shared
are constant zero bytes, joined into runs. Tests prove that the bytes are fastavro's, byte for byte.

An absent field is written as its default: null, an empty array, or the default in the header's schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import count
from typing import Any

from instep.errors import DatumError
from instep.events import varint
from instep.events.fields import any_beneath
from instep.events.generated import Code, compiled, name_types, no_event_type, resolve
from instep.events.schema import Schema

Write = Callable[[Mapping[str, Any]], bytes]
"""`write(datum)` gives the canonical Avro body, without framing; raises DatumError where the datum does not fit."""


@lru_cache(maxsize=1024)
def writer(schema: Schema, shared: tuple[str, ...] | None = None) -> Write:
    """The writer of a schema; with `shared`, every path outside `shared` is written as null or an empty array.

    The header is always written whole. Raises SchemaError where the schema has a type that no event may hold.
    """
    return _Writer(schema, shared).function()


def encode(schema: Schema, datum: Mapping[str, Any]) -> bytes:
    """The canonical Avro body of a datum, without framing; raises DatumError where the datum does not fit."""
    return writer(schema)(datum)


class _Lengths(dict[int, bytes]):
    """From a text's length in bytes to the bytes before the text; usual lengths are at hand."""

    def __init__(self, before: bytes) -> None:
        super().__init__((length, before + varint.long(length)) for length in range(512))
        self._before = before

    def __missing__(self, length: int) -> bytes:
        return self._before + varint.long(length)


_TEXT = _Lengths(b"")
_TEXT_OR_NULL = _Lengths(b"\2")
_NULL = _EMPTY = b"\0"
_NOT_NULL = b"\2"


class _Writer:
    """Makes the writer of a schema: code for each field, and constants for what is not shared."""

    def __init__(self, schema: Schema, shared: tuple[str, ...] | None) -> None:
        self._schema = schema
        self._shared = shared
        self._types = name_types(schema.parsed)
        self._numbers = count()
        self._constant = b""  # bytes that are certain, and not yet in the code
        self._values: dict[str, Any] = {
            "DatumError": DatumError,
            "int_": varint.int_,
            "long": varint.long,
            "text": _TEXT,
            "text_or_null": _TEXT_OR_NULL,
        }

    def function(self) -> Write:
        write: Write = compiled(self.code(), "write_datum", self._values, self._schema)
        return write

    def code(self) -> Code:
        code = Code("def write_datum(datum):")
        code.add("parts = []; put = parts.append")
        with code.block("try:"):
            self._record(code, self._schema.parsed, "datum", "", whole=self._shared is None)
            self._flush(code)
            code.add("return b''.join(parts)")
        # Raised outside the handler, whose error may hold a value.
        with code.block("except (AttributeError, KeyError, TypeError, ValueError, OverflowError):"):
            code.add("pass")
        code.add(f"raise DatumError({f'A datum does not fit {self._schema.full_name}.'!r})")
        return code

    def _new(self) -> str:
        return f"v{next(self._numbers)}"

    def _flush(self, code: Code) -> None:
        if self._constant:
            code.add(f"put({self._constant!r})")
            self._constant = b""

    def _record(self, code: Code, record: Any, source: str, path: str, *, whole: bool) -> None:
        for field in record["fields"]:
            field_path = path + field["name"]
            if whole or field_path == "header" or field_path in (self._shared or ()):
                self._field(code, field, source, field_path, whole=True)
            elif any_beneath(self._shared or (), field_path):
                self._field(code, field, source, field_path, whole=False)
            else:
                self._constant += _NULL  # beneath the header null and the empty array are both one zero byte

    def _field(self, code: Code, field: Any, source: str, path: str, *, whole: bool) -> None:
        avro = resolve(field["type"], self._types)
        key, value = repr(field["name"]), self._new()
        absent = field.get("default")
        if "default" not in field:
            code.add(f"{value} = {source}[{key}]")
        elif absent is None or absent == []:
            code.add(f"{value} = {source}.get({key})")
        else:
            code.add(f"{value} = {source}.get({key}, {absent!r})")
        match avro:
            case ["null", other]:
                self._flush(code)
                code.add(f"if {value} is None: put({_NULL!r})")
                with code.block("else:"):
                    self._value(code, other, value, path, whole=whole, before=_NOT_NULL)
                    self._flush(code)
            case _:
                self._value(code, avro, value, path, whole=whole)

    def _value(
        self, code: Code, avro: Any, value: str, path: str, *, whole: bool, before: bytes = b""
    ) -> None:
        """Adds the code that writes a value other than null; `before` (a union's choice) is written first."""
        match resolve(avro, self._types):
            case {"type": "record"} as record:
                self._constant += before
                self._record(code, record, value, f"{path}.", whole=whole)
            case {"type": "array", "items": items}:
                self._constant += before
                self._array(code, items, value, path, whole=whole)
            case {"type": "enum", "symbols": symbols}:
                self._put_of(
                    code, {name: before + varint.long(place) for place, name in enumerate(symbols)}, value
                )
            case "boolean":
                self._put_of(code, {False: before + b"\0", True: before + b"\1"}, value)
            case "string":
                self._flush(code)
                code.add(f"e = {value}.encode(); put({'text_or_null' if before else 'text'}[len(e)]); put(e)")
            case "int" | "long" as width:
                self._constant += before
                self._flush(code)
                code.add(f"put({'long' if width == 'long' else 'int_'}({value}))")
            case _:
                raise no_event_type(self._schema)

    def _put_of(self, code: Code, table: Mapping[Any, bytes], value: str) -> None:
        name = self._new()
        self._values[name] = table
        self._flush(code)
        code.add(f"put({name}[{value}])")

    def _array(self, code: Code, items: Any, value: str, path: str, *, whole: bool) -> None:
        self._flush(code)
        item = self._new()
        with code.block(f"if {value}:"):
            code.add(f"put(long(len({value})))")
            with code.block(f"for {item} in {value}:"):
                self._value(code, items, item, path, whole=whole)
                self._flush(code)
        self._constant += _EMPTY
