"""The writer gives fastavro's bytes, and an error of the writer shows no value."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.errors import DatumError, SchemaError
from instep.events.schema import Schema
from instep.events.writer import writer
from tests.unit.events.sample import MOVED, example, fastavro_encode, schema_of, schemas_with_datums


@given(schemas_with_datums())
def test_every_datum_is_written_as_fastavro_writes_it(drawn: tuple[Schema, dict[str, Any]]) -> None:
    schema, datum = drawn
    assert writer(schema)(datum) == fastavro_encode(schema, datum)


@given(st.data(), schemas_with_datums())
def test_an_absent_field_is_written_as_its_default(
    data: st.DataObject, drawn: tuple[Schema, dict[str, Any]]
) -> None:
    schema, datum = drawn
    for field in schema.parsed["fields"]:
        if "default" in field and data.draw(st.booleans()):
            del datum[field["name"]]
    assert writer(schema)(datum) == fastavro_encode(schema, datum)


def test_a_null_and_an_empty_array_are_one_zero_byte_each() -> None:
    header = example()["header"]
    schema = MOVED.latest
    bare = writer(schema)({"header": header})
    fields = len(schema.parsed["fields"]) - 1
    assert bare.endswith(b"\x00" * fields)
    assert len(writer(schema)({"header": header, "person": {}})) == len(bare) + 6


@pytest.mark.parametrize("length", [0, 1, 63, 64, 511, 512, 8191, 8192, 70_000])
def test_texts_of_every_length_have_the_right_length_before_them(length: int) -> None:
    schema = schema_of("string", ["null", "string"])
    datum = {"a": "é" * length, "b": "x" * length}
    assert writer(schema)(datum) == fastavro_encode(schema, datum)


@pytest.mark.parametrize(
    ("avro", "misfit"),
    [
        ("string", b"Thistlewaite"),
        ("string", "Thistlewaite\ud800"),
        (["null", "string"], 7),
        ({"type": "enum", "name": "Choice", "symbols": ["A", "B"]}, "Thistlewaite"),
        ("int", 2**31),
        ("long", 2**63),
        ("int", "Thistlewaite"),
        ("boolean", "Thistlewaite"),
        ({"type": "array", "items": "string"}, 7),
    ],
)
def test_a_datum_that_does_not_fit_is_our_bug_and_its_value_is_not_shown(avro: Any, misfit: Any) -> None:
    schema = schema_of("int", avro)
    with pytest.raises(DatumError) as caught:
        writer(schema)({"a": 1, "b": misfit})
    assert str(caught.value) == "A datum does not fit test.Sample."
    assert caught.value.__context__ is None
    with pytest.raises(DatumError):
        writer(schema)({"a": 1})


@pytest.mark.parametrize("avro", ["double", ["null", "int", "string"]])
def test_a_type_that_no_event_holds_gets_no_writer(avro: Any) -> None:
    with pytest.raises(SchemaError):
        writer(schema_of("int", avro))
