"""The gate stops every event unfit for intake; intake accepts every admitted event."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from instep.catalogue.files import default_directory, load_catalogue, load_schema
from instep.client.publisher import Gate, NotAdmitted, Sendable
from instep.errors import PlainEventError
from instep.events.decoding import Decoder, Sound
from instep.events.plain import from_plain
from instep.network.network import Network
from tests.unit.sharing import agreement, share

CATALOGUE = load_catalogue(default_directory())
NETWORK = Network(
    name="test",
    lanes=4,
    authorities={},
    agreements={},
    schemas={number: (s.full_name, s.version) for number, s in enumerate(CATALOGUE.all(), start=1)},
)
NOW = 1_796_000_000_000  # 2026-11-29
EXAMPLES = default_directory() / "events" / "resident-moved" / "examples"


def example(file: Path = EXAMPLES / "ordinary-move.json") -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return plain


GATE = Gate(NETWORK, CATALOGUE)
ALL = agreement(
    sources=frozenset({example()["header"]["source"]}),
    shares=[
        share(
            fields=tuple(
                field for field in CATALOGUE.events["resident-moved"].latest.fields if field != "header"
            )
        )
    ],
)
GATE_OF_ALL = Gate(replace(NETWORK, agreements={ALL.id: ALL}), CATALOGUE)
"""A gate of a network where every field is shared."""


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_every_sound_example_is_admitted_as_bytes_that_intake_reads(file: Path) -> None:
    plain = example(file)
    admitted = GATE.admit(plain["header"]["source"], "resident-moved", plain, NOW)
    assert isinstance(admitted, Sendable)
    assert admitted.key == plain["header"]["subject_ref"].encode()
    sound = Decoder(CATALOGUE, CATALOGUE.bind(NETWORK.schemas)).decode(admitted.value)
    assert isinstance(sound, Sound)
    assert sound.event["header"]["event_id"] == admitted.event_id == plain["header"]["event_id"]


def refused(plain: dict[str, Any], event_type: str = "resident-moved") -> NotAdmitted:
    refusal = GATE.admit("leeds", event_type, plain, NOW)
    assert isinstance(refusal, NotAdmitted)
    return refusal


def test_another_authoritys_event_is_not_admitted() -> None:
    plain = example()
    plain["header"]["source"] = "bradford"
    assert refused(plain).reason == "wrong-source"


def test_a_missing_field_is_named() -> None:
    plain = example()
    del plain["new_address"]
    refusal = refused(plain)
    assert (refusal.reason, refusal.field) == ("missing-field", "new_address")


def test_a_day_that_is_none_is_named() -> None:
    plain = example()
    plain["moved_on"] = "2026-02-30"
    refusal = refused(plain)
    assert (refusal.reason, refusal.field) == ("bad-date", "moved_on")


def test_a_bad_identifier_is_named_and_not_shown() -> None:
    plain = example()
    plain["new_address"]["postcode"] = "NOWHERE"
    refusal = refused(plain)
    assert (refusal.reason, refusal.field) == ("bad-identifier", "new_address.postcode")
    assert "NOWHERE" not in repr(refusal)


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"moved_on": "1 May"}, "moved_on", "bad-date"),
        ({"moved_on": 20260501}, "moved_on", "bad-date"),
        (
            {"header": {**example()["header"], "recorded_at": "2026-13-01T00:00:00Z"}},
            "header.recorded_at",
            "bad-date",
        ),
        ({"header": {**example()["header"], "published_at": "soon"}}, "header.published_at", "bad-date"),
        (
            {"header": {name: value for name, value in example()["header"].items() if name != "subject_ref"}},
            "header.subject_ref",
            "missing-field",
        ),
        ({"residence": "CASTLE"}, "residence", "undecodable"),
        ({"person": {"former_names": [1]}}, "person.former_names[0]", "undecodable"),
        (
            {"person": {"local_references": [{"reference": "7"}]}},
            "person.local_references[0].reference",
            "undecodable",
        ),
        ({"person": "Quillfeather"}, "person", "undecodable"),
        ({"moved_onn": "2026-05-01"}, "moved_onn", "undecodable"),
    ],
)
def test_an_event_that_does_not_fit_its_schema_is_refused_with_the_reason_that_intake_would_give(
    changes: dict[str, Any], field: str, reason: str
) -> None:
    refusal = refused({**example(), **changes})
    assert (refusal.field, refusal.reason) == (field, reason)


TIMETABLE = {
    "type": "record",
    "name": "Timetable",
    "namespace": "uk.instep",
    "doc": "A schema whose names hold the words that sentences about dates hold.",
    "fields": [
        {"name": "update_time", "type": ["null", "string"], "default": None, "doc": "Text."},
        {
            "name": "days",
            "type": {"type": "array", "items": {"type": "int", "logicalType": "date"}},
            "default": [],
            "doc": "Days.",
        },
    ],
}


@pytest.mark.parametrize(
    ("plain", "field", "reason"),
    [
        (
            {"updated_time": "noon"},
            "updated_time",
            "undecodable",
        ),  # the sentence asks: did you mean update_time?
        ({"days": ["2026-05-01", "2026-02-30"]}, "days[1]", "bad-date"),
    ],
)
def test_a_reason_depends_on_no_word_of_the_sentence_and_passes_through_lists(
    tmp_path: Path, plain: dict[str, Any], field: str, reason: str
) -> None:
    file = tmp_path / "1.0.0.avsc"
    file.write_text(json.dumps(TIMETABLE), encoding="utf-8")
    with pytest.raises(PlainEventError) as caught:
        from_plain(load_schema(file, name="timetable", kind="event"), plain)
    assert (caught.value.field, caught.value.reason) == (field, reason)


def test_an_event_type_that_the_network_has_not_is_refused() -> None:
    assert refused(example(), "resident-vanished").reason == "unknown-schema"


def test_an_event_larger_than_the_network_carries_is_refused() -> None:
    plain = example()
    plain["new_address"]["lines"] = ["x" * 300_000]
    assert refused(plain).reason == "oversize"


def test_what_no_agreement_names_stays_at_home_and_is_named() -> None:
    plain = example()
    tax = agreement(
        sources=frozenset({plain["header"]["source"]}),
        shares=[share(fields=("person.given_names", "new_address", "moved_on"))],
    )
    gate = Gate(replace(NETWORK, agreements={tax.id: tax}), CATALOGUE)
    admitted = gate.admit(plain["header"]["source"], "resident-moved", plain, NOW)
    assert isinstance(admitted, Sendable)
    whole, left = (
        _event(GATE_OF_ALL.admit(plain["header"]["source"], "resident-moved", plain, NOW)),
        _event(admitted),
    )
    assert left["header"] == whole["header"]
    assert left["new_address"] == whole["new_address"]
    assert left["person"]["family_name"] == whole["person"]["family_name"], "it is required"
    assert left["person"]["given_names"] == whole["person"]["given_names"]
    assert left["person"]["born_on"] is None
    assert left["old_address"]["postcode"] == whole["old_address"]["postcode"], "it is routed by it"
    assert left["old_address"]["lines"] == []
    assert left["contact"] is None
    assert {"person.born_on", "old_address.lines", "contact"} <= set(admitted.kept_at_home)
    assert not {"new_address", "header", "person.family_name"} & set(admitted.kept_at_home)


def test_what_stays_at_home_is_checked_all_the_same() -> None:
    plain = example()
    plain["contact"] = {"email": 7}
    assert refused(plain).reason == "undecodable"


def _event(admitted: Sendable | NotAdmitted) -> dict[str, Any]:
    assert isinstance(admitted, Sendable)
    sound = Decoder(CATALOGUE, CATALOGUE.bind(NETWORK.schemas)).decode(admitted.value)
    assert isinstance(sound, Sound)
    return dict(sound.event)
