"""Plain JSON is taken strictly, comes back unchanged, and a refusal shows nobody's data."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.catalogue.files import default_directory, load_catalogue
from instep.errors import PlainEventError
from instep.events.plain import from_plain, to_plain
from instep.events.reader import decode
from instep.events.writer import encode
from tests.strategies import plain_records

SCHEMAS = default_directory()
CATALOGUE = load_catalogue(SCHEMAS)
MOVED = CATALOGUE.events["resident-moved"].latest
SECRET = "Thistlewaite"


def move(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(
        (SCHEMAS / "events/resident-moved/examples/ordinary-move.json").read_text()
    )
    return {**plain, **changes}


def header(**changes: Any) -> dict[str, Any]:
    return move(header={**move()["header"], **changes})


def refused(plain: Any) -> PlainEventError:
    with pytest.raises(PlainEventError) as caught:
        from_plain(MOVED, plain)
    return caught.value


@given(
    st.sampled_from(CATALOGUE.schemas).flatmap(
        lambda schema: st.tuples(st.just(schema), plain_records(schema))
    )
)
def test_what_goes_in_plain_comes_back_the_same_through_bytes(drawn: tuple[Any, dict[str, Any]]) -> None:
    schema, plain = drawn
    through_bytes = decode(schema, encode(schema, from_plain(schema, plain)))
    through_json = json.loads(json.dumps(to_plain(schema, through_bytes)))
    assert through_json == plain


def test_null_and_absent_are_the_same_and_an_absent_list_is_empty() -> None:
    with_nulls = move(group_ref=None, person={**move()["person"], "title": None, "former_names": None})
    without = move(person={k: v for k, v in move()["person"].items() if k not in ("title", "former_names")})
    del without["group_ref"]
    datum = from_plain(MOVED, with_nulls)
    assert datum == from_plain(MOVED, without)
    assert datum["person"]["former_names"] == []
    assert "group_ref" not in to_plain(MOVED, datum)


def test_an_empty_record_is_not_an_absent_one() -> None:
    datum = from_plain(MOVED, move(old_address={}))
    assert datum["old_address"] is not None
    assert to_plain(MOVED, datum)["old_address"] == {}


def test_absent_lists_are_not_shared_between_events() -> None:
    first, second = (from_plain(MOVED, move(old_address={})) for _ in range(2))
    first["old_address"]["lines"].append("x")
    assert second["old_address"]["lines"] == []


def test_what_a_header_leaves_out_fails_closed() -> None:
    plain = header(handling=None, change_kind=None, synthetic=None)
    datum = from_plain(MOVED, plain)
    assert datum["header"]["handling"] == "PROTECTED"
    assert datum["header"]["change_kind"] == "UNKNOWN"
    assert datum["header"]["synthetic"] is False


@pytest.mark.parametrize(
    "name", ["event_id", "source", "subject_ref", "sequence", "occurred_on", "published_at"]
)
def test_what_has_no_default_is_required(name: str) -> None:
    error = refused(header(**{name: None}))
    assert (error.field, error.problem) == (f"header.{name}", "is required")


def test_a_misspelt_field_is_refused_with_the_name_that_was_meant() -> None:
    error = refused(move(person={"famly_name": SECRET}))
    assert str(error) == "person.famly_name: is not a field of this schema; did you mean family_name?"


def test_a_key_that_may_be_data_is_not_repeated() -> None:
    error = refused(move(person={f"{SECRET}, Ann": 1}))
    assert error.field == "person"
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    ("plain", "field", "problem"),
    [
        ([], "event", "must be an object"),
        (SECRET, "event", "must be an object"),
        (move(header=None), "header", "is required"),
        (move(person=SECRET), "person", "must be an object"),
        (move(person={"family_name": 7}), "person.family_name", "must be text"),
        (move(person={"family_name": {"string": SECRET}}), "person.family_name", "must be text"),
        (move(person={"family_name": SECRET + "\ud800"}), "person.family_name", "not valid Unicode"),
        (move(person={"former_names": SECRET}), "person.former_names", "must be a list"),
        (move(person={"former_names": [SECRET, None]}), "person.former_names[1]", "must be text"),
        (
            move(person={"local_references": [{}, {"scheme": 1}]}),
            "person.local_references[1].scheme",
            "must be text",
        ),
        (move(moved_on="11/04/2026"), "moved_on", "must be a date such as"),
        (move(moved_on="2026-W15-6"), "moved_on", "must be a date such as"),
        (move(moved_on="2026-04-11T00:00:00Z"), "moved_on", "must be a date such as"),
        (move(moved_on="2026-02-30"), "moved_on", "not a day of the calendar"),
        (move(moved_on="２０２６-04-11"), "moved_on", "must be a date such as"),
        (move(moved_on=20554), "moved_on", "must be a date such as"),
        (move(residence="main"), "residence", "must be one of UNKNOWN, MAIN, SECONDARY, TEMPORARY"),
        (move(residence=1), "residence", "must be one of"),
        (move(placement={"others_number": True}), "placement.others_number", "must be a whole number"),
        (move(placement={"others_number": 2.0}), "placement.others_number", "must be a whole number"),
        (move(placement={"others_number": 2**31}), "placement.others_number", "does not fit in 32 bits"),
        (header(sequence=2**63), "header.sequence", "does not fit in 64 bits"),
        (header(sequence="1"), "header.sequence", "must be a whole number"),
        (header(synthetic="no"), "header.synthetic", "must be true or false"),
        (header(synthetic=0), "header.synthetic", "must be true or false"),
        (header(event_id="not-a-uuid"), "header.event_id", "must be a UUID"),
        (header(replaces="0b0e7c6a5d2e4c8e9f360d6a3c1f9b52"), "header.replaces", "must be a UUID"),
        (header(recorded_at="2026-04-14T09:12:40"), "header.recorded_at", "with its zone"),
        (header(recorded_at="2026-04-14 09:12:40Z"), "header.recorded_at", "with its zone"),
        (header(recorded_at=1776157960000), "header.recorded_at", "with its zone"),
        (header(recorded_at="2026-04-14T25:12:40Z"), "header.recorded_at", "not a time of the calendar"),
    ],
)
def test_a_bad_value_is_refused_by_its_path_and_never_shown(plain: Any, field: str, problem: str) -> None:
    error = refused(plain)
    assert error.field == field
    assert problem in error.problem
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:59:59.999Z", -1),
        ("1970-01-01T00:00:00.001999Z", 1),
        ("1970-01-01T00:00:00.123456789Z", 123),
    ],
)
def test_timestamps_are_utc_milliseconds_and_never_rounded_up(written: str, meant: int) -> None:
    assert from_plain(MOVED, header(recorded_at=written))["header"]["recorded_at"] == meant


def test_a_uuid_is_written_small() -> None:
    event_id = "0B0E7C6A-5D2E-4C8E-9F36-0D6A3C1F9B52"
    assert from_plain(MOVED, header(event_id=event_id))["header"]["event_id"] == event_id.lower()


@pytest.mark.parametrize("field", ["occurred_on", "recorded_at"])
def test_a_date_outside_the_calendar_cannot_be_shown(field: str) -> None:
    datum = from_plain(MOVED, move())
    datum["header"][field] = 2**31 - 1 if field == "occurred_on" else 2**63 - 1
    with pytest.raises(PlainEventError, match=f"header.{field}: lies outside the calendar"):
        to_plain(MOVED, datum)
