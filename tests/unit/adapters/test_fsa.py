"""Registrations as the FSA's API really sends them, and JSON without registrations."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instep.adapters import Line, Refused, Row, Settings, json_array, read
from instep.adapters.json_array import elements
from instep.adapters.split import split_registrations
from instep.adapters.text import open_file
from instep.errors import FileFormatError
from tests.strategies import examples
from tests.unit.adapters.publishing import AUTHORITY, DATA, SETTINGS, TODAY, Publisher, events, names

SAMPLE: list[dict[str, Any]] = json.loads((DATA / "food-registrations.json").read_text(encoding="utf-8"))


def of_type(operator_type: str) -> dict[str, Any]:
    return copy.deepcopy(
        next(
            registration
            for registration in SAMPLE
            if registration["establishment"]["operator"]["operator_type"] == operator_type
        )
    )


def lines_of(publisher: Publisher, document: Any) -> list[Line]:
    path = publisher.file(json.dumps(document, indent=1).encode(), ".json")
    return list(read(path, authority=AUTHORITY, settings=SETTINGS))


def only(publisher: Publisher, document: Any) -> Row:
    (line,) = lines_of(publisher, document)
    assert isinstance(line, Row)
    return line


@pytest.mark.parametrize(
    "wrap",
    [
        lambda registration: registration,
        lambda registration: [registration],
        lambda registration: {"registrations": [registration]},
    ],
)
def test_a_list_an_object_and_a_wrapped_list_say_the_same(
    publisher: Publisher, wrap: Callable[[Any], Any]
) -> None:
    assert only(publisher, wrap(SAMPLE[0])).body == only(publisher, [SAMPLE[0]]).body


def test_a_company_keeps_the_zeros_of_its_number(publisher: Publisher) -> None:
    company = of_type("COMPANY")
    for written, number in (("123", "00000123"), ("sc1234", "SC001234"), (6146287, "06146287")):
        company["establishment"]["operator"]["operator_company_house_number"] = written
        row = only(publisher, [company])
        assert row.body["company_number"] == number
    company["establishment"]["operator"]["operator_company_house_number"] = "pending"
    row = only(publisher, [company])
    assert "company_number" not in row.body
    assert [(note.column, note.review) for note in row.notes] == [
        ("establishment.operator.operator_company_house_number", True)
    ]


def test_partners_are_told_by_name(publisher: Publisher) -> None:
    partnership = of_type("PARTNERSHIP")
    partners = only(publisher, [partnership]).body["operator"]["partners"]
    exported = partnership["establishment"]["operator"]["partners"]
    assert [(partner["name"], partner["primary_contact"]) for partner in partners] == [
        (partner["partner_name"], partner["partner_is_primary_contact"]) for partner in exported
    ]


def test_a_blank_charity_number_is_absent(publisher: Publisher) -> None:
    charity = of_type("CHARITY")
    charity["establishment"]["operator"]["operator_charity_number"] = ""
    assert "charity_number" not in only(publisher, [charity]).body


@pytest.mark.parametrize("kind", ["RAW_MEAT_FISH_SHELLFISH", "RAW_UNWRAPPED_MEAT_FISH_SHELLFISH"])
def test_both_spellings_of_raw_meat_are_taken(publisher: Publisher, kind: str) -> None:
    registration = of_type("COMPANY")
    registration["establishment"]["activities"]["food_type"] = [kind]
    assert only(publisher, [registration]).body["activities"]["food_types"] == [kind]


def test_opening_hours_stand_beside_their_days(publisher: Publisher) -> None:
    registration = of_type("COMPANY")
    activities = registration["establishment"]["activities"]
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"):
        activities[f"opening_day_{day}"] = day in ("tuesday", "sunday")
        activities[f"opening_hours_{day}"] = "10 - 4" if day == "sunday" else None
    read_back = only(publisher, [registration]).body["activities"]
    assert read_back["opening_days"] == ["TUESDAY", "SUNDAY"]
    assert read_back["opening_hours"] == ["", "10 - 4"]


def change(path: str, value: Any) -> dict[str, Any]:
    registration = of_type("SOLETRADER")
    *folders, last = path.split(".")
    place = registration
    for folder in folders:
        place = place[folder]
    place[last] = value
    return registration


def test_of_two_faults_the_first_in_the_registration_is_named(publisher: Publisher) -> None:
    registration = of_type("COMPANY")
    registration["establishment"] |= {"operator": "a name", "establishment_opening_date": "2026-02-30"}
    (line,) = lines_of(publisher, [registration])
    assert isinstance(line, Refused)
    assert (line.column, line.reason) == ("establishment.operator", "wrong-type")


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("fsa_rn", "tmp_0b0e7c6a-5d2e-4c8e-9f36-0d6a3c1f9b52", "temporary-reference"),
        ("fsa_rn", None, "missing-fsa-rn"),
        ("createdAt", None, "missing-createdAt"),
        ("createdAt", "last week", "impossible-date"),
        ("establishment", "a shop", "wrong-type"),
        ("establishment.operator.operator_type", "GUILD", "unknown-value"),
        ("establishment.operator.operator_birthdate", "2031-01-01", "date-in-future"),
        ("establishment.operator.partners", {"partner_name": "X"}, "wrong-type"),
        ("establishment.activities.opening_day_monday", "yes", "wrong-type"),
        ("establishment.activities.food_type", [["X"]], "wrong-type"),
    ],
)
def test_a_registration_that_cannot_be_used_is_refused_by_its_path_and_the_rest_goes_on(
    publisher: Publisher, path: str, value: Any, reason: str
) -> None:
    refused, row = lines_of(publisher, [change(path, value), SAMPLE[1]])
    assert isinstance(refused, Refused)
    assert (refused.line, refused.column, refused.reason) == (2, path, reason)
    assert isinstance(row, Row)


def test_what_is_no_registration_is_refused(publisher: Publisher) -> None:
    row, refused = lines_of(publisher, [SAMPLE[0], "registration"])
    assert isinstance(row, Row)
    assert isinstance(refused, Refused)
    assert refused.reason == "not-a-registration"


def test_collecting_a_registration_changes_nothing_that_is_published(publisher: Publisher) -> None:
    registration = {**SAMPLE[0], "collected": False}
    publisher.publish(publisher.file(json.dumps([registration]).encode(), ".json"))
    collected = registration | {
        "collected": True,
        "collected_at": "2026-02-01T00:00:00Z",
        "updatedAt": "2026-02-01T00:00:00Z",
    }
    assert names(publisher.publish(publisher.file(json.dumps([collected]).encode(), ".json"))) == [
        "Unchanged"
    ]


def test_a_sole_traders_registration_is_ordinary(publisher: Publisher) -> None:
    path = publisher.file(json.dumps(of_type("SOLETRADER")).encode(), ".json")
    assert events(publisher.publish(path))[0]["header"]["handling"] == "ORDINARY"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"reference,title\n", "is not JSON"),
        (b"null", "is not JSON"),
        (b"[1, 2]", "not registrations"),
        (b'{"header": {}}', "not registrations"),
        (b"[" * 100_000, "not valid JSON|longer than 1 MiB|cut off"),
        (b'[{fsa_rn: 1}, {"fsa_rn": 1}]', "not valid JSON in what begins on line 1"),
        (b'[{"fsa_rn": "' + b"x" * 3_000_000 + b'"}]', "not valid JSON in what begins on line 1"),
    ],
)
def test_json_that_is_no_file_of_registrations_is_one_sentence(
    publisher: Publisher, content: bytes, sentence: str
) -> None:
    path = publisher.file(content, ".json")
    with pytest.raises(FileFormatError, match=sentence) as caught:
        list(read(path, authority=AUTHORITY, settings=SETTINGS))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'[{"fsa_rn": "\xff"}]', "not in UTF-8"),
        (b'[{"fsa_rn": 1} {"fsa_rn": 2}]', "not valid JSON in what begins on line 1"),
        (b'[{"fsa_rn": 1},\n]', "line 2 has a comma before the end"),
        (b'{"fsa_rn": 1} {"fsa_rn": 2}', "something follows"),
        (b'[\n{"fsa_rn": 1},\n{"fsa_rn"', "ends in the middle, in what begins on line 3"),
        (b'[{"fsa_rn": 1},\n{fsa_rn: 1}]', "not valid JSON in what begins on line 2"),
        (b'[{"fsa_rn": "' + b"x" * 3_000_000 + b'"}]', "longer than 1 MiB"),
    ],
)
def test_a_file_of_many_councils_is_split_only_where_its_json_is_sound(
    publisher: Publisher, content: bytes, sentence: str
) -> None:
    with pytest.raises(FileFormatError, match=sentence):
        split_registrations(publisher.file(content, ".json"), lambda registration: "leeds")


def test_wherever_json_is_cut_off_what_came_before_is_given_and_then_it_is_said(tmp_path: Path) -> None:
    content = json.dumps([{"n": number, "text": 'a "b" \\ c'} for number in range(3)], indent=1)
    path = tmp_path / "cut.json"
    for length in range(1, len(content)):
        path.write_text(content[:length], encoding="utf-8")
        given_: list[Any] = []
        with (
            pytest.raises(FileFormatError, match="ends in the middle"),
            open_file(path, "JSON") as stream,
        ):
            given_ += [element.value["n"] for element in elements(stream, path, "registrations")]
        assert given_ == list(range(len(given_)))


@settings(examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        st.dictionaries(st.text(max_size=5), st.text(max_size=30) | st.integers() | st.none(), max_size=4)
    ),
    indent=st.sampled_from([None, 1]),
    chunk=st.integers(1, 50),
)
def test_elements_are_those_of_json_itself_however_the_file_is_cut_into_chunks(
    tmp_path: Path, values: list[dict[str, Any]], indent: int | None, chunk: int
) -> None:
    path = tmp_path / "whole.json"
    path.write_text(json.dumps(values, indent=indent, ensure_ascii=True), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, open_file(path, "JSON") as stream:
        patch.setattr(json_array, "_CHUNK", chunk)
        read_back = list(elements(stream, path, "registrations"))
    assert [element.value for element in read_back] == values
    if indent:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert all(lines[element.line - 1].lstrip().startswith("{") for element in read_back)


def test_council_is_only_checked_where_it_can_be_told(publisher: Publisher) -> None:
    path = publisher.file(json.dumps([SAMPLE[0]]).encode(), ".json")
    for council, kind in ((None, Row), (AUTHORITY, Row), ("bradford", Refused)):
        settings = Settings(today=TODAY, council_of=lambda registration, council=council: council)  # type: ignore[misc]
        (line,) = read(path, authority=AUTHORITY, settings=settings)
        assert isinstance(line, kind)
