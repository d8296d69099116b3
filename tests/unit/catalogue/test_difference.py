"""`schemas diff` says in plain English every change for a recipient."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.catalogue.difference import differences, verdict
from instep.catalogue.files import load_catalogue, load_schema
from instep.events.schema import Schema
from tests.schemas.evolution import evolved
from tests.unit.events.sample import CATALOGUE, MOVED

OLD = MOVED.latest


@pytest.fixture
def next_version(tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], object]], Schema]:
    def make(change: Callable[[dict[str, Any]], object]) -> Schema:
        definition = copy.deepcopy(OLD.definition)
        change({field["name"]: field for field in definition["fields"]} | {"": definition})
        file = tmp_path / "2.0.0.avsc"
        file.write_text(json.dumps(definition), encoding="utf-8")
        return load_schema(file, name="resident-moved", kind="event")

    return make


Make = Callable[[Callable[[dict[str, Any]], object]], Schema]


def sentences(old: Schema, new: Schema) -> list[str]:
    return [str(difference) for difference in differences(old, new, {})]


@given(st.sampled_from(CATALOGUE.schemas))
def test_a_schema_does_not_differ_from_itself(schema: Schema) -> None:
    assert differences(schema, schema, {}) == ()


def test_the_second_version_of_resident_moved_in_plain_english(tmp_path: Path) -> None:
    event_type = load_catalogue(evolved(tmp_path)).events["resident-moved"]
    old, new = event_type.versions
    assert verdict(old, new) == (
        "A program written for resident-moved 1.0.0 reads resident-moved 1.1.0 without a change."
    )
    assert [str(difference) for difference in differences(old, new, event_type.classes)] == [
        "reason: may also be DEMOLITION; a program that knows 1.0.0 reads UNKNOWN instead.",
        "household_size: is new: a number. How many people moved together, this one included. Its class is personal. "
        "It reaches you only once an agreement names it. Records of 1.0.0 do not have it.",
    ]


def test_the_same_two_the_other_way_round(tmp_path: Path) -> None:
    old, new = load_catalogue(evolved(tmp_path)).events["resident-moved"].versions
    assert verdict(new, old).endswith("must change before it reads resident-moved 1.0.0.")
    assert sentences(new, old) == [
        "reason: is never DEMOLITION any more; where 1.1.0 says so, read UNKNOWN.",
        "household_size: is no longer there (a number); a program that reads it finds nothing.",
    ]


def test_a_new_field_of_an_address_is_told_once_with_all_its_places(next_version: Make) -> None:
    storey = {"name": "storey", "type": ["null", "string"], "doc": "Which floor.", "default": None}
    new = next_version(lambda fields: fields["old_address"]["type"][1]["fields"].append(storey))
    (sentence,) = sentences(OLD, new)
    assert sentence.startswith(
        "old_address.storey, new_address.storey, placement.address.storey: is new: text. Which floor."
    )


def test_a_new_record_is_told_without_all_that_it_holds(next_version: Make) -> None:
    agent = {"name": "agent", "type": ["null", "Person"], "doc": "Who acts for them.", "default": None}
    new = next_version(lambda fields: fields[""]["fields"].append(agent))
    assert [difference.fields for difference in differences(OLD, new, {})] == [("agent",)]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda fields: fields[""]["fields"].remove(fields["contact"]),
            "contact: is no longer there (Contact); a program that reads it finds nothing.",
        ),
        (
            lambda fields: fields["moved_on"].update(type=["null", "string"]),
            "moved_on: was a date and is text.",
        ),
        (
            lambda fields: fields["group_ref"].update(type={"type": "array", "items": "string"}, default=[]),
            "group_ref: was text and is a list, each text.",
        ),
        (
            lambda fields: fields["status"]["type"][1]["symbols"].reverse(),
            "status: has its symbols in another order; a program must know by which of the two it reads.",
        ),
        (
            lambda fields: fields["moved_on"].update(doc="The first night."),
            "moved_on: is described in other words: ",
        ),
        (lambda fields: fields["moved_on"].pop("default"), "moved_on: must be given now."),
    ],
)
def test_each_kind_of_difference_is_said(
    next_version: Make, change: Callable[[dict[str, Any]], object], sentence: str
) -> None:
    (message,) = sentences(OLD, next_version(change))
    assert message.startswith(sentence)
