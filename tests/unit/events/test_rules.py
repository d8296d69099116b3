"""What a sound event must also mean."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.events.decoding import Refusal
from instep.events.plain import from_plain
from instep.events.rules import AHEAD, DAY, EARLIEST, REASONS, rule_of
from instep.events.schema import EventType
from tests.strategies import datums
from tests.unit.events.sample import MOVED, NOW, REGISTERED, example, example_files

TODAY = NOW // DAY
OTHER = "0b0e7c6a-5d2e-4c8e-9f36-0d6a3c1f9b52"


def changed(event: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of the event with `value` at the path; arrays of records change in every item."""
    name, _, rest = path.partition(".")
    inner = event.get(name)
    if rest and isinstance(inner, list):
        return {**event, name: [changed(item, rest, value) for item in inner]}
    return {**event, name: changed(inner or {}, rest, value) if rest else value}


def refusal_at(path: str, value: Any, event_type: EventType = MOVED) -> Refusal | None:
    name = "ordinary-move" if event_type is MOVED else "company"
    return rule_of(event_type)(changed(example(name, event_type.name), path, value), NOW)


@pytest.mark.parametrize(("event_type", "file"), example_files("examples"))
def test_every_example_passes(event_type: EventType, file: Path) -> None:
    assert rule_of(event_type)(from_plain(event_type.latest, json.loads(file.read_text())), NOW) is None


@pytest.mark.parametrize(("event_type", "file"), example_files("rejected"))
def test_every_rejected_example_is_refused_for_its_reason_and_fields(
    event_type: EventType, file: Path
) -> None:
    document = json.loads(file.read_text())
    if "event" in document:
        refusal = rule_of(event_type)(from_plain(event_type.latest, document["event"]), NOW)
        assert refusal is not None
        assert (refusal.reason, list(refusal.fields)) == (document["reason"], document["fields"])
    else:
        assert "hex" in document


@pytest.mark.parametrize(
    ("path", "bad", "good"),
    [
        ("header.event_id", "not-a-uuid", OTHER),
        ("header.event_id", OTHER.upper(), OTHER),
        ("header.source", "Leeds", "leeds"),
        ("header.source", "instep", "instep-city"),
        ("header.requested_by", "../leeds", "bradford"),
        ("header.subject_ref", "Imogen Zoë", "Imogen.Z"),
        ("header.subject_ref", "", "0"),
        ("header.subject_ref", "x" * 65, "x" * 64),
        ("header.subject_ref", "9434765919", "9434765918"),
        ("header.subject_ref", "943-476-5919", "943-476-5918"),
        ("header.subject_ref", "QQ123456C", "QQ12345CC"),
        ("header.subject_ref", "qq-12-34-56-c", "qq-12-34-5"),
        ("new_address.uprn", "1000000000000", "100000000000"),
        ("new_address.uprn", "9.99E+11", "099963439614"),
        ("new_address.uprn", "", None),
        ("new_address.usrn", "1234567", "12345678"),
        ("new_address.authority_gss", "L99999999", "E08000035"),
        ("new_address.authority_gss", "e08000035", "S12000033"),
        ("new_address.postcode", "LS103SN", "LS10 3SN"),
        ("new_address.postcode", "ls10 3sn", "LS10 3SN"),
        ("new_address.postcode", "LS10", "ZZ99 3VZ"),
        ("new_address.postcode", "BFPO 801", "BF1 3AA"),
        ("new_address.country", "England", "GB"),
        ("placement.address.postcode", "nowhere", "GIR 0AA"),
    ],
)
def test_an_identifier_is_canonical_wherever_it_stands(path: str, bad: str, good: str | None) -> None:
    refusal = refusal_at(path, bad)
    assert refusal is not None
    assert (refusal.reason, refusal.fields) == ("bad-identifier", (path,))
    assert refusal_at(path, good) is None


@pytest.mark.parametrize(
    ("path", "bad", "good"),
    [
        ("company_number", "1234567", "01234567"),
        ("company_number", "XX123456", "SC123456"),
        ("sic_codes", ["56101", "Food"], ["56101", "5610"]),
        ("operator.address.postcode", "SW1A1AA", "SW1A 1AA"),
    ],
)
def test_a_business_has_identifiers_of_its_own(path: str, bad: Any, good: Any) -> None:
    refusal = refusal_at(path, bad, REGISTERED)
    assert refusal is not None
    assert (refusal.reason, refusal.fields) == ("bad-identifier", (path,))
    assert refusal_at(path, good, REGISTERED) is None


@pytest.mark.parametrize(
    "path", ["header.occurred_on", "moved_on", "new_address.valid_to", "placement.made_available_on"]
)
@pytest.mark.parametrize(
    ("bad", "good"), [(EARLIEST - 1, EARLIEST), (TODAY + AHEAD + 1, TODAY + AHEAD), (2**31 - 1, 0)]
)
def test_a_date_lies_between_1850_and_two_years_ahead(path: str, bad: int, good: int) -> None:
    refusal = refusal_at(path, bad)
    assert refusal is not None
    assert (refusal.reason, refusal.fields) == ("bad-date", (path,))
    assert refusal_at(path, good) is None


@pytest.mark.parametrize("path", ["person.born_on", "placement.applicant.born_on"])
def test_nobody_is_born_after_tomorrow(path: str) -> None:
    assert refusal_at(path, TODAY + 1) is None
    refusal = refusal_at(path, TODAY + 2)
    assert refusal is not None
    assert (refusal.reason, refusal.fields) == ("bad-date", (path,))


@pytest.mark.parametrize("path", ["header.recorded_at", "header.published_at"])
def test_a_timestamp_is_at_most_a_day_ahead(path: str) -> None:
    assert refusal_at(path, NOW + DAY) is None
    for bad in (NOW + DAY + 1, EARLIEST * DAY - 1):
        refusal = refusal_at(path, bad)
        assert refusal is not None
        assert (refusal.reason, refusal.fields) == ("bad-date", (path,))


@pytest.mark.parametrize(
    ("event_type", "path", "good"),
    [
        (MOVED, "residence", "MAIN"),
        (MOVED, "reason", "MOVE"),
        (MOVED, "status", None),
        (REGISTERED, "status", "OPEN"),
        (REGISTERED, "operator.type", "COMPANY"),
        (REGISTERED, "establishment.type", None),
    ],
)
def test_unknown_is_no_value_to_publish(event_type: EventType, path: str, good: str | None) -> None:
    refusal = refusal_at(path, "UNKNOWN", event_type)
    assert refusal is not None
    assert (refusal.reason, refusal.fields) == ("unknown-value", (path,))
    assert refusal_at(path, good, event_type) is None


def with_kind(kind: str, replaces: str | None, **rest: Any) -> dict[str, Any]:
    event = example()
    return {**event, "header": {**event["header"], "change_kind": kind, "replaces": replaces}, **rest}


@pytest.mark.parametrize(
    ("kind", "replaces", "reason", "field"),
    [
        ("UNKNOWN", None, "unknown-value", "header.change_kind"),
        ("CORRECT", None, "missing-field", "header.replaces"),
        ("ANNUL", None, "missing-field", "header.replaces"),
        ("NEW", OTHER, "unknown-value", "header.replaces"),
        ("CORRECT", example()["header"]["event_id"], "bad-identifier", "header.replaces"),
        ("CORRECT", "the last one", "bad-identifier", "header.replaces"),
    ],
)
def test_a_change_says_what_it_replaces_and_a_new_event_replaces_nothing(
    kind: str, replaces: str | None, reason: str, field: str
) -> None:
    refusal = rule_of(MOVED)(with_kind(kind, replaces), NOW)
    assert refusal is not None
    assert (refusal.reason, refusal.fields) == (reason, (field,))


@pytest.mark.parametrize(
    ("kind", "replaces"), [("NEW", None), ("CORRECT", OTHER), ("ANNUL", OTHER), ("REFRESH", None)]
)
def test_each_kind_of_change_has_a_sound_form(kind: str, replaces: str | None) -> None:
    assert rule_of(MOVED)(with_kind(kind, replaces), NOW) is None


@pytest.mark.parametrize(("kind", "replaces"), [("NEW", None), ("CORRECT", OTHER), ("REFRESH", None)])
def test_required_fields_are_told_all_at_once(kind: str, replaces: str | None) -> None:
    refusal = rule_of(MOVED)(with_kind(kind, replaces, person=None, new_address=None, moved_on=None), NOW)
    assert refusal is not None
    assert refusal.reason == "missing-field"
    assert set(refusal.fields) == set(MOVED.required)


def test_an_annulment_may_be_bare() -> None:
    header = with_kind("ANNUL", OTHER)["header"]
    assert rule_of(MOVED)({"header": header}, NOW) is None
    assert rule_of(MOVED)({"header": {**header, "change_kind": "CORRECT"}}, NOW) is not None


@pytest.mark.parametrize("blank", [None, "", " \t"])
def test_a_blank_is_no_name(blank: str | None) -> None:
    refusal = refusal_at("person.family_name", blank)
    assert refusal is not None
    assert (refusal.reason, refusal.fields) == ("missing-field", ("person.family_name",))


def test_the_first_day_of_1970_is_a_day() -> None:
    assert refusal_at("moved_on", 0) is None


def test_an_event_of_many_faults_is_refused_for_the_first_kind_with_all_its_fields() -> None:
    event = changed(example(), "new_address.postcode", "x")
    event = changed(changed(event, "old_address.postcode", "y"), "moved_on", 2**30)
    refusal = rule_of(MOVED)(event, NOW)
    assert refusal is not None
    assert (refusal.reason, refusal.fields) == (
        "bad-identifier",
        ("old_address.postcode", "new_address.postcode"),
    )
    assert refusal.event_id == event["header"]["event_id"]


def test_an_event_id_that_is_none_is_not_repeated() -> None:
    refusal = refusal_at("header.event_id", "Imogen of Marlpit Street")
    assert refusal is not None
    assert refusal.event_id is None


@given(st.data())
def test_whatever_an_event_holds_it_passes_or_is_refused_by_paths_of_its_schema(data: st.DataObject) -> None:
    event_type = data.draw(st.sampled_from((MOVED, REGISTERED)))
    refusal = rule_of(event_type)(data.draw(datums(event_type.latest)), NOW)
    if refusal is not None:
        assert refusal.reason in REASONS
        assert refusal.fields
        assert set(refusal.fields) <= set(event_type.latest.fields)
