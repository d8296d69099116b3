"""Each way in which a record can be unsound is refused for its reason, and the same record without its fault is accepted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from instep.client.explain import REFUSALS
from instep.events.framing import PREFIX
from instep.network.topics import EVENTS
from tests.hostile.cases import SOURCE, Case, cases
from tests.hostile.entry import NOW, Entry
from tests.unit.events.sample import fastavro_decode, fastavro_encode

ENTRY = Entry()
CASES = cases(ENTRY.number, NOW)
INTAKES = [pytest.param(case, id=f"{case.reason}: {case.name}") for case in CASES if case.by == "intake"]
ROUTERS = [pytest.param(case, id=f"{case.reason}: {case.name}") for case in CASES if case.by == "router"]
TESTS = Path(__file__).parents[2]

REASONS_ELSEWHERE = {
    "poison": "no bytes are known that kill the reader, so tests/kafka/toy.py has one that dies of a word: "
    "tests/unit/lanes/test_probe.py, tests/kafka/test_lanes.py",
    "not-disclosed-to-you": "of receipts, which no service takes yet",
    "receipt-goes-back": "of receipts, which no service takes yet",
}
"""Why a reason for a refusal has no case."""

VECTORS: Mapping[str, tuple[str, ...]] = {
    "AVRO-4304: non-terminating long varint": ("a long that never ends", "a long of 200,000 bytes"),
    "AVRO-4304: non-terminating int varint": ("an int that never ends",),
    "AVRO-4304: array block count INT64_MIN": (
        "a block count of INT64_MIN",
        "a sized block count of INT64_MIN",
    ),
    "AVRO-4304: negative bytes or string length": ("a text of length -1", "a text of length INT64_MIN"),
    "AVRO-4304: union index -1": ("a union index -1",),
    "AVRO-4304: union index 5": ("a union index out of range", "a union index the first out of range"),
    "AVRO-4304: enum index -1": ("an enum index -1",),
    "AVRO-4304: enum index 5": ("an enum index out of range", "an enum index the first out of range"),
    "union index -1 with three branches": (
        "events/test_reader.py::test_a_type_that_no_event_holds_gets_no_reader",
    ),
    "overlong varint of 20 bytes": ("a number of 20 bytes that needs one",),
    "an int that holds 2^55": ("an int that holds 2^55",),
    "boolean byte 2": ("a boolean of 2",),
    "trailing bytes after the datum": ("a byte after the event", "an event after the event"),
    "array of null with a huge count": (
        "events/test_reader.py::test_a_schema_with_items_of_no_bytes_gets_no_reader_for_seven_bytes_would_take_gigabytes",
        "catalogue/test_schemas_lint.py::test_an_unsafe_or_unclear_schema_is_refused_with_its_reason",
    ),
    "array of a record of nulls": (
        "events/test_reader.py::test_a_schema_with_items_of_no_bytes_gets_no_reader_for_seven_bytes_would_take_gigabytes",
        "catalogue/test_schemas_lint.py::test_an_unsafe_or_unclear_schema_is_refused_with_its_reason",
    ),
    "recursive schema, nested data": (
        "catalogue/test_schemas_lint.py::test_an_unsafe_or_unclear_schema_is_refused_with_its_reason",
    ),
    "schema nested 50,000 deep": (
        "catalogue/test_schemas_lint.py::test_an_unsafe_or_unclear_schema_is_refused_with_its_reason",
    ),
    "schema of 2 kB that doubles": (
        "catalogue/test_schemas_lint.py::test_an_unsafe_or_unclear_schema_is_refused_with_its_reason",
    ),
    "guard 1: a cap on bytes before decoding": (
        "a value above 256 KiB",
        "a key above 256 bytes",
        "65 headers",
    ),
    "guard 2: schemas are linted": (
        "catalogue/test_schemas_lint.py::test_every_schema_of_the_catalogue_is_sound",
    ),
    "guard 3: registered schemas alone": ("a schema that nobody knows", "a uk.instep.Rejection"),
    "guard 4: the stream is consumed": ("a text after the event",),
    "guard 5: canonical bytes, and valid blocks": (
        "an overlong length",
        "a block that says more than its size",
    ),
    "guard 6: whatever is raised is a refusal": (
        "intake/test_intake.py::test_whatever_a_stranger_writes_ends_in_one_output",
    ),
    "guard 7: a record that kills twice is set aside": (
        "lanes/test_probe.py::test_poison_is_set_aside_in_its_place_and_the_rest_goes_on",
    ),
    "container files and batches that decompress to gigabytes": (
        "kafka/test_unpacking.py::test_a_bomb_is_not_unpacked_and_its_neighbours_are_read",
    ),
}
"""Apache Avro's must-reject vectors (share/test/data/binary-rejections.json), and all other data known to get past decoders
or to kill them. Each names its cases, or the tests that hold where no record can carry the vector: the schemas of this bus
are linted, and no schema has such a type. The bus takes no container files, only compressed batches."""


@pytest.mark.parametrize("case", INTAKES)
def test_it_is_refused_for_its_reason(case: Case) -> None:
    assert ENTRY.rejection(ENTRY.enter(case.hostile))["reason"] == case.reason


@pytest.mark.parametrize("case", INTAKES)
def test_its_neighbour_is_accepted_in_canonical_bytes_and_both_codecs_route_it_alike(case: Case) -> None:
    output = ENTRY.enter(case.neighbour)
    assert output.topic == EVENTS
    assert output.value is not None
    schema = ENTRY.schemas[int.from_bytes(output.value[1:PREFIX], "big")]
    assert case.neighbour.value is not None
    event, end = fastavro_decode(schema, case.neighbour.value[PREFIX:])
    assert end == len(case.neighbour.value) - PREFIX
    assert output.value[PREFIX:] == fastavro_encode(schema, event)
    assert f"{SOURCE}.outcomes" in {routed.topic for routed in ENTRY.route([output])}


@pytest.mark.parametrize("case", ROUTERS)
def test_the_router_refuses_it_for_its_reason_after_its_neighbour(case: Case) -> None:
    hub = [ENTRY.enter(case.neighbour, 1), ENTRY.enter(case.hostile, 2)]
    refused = [output for output in ENTRY.route(hub) if output.topic == f"{SOURCE}.rejected"]
    rejections = [ENTRY.rejection(output) for output in refused]
    assert [(rejection["reason"], rejection["outbox_offset"]) for rejection in rejections] == [
        (case.reason, 2)
    ]


def test_every_reason_has_a_case() -> None:
    assert {case.reason for case in CASES} | set(REASONS_ELSEWHERE) == set(REFUSALS)
    assert not {case.reason for case in CASES} & set(REASONS_ELSEWHERE)


def test_whatever_is_known_to_get_past_decoders_has_its_case_or_its_test() -> None:
    names = {case.name for case in CASES}
    for vector, proofs in VECTORS.items():
        assert proofs, vector
        for proof in proofs:
            file, _, test = proof.partition("::")
            if test:
                text = (TESTS / "unit" / file).read_text()
                assert re.search(rf"^(async )?def {test}\(", text, re.MULTILINE), proof
            else:
                assert proof in names, proof


def test_names_are_told_apart() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
