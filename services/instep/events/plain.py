"""Converts plain JSON events to the values that Avro encodes (datums), and back.

A plain event is JSON as a council's developer would write by hand: ISO dates (`2026-04-01`), ISO timestamps with `Z` or
an offset, enum symbols as text, no union tags. Null and absent are the same. An absent array is empty, and an absent
field with a default has its default. The header is an object named `header`, like any other. `to_plain` leaves out nulls
and empty arrays, so `to_plain(from_plain(x)) == x` for every x that leaves out no default.

`from_plain` is strict: a misspelt field that is silently dropped is a fact that never arrives. Its errors name the
field and never a value, since a value may be a person's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from instep.errors import PlainEventError, SchemaError
from instep.events.schema import Schema

Convert = Callable[[Any], Any]

_DAY_ZERO = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# `fromisoformat` takes more of ISO 8601 (week dates, no hyphens, no zone) than programs agree on.
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIMESTAMP = re.compile(_DATE.pattern + r"T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_BITS = {"int": 32, "long": 64}
_BAD_DATE = "bad-date"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Conversion:
    """The two conversions of a type at a path."""

    take: Convert  # plain to datum
    give: Convert  # datum to plain


def from_plain(schema: Schema, plain: Any) -> dict[str, Any]:
    """The datum of a plain JSON event; raises PlainEventError with the path at fault."""
    datum: dict[str, Any] = _compiled(schema).take(plain)
    return datum


def to_plain(schema: Schema, datum: Mapping[str, Any]) -> dict[str, Any]:
    """The plain JSON of a datum of `schema`; raises PlainEventError at a date outside the calendar."""
    plain: dict[str, Any] = _compiled(schema).give(datum)
    return plain


@lru_cache(maxsize=256)
def _compiled(schema: Schema) -> _Conversion:
    return _conversion(schema.definition, "", {})


def _conversion(avro: Any, path: str, named: dict[str, Any]) -> _Conversion:
    match avro:
        case ["null", other]:
            return _conversion(other, path, named)  # the record around it deals with null and absent
        case {"type": "record"}:
            named[avro["name"]] = avro
            return _record(avro, path, named)
        case {"type": "enum"}:
            named[avro["name"]] = avro
            return _enum(tuple(avro["symbols"]), path)
        case {"type": "array", "items": items}:
            return _array(_conversion(items, path, named), path)
        case {"logicalType": "date"}:
            return _date(path)
        case {"logicalType": "timestamp-millis"}:
            return _timestamp(path)
        case {"logicalType": "uuid"}:
            return _uuid(path)
        case {"type": "string"} | "string":
            return _string(path)
        case {"type": "boolean"} | "boolean":
            return _boolean(path)
        case {"type": ("int" | "long") as width} | (("int" | "long") as width):
            return _integer(_BITS[width], path)
        case str() if avro.rpartition(".")[2] in named:
            return _conversion(named[avro.rpartition(".")[2]], path, named)
        case _:
            raise SchemaError(f"{path or 'The schema'} is of a type that a plain event cannot hold.")


def _record(avro: Mapping[str, Any], path: str, named: dict[str, Any]) -> _Conversion:
    prefix = f"{path}." if path else ""
    conversions = [
        (field["name"], _conversion(field["type"], prefix + field["name"], named)) for field in avro["fields"]
    ]
    names = frozenset(name for name, _ in conversions)
    # None as a default stands for null and for "no default" alike; fields without a default are `needed`.
    defaults = {field["name"]: field.get("default") for field in avro["fields"]}
    needed = {field["name"] for field in avro["fields"] if "default" not in field}
    fields = [(name, conversion.take, name in needed, defaults[name]) for name, conversion in conversions]

    def take(plain: Any) -> dict[str, Any]:
        if type(plain) is not dict:
            raise PlainEventError(path or "event", "must be an object of named fields")
        datum: dict[str, Any] = {}
        for name, take_value, is_needed, default in fields:
            value = plain.get(name)
            if value is not None:
                datum[name] = take_value(value)
            elif is_needed:
                raise PlainEventError(prefix + name, "is required", "missing-field")
            else:
                datum[name] = [] if default == [] else default
        if not plain.keys() <= names:
            raise _unknown(min(plain.keys() - names), prefix, names)
        return datum

    def give(datum: Mapping[str, Any]) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for name, conversion in conversions:
            value = datum.get(name)
            if value is not None and value != []:
                plain[name] = conversion.give(value)
        return plain

    return _Conversion(take=take, give=give)


def _unknown(key: str, prefix: str, names: frozenset[str]) -> PlainEventError:
    if not _KEY.fullmatch(key):  # such a key may be data in the wrong place
        return PlainEventError(prefix.rstrip(".") or "event", "holds a field that is not of this schema")
    near = get_close_matches(key, names, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return PlainEventError(prefix + key, f"is not a field of this schema{hint}")


def _array(item: _Conversion, path: str) -> _Conversion:
    def each(convert: Convert, values: Any) -> list[Any]:
        done: list[Any] = []
        try:
            for value in values:
                done.append(convert(value))
        except PlainEventError as error:
            place = f"{path}[{len(done)}]{error.field.removeprefix(path)}"
            raise PlainEventError(place, error.problem, error.reason) from None
        return done

    def take(plain: Any) -> list[Any]:
        if type(plain) is not list:
            raise PlainEventError(path, "must be a list")
        return each(item.take, plain)

    return _Conversion(take=take, give=lambda values: each(item.give, values))


def _enum(symbols: tuple[str, ...], path: str) -> _Conversion:
    def take(plain: Any) -> str:
        if type(plain) is not str or plain not in symbols:
            raise PlainEventError(path, f"must be one of {', '.join(symbols)}")
        return plain

    return _Conversion(take=take, give=_itself)


def _string(path: str) -> _Conversion:
    def take(plain: Any) -> str:
        if type(plain) is not str:
            raise PlainEventError(path, "must be text")
        if not plain.isascii():
            try:
                plain.encode()
            except UnicodeEncodeError:  # JSON can write half of a surrogate pair; UTF-8 cannot
                raise PlainEventError(path, "holds text that is not valid Unicode") from None
        return plain

    return _Conversion(take=take, give=_itself)


def _uuid(path: str) -> _Conversion:
    def take(plain: Any) -> str:
        if type(plain) is not str or not _UUID.fullmatch(plain):
            raise PlainEventError(path, "must be a UUID such as 0b0e7c6a-5d2e-4c8e-9f36-0d6a3c1f9b52")
        return plain.lower()

    return _Conversion(take=take, give=_itself)


def _boolean(path: str) -> _Conversion:
    def take(plain: Any) -> bool:
        if type(plain) is not bool:
            raise PlainEventError(path, "must be true or false")
        return plain

    return _Conversion(take=take, give=_itself)


def _integer(bits: int, path: str) -> _Conversion:
    limit = 1 << (bits - 1)

    def take(plain: Any) -> int:
        if type(plain) is not int:
            raise PlainEventError(path, "must be a whole number")
        if not -limit <= plain < limit:
            raise PlainEventError(path, f"does not fit in {bits} bits")
        return plain

    return _Conversion(take=take, give=_itself)


def _date(path: str) -> _Conversion:
    def take(plain: Any) -> int:
        if type(plain) is str and _DATE.fullmatch(plain):
            try:
                return date.fromisoformat(plain).toordinal() - _DAY_ZERO
            except ValueError:
                raise PlainEventError(path, "is not a day of the calendar", _BAD_DATE) from None
        raise PlainEventError(path, "must be a date such as 2026-04-01", _BAD_DATE)

    def give(days: int) -> str:
        try:
            return date.fromordinal(days + _DAY_ZERO).isoformat()
        except (ValueError, OverflowError):
            raise PlainEventError(path, "lies outside the calendar", _BAD_DATE) from None

    return _Conversion(take=take, give=give)


def _timestamp(path: str) -> _Conversion:
    def take(plain: Any) -> int:
        """Milliseconds; finer digits are cut off, never rounded up into the future."""
        if type(plain) is str and _TIMESTAMP.fullmatch(plain):
            try:
                return (datetime.fromisoformat(plain) - _EPOCH) // _MILLISECOND
            except ValueError:
                raise PlainEventError(path, "is not a time of the calendar", _BAD_DATE) from None
        raise PlainEventError(path, "must be a time with its zone, such as 2026-04-01T09:30:00Z", _BAD_DATE)

    def give(milliseconds: int) -> str:
        try:
            at = _EPOCH + milliseconds * _MILLISECOND
        except OverflowError:
            raise PlainEventError(path, "lies outside the calendar", _BAD_DATE) from None
        precision = "milliseconds" if milliseconds % 1000 else "seconds"
        return at.replace(tzinfo=None).isoformat(timespec=precision) + "Z"

    return _Conversion(take=take, give=give)


def _itself(value: Any) -> Any:
    return value
