"""Intake's own rules accept every accepted example, and refuse every rejected example for its reason.

People copy examples, so an example holds nobody real.
"""

import hashlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import pytest

from instep.catalogue.files import default_directory, load_catalogue
from instep.events.decoding import Decoder, Refusal
from instep.events.framing import frame
from instep.events.plain import from_plain, to_plain
from instep.events.rules import rule_of
from instep.events.schema import EventType, Schema
from instep.events.writer import encode

SCHEMAS = default_directory()
CATALOGUE = load_catalogue(SCHEMAS)
IDS = dict(enumerate(CATALOGUE.all(), start=1))
DECODER = Decoder(CATALOGUE, IDS)
NOW = 1_780_272_000_000  # 2026-06-01T00:00:00Z, after every example
REASONS = {
    "missing-field",
    "bad-identifier",
    "bad-date",
    "unknown-value",
    "undecodable",
    "trailing-bytes",
    "not-canonical",
}

Example = tuple[EventType, Path]


def examples(folder: str) -> list[Any]:
    return [
        pytest.param((event_type, file), id=f"{event_type.name}/{file.stem}")
        for event_type in CATALOGUE.events.values()
        for file in sorted((SCHEMAS / "events" / event_type.name / folder).glob("*.json"))
    ]


def refusal_by_intake(event_type: EventType, schema: Schema, body: bytes) -> Refusal | None:
    """Intake's refusal of a body of this version, or None."""
    number = next(number for number, bound in IDS.items() if bound is schema)
    decoded = DECODER.decode(frame(number, body))
    return decoded if isinstance(decoded, Refusal) else rule_of(decoded.event_type)(decoded.event, NOW)


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("example", examples("examples"))
def test_intake_accepts_every_example(example: Example) -> None:
    event_type, file = example
    schema = event_type.latest
    assert refusal_by_intake(event_type, schema, encode(schema, from_plain(schema, read(file)))) is None


@pytest.mark.parametrize("example", examples("rejected"))
def test_intake_refuses_every_rejected_example_for_its_reason(example: Example) -> None:
    event_type, file = example
    document = read(file)
    # Bytes are of the first version: what trails behind it may be the start of a later version's new field.
    schema = event_type.versions[0] if "hex" in document else event_type.latest
    body = (
        bytes.fromhex(document["hex"])
        if "hex" in document
        else encode(schema, from_plain(schema, document["event"]))
    )
    refusal = refusal_by_intake(event_type, schema, body)
    assert refusal is not None
    assert (refusal.reason, list(refusal.fields)) == (document["reason"], document.get("fields", []))


@pytest.mark.parametrize("event_type", CATALOGUE.events.values(), ids=lambda event_type: event_type.name)
def test_each_event_type_shows_every_reason_that_one_record_can_give(event_type: EventType) -> None:
    shown = {
        read(file)["reason"] for file in (SCHEMAS / "events" / event_type.name / "rejected").glob("*.json")
    }
    assert shown == REASONS


@pytest.mark.parametrize("example", examples("examples"))
def test_a_reader_with_avros_own_logical_types_reads_the_same_event(example: Example) -> None:
    """A recipient's ordinary Avro library, given the schema as a registry serves it, reads our bytes."""
    event_type, file = example
    schema = event_type.latest
    datum = from_plain(schema, read(file))
    parsed = fastavro.parse_schema(json.loads(schema.text))
    theirs: Any = fastavro.schemaless_reader(io.BytesIO(encode(schema, datum)), parsed, None)
    plain = to_plain(schema, datum)
    assert str(theirs["header"]["event_id"]) == plain["header"]["event_id"]
    assert theirs["header"]["occurred_on"].isoformat() == plain["header"]["occurred_on"]
    assert theirs["header"]["recorded_at"].timestamp() * 1000 == datum["header"]["recorded_at"]
    written = io.BytesIO()
    fastavro.schemaless_writer(written, parsed, theirs)
    assert written.getvalue() == encode(schema, datum)


def strings(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from strings(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner, name)
    elif isinstance(value, str):
        yield name, value


@pytest.mark.parametrize(
    "file", sorted(SCHEMAS.rglob("*.json")), ids=lambda file: f"{file.parts[-3]}/{file.stem}"
)
def test_an_example_holds_nobody_real(file: Path) -> None:
    rules = {
        "uprn": re.compile(r"999.*"),  # outside every range that is given out
        "email": re.compile(r".*@([a-z]+\.)?example\.org"),
        "telephone": re.compile(r"07700 900[0-9]{3}"),  # Ofcom's numbers for drama
        "website": re.compile(r"https://([a-z]+\.)?example\.org"),
    }
    for name, value in strings(read(file)):
        assert name not in rules or rules[name].fullmatch(value), name


def test_the_search_for_real_people_finds_what_is_there() -> None:
    kept = dict(strings(read(SCHEMAS / "events/resident-moved/examples/ordinary-move.json")))
    assert kept["email"].endswith("@example.org")
    assert kept["uprn"].startswith("999")
    assert kept["telephone"].startswith("07700 900")


def test_the_lock_is_as_sha256sum_writes_it() -> None:
    for line in (SCHEMAS / "versions.lock").read_text(encoding="utf-8").splitlines():
        digest, path = line.split("  ")
        assert hashlib.sha256((SCHEMAS / path).read_bytes()).hexdigest() == digest
