"""Hypothesis strategies for events, and the number of examples that a test draws.

`datums(schema)` makes all that bytes can carry: any text, any int of its width, dates outside every calendar.
`plain_events(event_type)` makes all that a publisher may write: plain JSON in its plainest form (nulls and empty lists left
out, defaults written, times in UTC), so `to_plain` gives the same JSON back.

Both are drawn from the schema's definition, not from Instep's code for it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from instep.events.schema import EventType, Schema

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
INTS = st.integers(-(2**31), 2**31 - 1)
LONGS = st.integers(-(2**63), 2**63 - 1)
THOROUGH = 100
"""How many examples a test draws in the thorough profile unless the test says otherwise; Hypothesis's own default."""
QUICK = 10
"""The same in the quick profile, that of `make unit`."""
INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


def examples(thorough: int) -> settings:
    """Settings for a test that draws `thorough` examples in the thorough profile, and fewer in the quick one."""
    return settings(max_examples=max(1, thorough * settings().max_examples // THOROUGH))


def datums(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    """Any datum of `schema.parsed`."""
    return _datums(schema.definition, {})


def plain_events(event_type: EventType) -> st.SearchStrategy[dict[str, Any]]:
    """Any plain event of the newest version, with a meaning or without."""
    return plain_records(event_type.latest)


def plain_records(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    """Any plain record of a schema, an event's or the bus's."""
    return _plain(schema.definition, {})


def _resolved(avro: Any, named: dict[str, Any]) -> Any:
    match avro:
        case str() if avro in named:
            return named[avro]
        case {"name": name}:
            named[name] = avro
            return avro
        case str():
            return {"type": avro}
        case _:
            return avro


def _datums(avro: Any, named: dict[str, Any]) -> st.SearchStrategy[Any]:
    match _resolved(avro, named):
        case ["null", other]:
            return st.none() | _datums(other, named)
        case {"type": "record", "fields": fields}:
            return st.fixed_dictionaries({field["name"]: _datums(field["type"], named) for field in fields})
        case {"type": "array", "items": items}:
            return st.lists(_datums(items, named), max_size=3)
        case {"type": "enum", "symbols": symbols}:
            return st.sampled_from(symbols)
        case {"type": "string"}:
            return TEXT
        case {"type": "int"}:
            return INTS
        case {"type": "long"}:
            return LONGS
        case {"type": "boolean"}:
            return st.booleans()
        case other:
            raise AssertionError(other)


def _plain(avro: Any, named: dict[str, Any]) -> st.SearchStrategy[Any]:
    match _resolved(avro, named):
        case ["null", other]:
            return _plain(other, named)
        case {"type": "record", "fields": fields}:
            ways = {field["name"]: _plain(field["type"], named) for field in fields}
            absent = {field["name"] for field in fields if field.get("default", "none") in (None, [])}
            return st.fixed_dictionaries(
                {name: way for name, way in ways.items() if name not in absent},
                optional={name: way for name, way in ways.items() if name in absent},
            )
        case {"type": "array", "items": items}:
            return st.lists(_plain(items, named), min_size=1, max_size=3)
        case {"logicalType": "uuid"}:
            return st.uuids().map(str)
        case {"logicalType": "date"}:
            return st.dates().map(lambda day: day.isoformat())
        case {"logicalType": "timestamp-millis"}:
            return INSTANTS.map(_instant)
        case scalar:
            return _datums(scalar, named)


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00").removesuffix(".000") + "Z"
