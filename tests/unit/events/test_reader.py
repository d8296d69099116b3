"""The reader takes exactly the canonical encodings, and valid blocks; nothing else, whatever the bytes."""

import time
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.errors import SchemaError, UnsoundBytesError
from instep.events import varint
from instep.events.generated import name_types, resolve
from instep.events.reader import reader
from instep.events.schema import Schema
from tests.strategies import datums, examples
from tests.unit.events.sample import (
    CATALOGUE,
    MOVED,
    REGISTERED,
    fastavro_decode,
    fastavro_encode,
    schema_of,
    schemas_with_datums,
    spoilt,
)

ENUM = {"type": "enum", "name": "Choice", "symbols": ["A", "B", "C"]}
STRINGS = {"type": "array", "items": "string"}
EVENTS = (MOVED.latest, REGISTERED.latest)


def read(schema: Schema, body: bytes) -> tuple[dict[str, Any], int, bool]:
    return reader(schema)(body, 0)


def why_not(schema: Schema, body: bytes) -> str:
    with pytest.raises(UnsoundBytesError) as caught:
        read(schema, body)
    return caught.value.reason


@given(schemas_with_datums(), st.binary(max_size=7))
def test_what_fastavro_writes_is_read_wherever_it_starts(
    drawn: tuple[Schema, dict[str, Any]], before: bytes
) -> None:
    schema, datum = drawn
    body = fastavro_encode(schema, datum)
    assert reader(schema)(before + body, len(before)) == (datum, len(before) + len(body), True)


@given(st.data())
def test_spoilt_bytes_are_taken_exactly_when_they_are_canonical(data: st.DataObject) -> None:
    """Taken and plain: fastavro reads the same and writes the same bytes. Refused: fastavro does not, or an int
    overflows.
    """
    schema = data.draw(st.sampled_from(EVENTS))
    body = data.draw(spoilt(fastavro_encode(schema, data.draw(datums(schema)))))
    try:
        datum, end, plain = read(schema, body)
    except UnsoundBytesError:
        assert not canonical(schema, body)
    else:
        assert end <= len(body)
        assert fastavro_decode(schema, body) == (datum, end)
        assert plain == (fastavro_encode(schema, datum) == body[:end])


@examples(200)
@given(st.sampled_from(CATALOGUE.schemas), st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(schema: Schema, body: bytes) -> None:
    refused: UnsoundBytesError | None = None
    taken: tuple[Any, int, bool] | None = None
    try:
        taken = read(schema, body)
    except UnsoundBytesError as error:
        refused = error
    if taken:
        datum, end, plain = taken
        assert plain == (fastavro_encode(schema, datum) == body[:end])
    assert taken or (refused and refused.reason in ("undecodable", "not-canonical"))
    assert taken or (refused and refused.__context__ is None)  # which could hold the bytes


def canonical(schema: Schema, body: bytes) -> bool:
    """By fastavro: decoding and encoding again gives the same bytes; fastavro alone does not refuse a wide int."""
    try:
        datum, end = fastavro_decode(schema, body)
        return (
            fastavro_encode(schema, datum) == body[:end]
            and -(2**31) <= datum["header"]["occurred_on"] < 2**31
        )
    except Exception:  # noqa: BLE001 - fastavro raises whatever comes
        return False


@pytest.mark.parametrize(
    ("avro", "hostile", "reason", "neighbour"),
    [
        pytest.param("long", b"\x80" * 10, "undecodable", b"\xff" * 9 + b"\x01", id="long without an end"),
        pytest.param("int", b"\x80" * 10, "undecodable", b"\xff" * 4 + b"\x0f", id="int without an end"),
        pytest.param(
            STRINGS, b"\xff" * 9 + b"\x01", "undecodable", b"\x02\x02x\x00", id="array count INT64_MIN"
        ),
        pytest.param(STRINGS, varint.long(10**9), "undecodable", b"\x00", id="array count beyond the input"),
        pytest.param("string", b"\x01", "undecodable", b"\x00", id="string length -1"),
        pytest.param("string", b"\x04x", "undecodable", b"\x02x", id="string beyond the input"),
        pytest.param("string", varint.long(2**62) + b"x", "undecodable", b"\x02x", id="string of 2^62 bytes"),
        pytest.param("string", b"\x04\xc3\x28", "undecodable", b"\x04\xc3\xa8", id="text that is not UTF-8"),
        pytest.param(
            "string", b"\x06\xed\xa0\x80", "undecodable", b"\x06\xed\x9f\xbf", id="half a surrogate pair"
        ),
        pytest.param(["null", "int"], b"\x01\x00", "not-canonical", b"\x02\x00", id="union index -1"),
        pytest.param(["null", "int"], b"\x0a\x00", "undecodable", b"\x00", id="union index 5"),
        pytest.param(
            ["null", "int"], b"\x82\x00\x00", "not-canonical", b"\x02\x00", id="union index overlong"
        ),
        pytest.param(ENUM, b"\x01", "not-canonical", b"\x04", id="enum index -1"),
        pytest.param(ENUM, b"\x0a", "undecodable", b"\x00", id="enum index 5"),
        pytest.param(ENUM, b"\x06", "undecodable", b"\x04", id="enum index one too many"),
        pytest.param(ENUM, b"\x82\x00", "not-canonical", b"\x02", id="enum index overlong"),
        pytest.param(
            "long", b"\x82" + b"\x80" * 18 + b"\x00", "not-canonical", b"\x02", id="20 bytes for one"
        ),
        pytest.param("long", b"\x82\x00", "not-canonical", b"\x02", id="two bytes for one"),
        pytest.param(
            "long", b"\x80" * 9 + b"\x02", "undecodable", b"\x80" * 9 + b"\x01", id="long of 65 bits"
        ),
        pytest.param("int", varint.long(2**55), "undecodable", varint.long(2**31 - 1), id="int of 2^55"),
        pytest.param(
            "int", varint.long(-(2**31) - 1), "undecodable", varint.long(-(2**31)), id="int below 32 bits"
        ),
        pytest.param("boolean", b"\x02", "not-canonical", b"\x01", id="boolean 2"),
        pytest.param("boolean", b"", "undecodable", b"\x00", id="nothing at all"),
        pytest.param(STRINGS, b"\x02\x02x", "undecodable", b"\x02\x02x\x00", id="array without its end"),
        pytest.param(
            STRINGS, b"\x01\x06\x02x\x00\x00", "undecodable", b"\x01\x04\x02x\x00", id="block size too large"
        ),
        pytest.param(
            STRINGS, b"\x01\x02\x02x\x00", "undecodable", b"\x01\x04\x02x\x00", id="block size too small"
        ),
        pytest.param(
            STRINGS, b"\x01\x03\x02x\x00", "undecodable", b"\x01\x04\x02x\x00", id="block size negative"
        ),
        pytest.param(STRINGS, b"\x80\x00", "not-canonical", b"\x00", id="overlong end of an array"),
    ],
)
def test_hostile_bytes_are_refused_and_their_neighbour_is_taken(
    avro: Any, hostile: bytes, reason: str, neighbour: bytes
) -> None:
    schema = schema_of(avro)
    assert why_not(schema, hostile) == reason
    datum, end, _ = read(schema, neighbour)
    assert (datum, end) == fastavro_decode(schema, neighbour)
    assert end == len(neighbour)


@pytest.mark.parametrize(
    "items",
    ["null", {"type": "record", "name": "Nothing", "fields": [{"name": "a", "type": "null"}]}],
)
def test_a_schema_with_items_of_no_bytes_gets_no_reader_for_seven_bytes_would_take_gigabytes(
    items: Any,
) -> None:
    with pytest.raises(SchemaError):
        reader(schema_of({"type": "array", "items": items}))
    read(schema_of({"type": "array", "items": ["null", "string"]}), b"\x02\x00\x00")


@pytest.mark.parametrize(
    "avro", ["double", "bytes", ["null", "int", "string"], {"type": "map", "values": "int"}]
)
def test_a_type_that_no_event_holds_gets_no_reader(avro: Any) -> None:
    with pytest.raises(SchemaError):
        reader(schema_of("int", avro))


LARGEST = 131_000  # records of an array: 256 KiB of the smallest records there are
LARGEST_ITEMS = pytest.mark.parametrize("items", ["string", ["null", "string"]])


def largest(items: Any) -> tuple[Schema, bytes]:
    """An array of records, each far larger in memory than in bytes."""
    pair = {"type": "record", "name": "Pair", "fields": [{"name": n, "type": items} for n in "ab"]}
    body = varint.long(LARGEST) + b"\x00\x00" * LARGEST + b"\x00"
    return schema_of({"type": "array", "items": pair}), body


@LARGEST_ITEMS
def test_the_largest_value_is_read_in_bounded_time(items: Any) -> None:
    """Time of this process alone, and without tracemalloc: neither a busy machine nor the measuring counts."""
    schema, body = largest(items)
    began = time.process_time()
    datum, _, _ = read(schema, body)
    took = time.process_time() - began
    assert len(datum["a"]) == LARGEST
    assert took < 2


@pytest.mark.slow
@LARGEST_ITEMS
def test_the_largest_value_is_read_in_bounded_memory(items: Any) -> None:
    schema, body = largest(items)
    tracemalloc.start()
    try:
        datum, _, _ = read(schema, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(datum["a"]) == LARGEST
    assert peak < 64 * 1024 * 1024


@given(st.data())
def test_sized_and_split_blocks_are_read_as_the_same_datum_and_reported(data: st.DataObject) -> None:
    schema = data.draw(st.sampled_from(EVENTS))
    datum = data.draw(datums(schema))
    ways = st.sampled_from(("plain", "sized", "split", "sized and split"))
    body = in_blocks(schema.parsed, datum, lambda: data.draw(ways), name_types(schema.parsed))
    assert read(schema, body) == (datum, len(body), body == fastavro_encode(schema, datum))


def in_blocks(avro: Any, datum: Any, way: Callable[[], str], types: Mapping[str, Any]) -> bytes:
    """Another writer of Avro, slow and plain, which can write arrays in every legal way."""
    match resolve(avro, types):
        case ["null", other]:
            return b"\x00" if datum is None else b"\x02" + in_blocks(other, datum, way, types)
        case {"type": "record", "fields": fields}:
            return b"".join(in_blocks(field["type"], datum[field["name"]], way, types) for field in fields)
        case {"type": "array", "items": items}:
            how = way()
            written = [in_blocks(items, item, way, types) for item in datum]
            blocks = [[item] for item in written] if "split" in how else [written] if written else []
            return (
                b"".join(block(items_of_block, sized="sized" in how) for items_of_block in blocks) + b"\x00"
            )
        case {"type": "enum", "symbols": symbols}:
            return varint.long(symbols.index(datum))
        case "string":
            text: bytes = datum.encode()
            return varint.long(len(text)) + text
        case "boolean":
            return b"\x01" if datum else b"\x00"
        case _:
            return varint.long(datum)


def block(items: list[bytes], *, sized: bool) -> bytes:
    body = b"".join(items)
    if sized:
        return varint.long(-len(items)) + varint.long(len(body)) + body
    return varint.long(len(items)) + body
