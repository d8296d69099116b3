"""The catalogue serves every schema by name, version and id, without logical types."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.catalogue.files import default_directory, load_catalogue, schemas_directory
from instep.errors import SchemaError
from instep.events.reader import decode
from instep.events.schema import CLASSES
from instep.events.writer import encode
from tests.strategies import datums

SCHEMAS = default_directory()
CATALOGUE = load_catalogue(SCHEMAS)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SCHEMAS, tmp_path / "schemas"))


def test_the_catalogue_holds_the_events_and_the_records_of_the_bus() -> None:
    assert set(CATALOGUE.events) == {"resident-moved", "business-registered"}
    assert set(CATALOGUE.bus) == {"disclosure", "outcome", "rejection", "withdrawal"}
    assert CATALOGUE.header.full_name == "uk.instep.EventHeader"


def test_all_is_what_a_registry_holds_sorted_and_without_the_header() -> None:
    named = [(schema.full_name, schema.version) for schema in CATALOGUE.all()]
    assert named == sorted(named)
    assert ("uk.instep.ResidentMoved", "1.0.0") in named
    assert {schema.kind for schema in CATALOGUE.all()} == {"event", "bus"}


def test_a_schema_is_found_by_full_name_and_version_the_header_too() -> None:
    assert CATALOGUE.schema("uk.instep.ResidentMoved", "1.0.0") is CATALOGUE.events["resident-moved"].latest
    assert CATALOGUE.schema("uk.instep.EventHeader", "1.0.0") is CATALOGUE.header
    with pytest.raises(KeyError):
        CATALOGUE.schema("uk.instep.ResidentMoved", "9.0.0")


def test_an_event_type_is_found_by_full_name() -> None:
    assert CATALOGUE.event_type("uk.instep.BusinessRegistered").name == "business-registered"
    with pytest.raises(KeyError):
        CATALOGUE.event_type("uk.instep.Rejection")


def test_binding_ids_leaves_out_schemas_that_are_not_here() -> None:
    bound = CATALOGUE.bind(
        {
            7: ("uk.instep.ResidentMoved", "1.0.0"),
            8: ("uk.instep.FromTheFuture", "1.0.0"),
            9: ("uk.instep.ResidentMoved", "1.1.0"),
        }
    )
    assert {number: schema.name for number, schema in bound.items()} == {7: "resident-moved"}


@pytest.mark.parametrize("schema", CATALOGUE.schemas, ids=lambda schema: schema.full_name)
def test_services_see_no_logical_types_and_registries_see_all(schema: Any) -> None:
    assert "logicalType" not in json.dumps(schema.parsed)
    assert json.loads(schema.text) == schema.definition
    assert "\n" not in schema.text


@given(st.sampled_from(CATALOGUE.schemas).flatmap(lambda schema: st.tuples(st.just(schema), datums(schema))))
def test_every_datum_comes_back_from_its_bytes(drawn: tuple[Any, dict[str, Any]]) -> None:
    schema, datum = drawn
    assert decode(schema, encode(schema, datum)) == datum


def test_a_record_is_of_the_class_of_its_most_delicate_field() -> None:
    classes = CATALOGUE.events["resident-moved"].classes
    assert classes["placement.others_number"] == "personal"
    assert classes["placement.others_description"] == classes["placement"] == "special-category"
    assert classes["person.local_references.scheme"] == "none"
    assert classes["person.local_references"] == "personal"


@pytest.mark.parametrize("event_type", CATALOGUE.events.values(), ids=lambda event_type: event_type.name)
def test_every_path_beneath_the_header_has_a_class(event_type: Any) -> None:
    beneath = {path for path in event_type.latest.fields if path.partition(".")[0] != "header"}
    assert event_type.classes.keys() == beneath
    assert set(event_type.classes.values()) <= CLASSES.keys()


def test_a_placement_is_notified_within_fourteen_days_by_law() -> None:
    duty = CATALOGUE.events["resident-moved"].duty
    assert duty is not None
    assert (duty.within_days, duty.counts_from) == (14, "placement.made_available_on")
    assert (duty.when, duty.equals) == ("reason", "PLACEMENT")
    assert "Housing Act 1996" in duty.law
    assert CATALOGUE.events["business-registered"].duty is None


def test_versions_are_in_the_order_of_their_numbers_not_of_their_text(copy: Path) -> None:
    first = copy / "events/resident-moved/1.0.0.avsc"
    for version in ("1.9.0", "1.10.0"):
        shutil.copy(first, first.with_name(f"{version}.avsc"))
    event_type = load_catalogue(copy).events["resident-moved"]
    assert [schema.version for schema in event_type.versions] == ["1.0.0", "1.9.0", "1.10.0"]
    assert event_type.latest.version == "1.10.0"


def test_two_loads_of_the_same_files_are_the_same_schemas() -> None:
    again = load_catalogue(SCHEMAS)
    assert again.all() == CATALOGUE.all()
    assert hash(again.header) == hash(CATALOGUE.header)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("header/1.0.0.avsc", "{"),
        ("bus/outcome/1.0.0.avsc", '{"type": "record", "name": "Outcome", "namespace": "uk.instep"}'),
        ("bus/outcome/1.0.0.avsc", '["null"]'),
        ("events/resident-moved/event.toml", "title ="),
        ("events/resident-moved/event.toml", 'title = "Moved"'),
    ],
)
def test_a_file_that_cannot_be_used_is_named(copy: Path, file: str, text: str) -> None:
    (copy / file).write_text(text)
    with pytest.raises(SchemaError, match=str(copy / file)):
        load_catalogue(copy)


def test_a_folder_without_schemas_is_named(copy: Path) -> None:
    for version in (copy / "bus/outcome").glob("*.avsc"):
        version.unlink()
    with pytest.raises(SchemaError, match="outcome holds no schema"):
        load_catalogue(copy)


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="nowhere"):
        load_catalogue(tmp_path / "nowhere")


def test_the_directory_is_the_environments_or_our_own() -> None:
    assert schemas_directory({"INSTEP_SCHEMAS_DIR": "/srv/schemas"}) == Path("/srv/schemas")
    assert schemas_directory({"INSTEP_SCHEMAS_DIR": ""}) == schemas_directory({}) == SCHEMAS
