"""Cutting fields out of an event's bytes gives the result of decoding, blanking and writing; unsound bytes have no form."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.errors import SchemaError, UnsoundBytesError
from instep.events.blanking import Blanking, paths_of
from instep.events.part import part_reader
from instep.events.plain import from_plain
from instep.events.reader import reader
from instep.events.schema import EventType, Schema
from instep.events.splice import USUAL_ITEMS, USUAL_TEXT, Spans, form
from instep.events.writer import encode, writer
from tests.strategies import datums
from tests.unit.events.sample import (
    MOVED,
    REGISTERED,
    example_files,
    fastavro_decode,
    fastavro_encode,
    schema_of,
    spoilt,
)

EVENTS = (MOVED.latest, REGISTERED.latest)
ENUM = {"type": "enum", "name": "Choice", "symbols": ["A", "B", "C"]}
STRINGS = {"type": "array", "items": "string"}
INNER = {
    "type": "record",
    "name": "Inner",
    "fields": [
        {"name": "x", "type": ["null", "string"], "default": None},
        {"name": "y", "type": {"type": "array", "items": "int"}, "default": []},
        {"name": "z", "type": ["null", ENUM], "default": None},
    ],
}
# A record, an array of records and of leaves, beside the catalogue's events; first and last places are taken by each kind.
ODD = (
    schema_of(["null", INNER], {"type": "array", "items": "Inner"}, ["null", "boolean"], ["null", "long"]),
    schema_of(STRINGS, {"type": "array", "items": INNER}, ["null", "Inner"]),
    schema_of("string", "boolean", "int", INNER, "long", {"type": "array", "items": ["null", "Inner"]}),
)


def spans_of(schema: Schema, body: bytes, start: int = 0) -> Spans:
    spans = form(schema).find(body, start)
    assert spans is not None
    return spans


@given(st.data(), st.sampled_from(EVENTS + ODD[:2]), st.binary(max_size=7))
def test_what_is_cut_out_is_what_is_decoded_blanked_and_written(
    data: st.DataObject, schema: Schema, before: bytes
) -> None:
    """By our own code, and by fastavro; a strategy's longest text has 48 bytes, and its arrays have three items."""
    event = data.draw(datums(schema))
    paths = sorted(path for path in schema.fields if path.partition(".")[0] != "header")
    body = fastavro_encode(schema, event)
    spans = spans_of(schema, before + body, len(before))
    for _ in range(3):  # one walk serves any number of field sets
        shared = data.draw(st.sets(st.sampled_from(paths), max_size=8))
        blanking = Blanking(schema, shared)
        spliced = blanking.splice(spans)
        assert spliced == before + writer(schema, blanking.paths)(reader(schema)(body, 0)[0])
        if schema in EVENTS:  # which have a header, as `blank` expects
            assert spliced == before + fastavro_encode(schema, blanking.blank(event))


@pytest.mark.parametrize(("event_type", "file"), example_files("examples"))
def test_every_example_is_a_usual_event(event_type: EventType, file: Path) -> None:
    schema = event_type.latest
    event = from_plain(schema, json.loads(file.read_text()))
    for path in paths_of(schema):
        blanking = Blanking(schema, {path})
        assert blanking.splice(spans_of(schema, encode(schema, event))) == blanking.encode(event)


def part_of(record: Any, event: Any, paths: set[str], path: str = "") -> Any:
    """By the definition of `part_reader`, from the whole event."""
    part = {}
    for name, value in event.items():
        at = path + name
        inner = any(path.startswith(f"{at}.") for path in paths)
        if inner and isinstance(value, dict):
            part[name] = part_of(record, value, paths, f"{at}.")
        elif inner:
            part[name] = None
        elif at in paths:
            part[name] = bool(value is not None and value != []) if record(at) else value
    return part


@given(st.data(), st.sampled_from(EVENTS + ODD))
def test_a_part_that_is_read_is_that_part_of_the_whole_event(data: st.DataObject, schema: Schema) -> None:
    event = data.draw(datums(schema))
    fields = schema.fields
    outside = [path for path in fields if not any(fields[up].array for up in above(path))]
    paths = data.draw(st.sets(st.sampled_from(outside), max_size=12))
    read = part_reader(schema, frozenset(paths))
    whole = {path for path in fields if fields[path].type == "record" or fields[path].array}
    assert read(spans_of(schema, fastavro_encode(schema, event))) == part_of(whole.__contains__, event, paths)


def above(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


NAMED = "__named_schemas"


def as_bytes(avro: Any) -> Any:
    """The same type with bytes for texts, so that fastavro minds everything but UTF-8."""
    match avro:
        case "string":
            return "bytes"
        case list():
            return [as_bytes(branch) for branch in avro]
        case dict():
            changed = {
                key: as_bytes(value) if key in ("type", "items", "fields") else value
                for key, value in avro.items()
            }
            if NAMED in avro:  # fastavro's own: each named type again, for those that are named a second time
                changed[NAMED] = {name: as_bytes(named) for name, named in avro[NAMED].items()}
            return changed
        case _:
            return avro


AS_BYTES = {schema: replace(schema, parsed=as_bytes(schema.parsed)) for schema in EVENTS}


def is_usual(value: Any) -> bool:
    match value:
        case dict():
            return all(map(is_usual, value.values()))
        case list():
            return len(value) <= USUAL_ITEMS and all(map(is_usual, value))
        case str():
            return len(value.encode()) < USUAL_TEXT
        case _:
            return True


@given(st.data(), st.sampled_from(EVENTS))
def test_spoilt_bytes_have_a_form_exactly_when_they_are_canonical_and_usual(
    data: st.DataObject, schema: Schema
) -> None:
    """With a form: fastavro writes the same bytes again (but for texts that nobody reads). Without: the reader refuses the
    bytes too, or the event is unusual."""
    body = data.draw(spoilt(fastavro_encode(schema, data.draw(datums(schema)))))
    if form(schema).find(body, 0) is not None:
        datum, end = fastavro_decode(AS_BYTES[schema], body)
        assert end == len(body)
        assert fastavro_encode(AS_BYTES[schema], datum) == body
        return
    try:
        datum, end, plain = reader(schema)(body, 0)
    except UnsoundBytesError:
        return
    assert end < len(body) or not plain or not is_usual(datum)


@pytest.mark.parametrize(
    ("avro", "hostile", "neighbour"),
    [
        pytest.param("int", b"\xff" * 4 + b"\x10", b"\xff" * 4 + b"\x0f", id="int beyond 32 bits"),
        pytest.param("int", b"\x80" * 10, b"\x80\x01", id="int without an end"),
        pytest.param("int", b"\x82\x00", b"\x02", id="int overlong"),
        pytest.param("long", b"\xff" * 9 + b"\x00", b"\xff" * 8 + b"\x01", id="long overlong"),
        pytest.param("string", b"\x01", b"\x00", id="text of length -1"),
        pytest.param("string", b"\x82\x00x", b"\x02x", id="overlong length"),
        pytest.param("string", b"\x04x", b"\x04xy", id="text beyond the input"),
        pytest.param("string", b"\x02xy", b"\x02x", id="bytes left over"),
        pytest.param("string", b"\x02x\n", b"\x02\n", id="a line end left over"),
        pytest.param(["null", "int"], b"\x01\x00", b"\x02\x00", id="choice -1"),
        pytest.param(["null", "int"], b"\x04\x00", b"\x00", id="choice too many"),
        pytest.param(ENUM, b"\x06", b"\x04", id="symbol too many"),
        pytest.param(ENUM, b"\x01", b"\x02", id="symbol -1"),
        pytest.param("boolean", b"\x02", b"\x01", id="boolean 2"),
        pytest.param(STRINGS, b"\x01\x04\x02x\x00", b"\x02\x02x\x00", id="sized block"),
        pytest.param(STRINGS, b"\x02\x00\x02\x00\x00", b"\x04\x00\x00\x00", id="two blocks"),
        pytest.param(STRINGS, b"\x02\x00", b"\x02\x00\x00", id="array without its end"),
        pytest.param(STRINGS, b"\xfe\xff\xff\xff\x0f", b"\x00", id="array of 2^31 items"),
        pytest.param(STRINGS, b"", b"\x00", id="nothing at all"),
    ],
)
def test_hostile_bytes_have_no_form_and_their_neighbour_has(
    avro: Any, hostile: bytes, neighbour: bytes
) -> None:
    schema = schema_of(avro)
    assert form(schema).find(hostile, 0) is None
    assert form(schema).find(neighbour, 0) is not None
    assert reader(schema)(neighbour, 0)[1:] == (len(neighbour), True)


def test_an_event_with_a_long_text_or_array_is_left_to_the_reader() -> None:
    schema = schema_of("string", STRINGS)
    assert form(schema).find(writer(schema)({"a": "x" * (USUAL_TEXT - 1), "b": [""] * USUAL_ITEMS}), 0)
    assert not form(schema).find(writer(schema)({"a": "x" * USUAL_TEXT, "b": []}), 0)
    assert not form(schema).find(writer(schema)({"a": "", "b": [""] * (USUAL_ITEMS + 1)}), 0)


@pytest.mark.parametrize("byte", [b"\x00", b"\x02", b"\x7e", b"\x80", b"\xff"])
def test_the_largest_value_is_refused_at_once(byte: bytes) -> None:
    began = time.process_time()
    assert form(REGISTERED.latest).find(byte * 262_144, 5) is None
    assert time.process_time() - began < 1


def test_what_is_read_must_be_utf8_and_an_error_does_not_hold_it() -> None:
    schema = schema_of("string", "string")
    spans = spans_of(schema, b"\x02x\x04\xc3\x28")
    assert part_reader(schema, frozenset({"a"}))(spans) == {"a": "x"}
    with pytest.raises(UnsoundBytesError) as caught:
        part_reader(schema, frozenset({"b"}))(spans)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("avro", ["double", ["null", "int", "string"], {"type": "array", "items": "null"}])
def test_a_type_that_no_event_holds_has_no_form(avro: Any) -> None:
    with pytest.raises(SchemaError):
        form(schema_of("int", avro))
