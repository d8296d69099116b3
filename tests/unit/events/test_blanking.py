"""A blanked event holds the named fields unchanged, and nothing else."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.events.blanking import Blanking, paths_of
from instep.events.schema import Schema
from tests.strategies import datums
from tests.unit.events.sample import CATALOGUE, MOVED, REGISTERED, example, fastavro_decode, fastavro_encode

EVENTS = st.sampled_from((MOVED.latest, REGISTERED.latest))


def drawn_paths(schema: Schema) -> st.SearchStrategy[set[str]]:
    return st.sets(st.sampled_from(sorted(paths_of(schema))), max_size=8)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Path and value of every leaf with a value, array by array; records themselves are left out."""
    match value:
        case dict():
            for name, inner in value.items():
                yield from leaves(inner, f"{path}.{name}".lstrip("."))
        case list():
            for item in value:
                yield from leaves(item, path)
        case None:
            pass
        case _:
            yield path, value


def by_path(value: Any) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {}
    for path, leaf in leaves(value):
        values.setdefault(path, []).append(leaf)
    return values


def named(path: str, paths: set[str]) -> bool:
    parts = path.split(".")
    return parts[0] == "header" or any(".".join(parts[:n]) in paths for n in range(1, len(parts) + 1))


@given(st.data(), EVENTS)
def test_exactly_what_is_named_is_there(data: st.DataObject, schema: Schema) -> None:
    event, paths = data.draw(datums(schema)), data.draw(drawn_paths(schema))
    blanked, _ = fastavro_decode(schema, Blanking(schema, paths).encode(event))
    assert by_path(blanked) == {path: values for path, values in by_path(event).items() if named(path, paths)}
    assert blanked["header"] == event["header"]


@given(st.data(), EVENTS)
def test_writing_it_at_once_is_blanking_and_then_writing_by_fastavro(
    data: st.DataObject, schema: Schema
) -> None:
    event, paths = data.draw(datums(schema)), data.draw(drawn_paths(schema))
    blanking = Blanking(schema, paths)
    assert blanking.encode(event) == fastavro_encode(schema, blanking.blank(event))
    assert blanking.encode(event) == Blanking(schema, sorted(paths, reverse=True)).encode(event)


@given(st.data(), EVENTS)
def test_naming_everything_is_the_whole_event_and_nothing_the_header(
    data: st.DataObject, schema: Schema
) -> None:
    event = data.draw(datums(schema))
    assert Blanking(schema, paths_of(schema)).encode(event) == fastavro_encode(schema, event)
    bare = Blanking(schema, ()).encode(event)
    assert bare == fastavro_encode(schema, {"header": event["header"]})


def test_a_named_record_is_shared_whole_and_a_path_within_it_alone() -> None:
    event = example()
    whole = Blanking(MOVED.latest, {"old_address"}).blank(event)
    assert whole["old_address"] == event["old_address"]
    part = Blanking(MOVED.latest, {"old_address.postcode"}).blank(event)
    assert part["old_address"] == {
        **dict.fromkeys(event["old_address"]),
        "lines": [],
        "postcode": event["old_address"]["postcode"],
    }
    assert part["new_address"] is None
    assert part["person"] is None


def test_paths_go_through_arrays_of_records() -> None:
    event = example()
    shared = Blanking(MOVED.latest, {"person.local_references.scheme"}).blank(event)
    assert shared["person"]["local_references"] == [{"scheme": "council-tax-account", "value": None}]
    assert shared["person"]["former_names"] == []


def test_a_record_is_there_only_where_the_source_had_it() -> None:
    event = example()
    without = {**event, "old_address": None}
    blanking = Blanking(MOVED.latest, {"old_address.locality"})
    assert blanking.blank(without)["old_address"] is None
    of_nulls = blanking.blank(event)["old_address"]
    assert of_nulls is not None
    assert not list(leaves(of_nulls))


@pytest.mark.parametrize(
    ("named", "kept"),
    [
        ({"moved_on", "group_ref"}, ("group_ref", "moved_on")),
        ({"old_address", "old_address.postcode"}, ("old_address",)),
        ({"person.title", "person"}, ("person",)),
        ({"header", "header.source", "moved_on"}, ("moved_on",)),
        ({"added_in_a_later_version", "moved_on"}, ("moved_on",)),
        ({"person.titl", "perso", "person."}, ()),
    ],
)
def test_paths_are_what_is_shared_each_once(named: set[str], kept: tuple[str, ...]) -> None:
    assert Blanking(MOVED.latest, named).paths == kept


def test_a_name_that_begins_another_does_not_share_it() -> None:
    event = example("company", "business-registered")
    blanked = Blanking(REGISTERED.latest, {"operator.representative_name"}).blank(event)
    assert {path for path, _ in leaves(blanked) if not path.startswith("header")} <= {
        "operator.representative_name"
    }


def test_the_paths_of_a_schema_are_what_an_agreement_may_name() -> None:
    paths = paths_of(MOVED.latest)
    assert {"person", "person.family_name", "old_address.postcode", "person.local_references.value"} <= paths
    assert "placement.applicant.born_on" in paths
    assert not {path for path in paths if path.startswith("header")}
    assert paths_of(REGISTERED.latest) >= set(REGISTERED.required)
    assert paths_of(CATALOGUE.bus["rejection"]) >= {"source"}
