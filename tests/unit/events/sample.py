"""Events to test with, and fastavro as the independent judge of our own reading and writing."""

import json
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import strategies as st

from instep.catalogue.files import default_directory, load_catalogue, load_schema
from instep.events.plain import from_plain
from instep.events.schema import Schema
from tests.strategies import datums

SCHEMAS = default_directory()
CATALOGUE = load_catalogue(SCHEMAS)
MOVED = CATALOGUE.events["resident-moved"]
REGISTERED = CATALOGUE.events["business-registered"]
NOW = 1_893_456_000_000  # 2030-01-01: later than any example


def plain_example(name: str, event_type: str = "resident-moved") -> dict[str, Any]:
    plain: dict[str, Any] = json.loads((SCHEMAS / f"events/{event_type}/examples/{name}.json").read_text())
    return plain


def example(name: str = "ordinary-move", event_type: str = "resident-moved") -> dict[str, Any]:
    """One of the catalogue's examples, as a datum of its own."""
    return from_plain(CATALOGUE.events[event_type].latest, plain_example(name, event_type))


def example_files(kind: str) -> list[Any]:
    """Parameters (event type, file) for each of `examples` or `rejected`."""
    return [
        pytest.param(event_type, file, id=f"{event_type.name}/{file.stem}")
        for event_type in CATALOGUE.events.values()
        for file in sorted((SCHEMAS / "events" / event_type.name / kind).glob("*.json"))
    ]


def fastavro_encode(schema: Schema, datum: Any) -> bytes:
    body = BytesIO()
    fastavro.schemaless_writer(body, schema.parsed, datum)
    return body.getvalue()


def fastavro_decode(schema: Schema, body: bytes) -> tuple[Any, int]:
    """The datum, and how many bytes fastavro took."""
    stream = BytesIO(body)
    datum = fastavro.schemaless_reader(stream, schema.parsed, None)
    return datum, stream.tell()


def schema_of(*types: Any) -> Schema:
    """A schema of fields a, b, c … of these types."""
    fields = [{"name": "abcdefgh"[place], "type": avro} for place, avro in enumerate(types)]
    definition = {"type": "record", "name": "Sample", "namespace": "test", "fields": fields}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "1.0.0.avsc"
        file.write_text(json.dumps(definition))
        return load_schema(file, name="sample", kind="event")


def schemas_with_datums() -> st.SearchStrategy[tuple[Schema, dict[str, Any]]]:
    """Any schema of the catalogue, with any datum of it."""
    return st.sampled_from(CATALOGUE.schemas).flatmap(
        lambda schema: st.tuples(st.just(schema), datums(schema))
    )


@st.composite
def spoilt(draw: st.DrawFn, body: bytes) -> bytes:
    """The body after a few flips, insertions, removals, cuts and splices."""
    spoiling = bytearray(body)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(spoiling)))
        match draw(st.sampled_from(("flip", "set", "insert", "remove", "cut", "splice"))):
            case "flip" if at < len(spoiling):
                spoiling[at] ^= 1 << draw(st.integers(0, 7))
            case "set" if at < len(spoiling):
                spoiling[at] = draw(st.sampled_from((0, 1, 2, 3, 4, 127, 128, 129, 255)))
            case "insert":
                spoiling[at:at] = draw(st.binary(min_size=1, max_size=12))
            case "remove":
                del spoiling[at : at + draw(st.integers(1, 8))]
            case "cut":
                del spoiling[at:]
            case "splice":
                start = draw(st.integers(0, len(body)))
                spoiling[at:at] = body[start : start + draw(st.integers(1, 40))]
            case _:
                pass
    return bytes(spoiling)
