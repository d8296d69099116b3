"""The lint refuses every schema that is unsafe, incompatible or unclassified, and says why."""

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.catalogue import event_types, lock
from instep.catalogue.definitions import problems
from instep.catalogue.files import default_directory, load_catalogue
from instep.catalogue.lint import lint

SCHEMAS = default_directory()
CATALOGUE = load_catalogue(SCHEMAS)
HEADER = CATALOGUE.header.definition
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["type", "name", "fields", "items", "symbols", "default"]), inner)
    ),
    max_leaves=12,
)


def event(*fields: dict[str, Any]) -> dict[str, Any]:
    header = {key: value for key, value in HEADER.items() if key != "namespace"}
    first = {"name": "header", "type": header, "doc": "The header."}
    return {
        "type": "record",
        "name": "Thing",
        "namespace": "uk.instep",
        "doc": "A thing.",
        "fields": [first, *fields],
    }


def field(avro: Any, name: str = "thing", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": avro,
        "doc": "A thing.",
        "default": [] if isinstance(avro, dict) else None,
        **more,
    }


def record(name: str, *fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": name, "doc": "A thing.", "fields": list(fields)}


def enum(*symbols: str, name: str = "Kind", default: str = "UNKNOWN") -> dict[str, Any]:
    return {"type": "enum", "name": name, "symbols": list(symbols), "default": default}


def problems_in(definition: Any, kind: str = "event") -> str:
    return "\n".join(problems(definition, kind=kind, headers=(HEADER,)))


# ------------------------------------------------------------------------------------------------------- one schema


@pytest.mark.parametrize("schema", CATALOGUE.schemas, ids=lambda schema: schema.full_name)
def test_every_schema_of_the_catalogue_is_sound(schema: Any) -> None:
    assert problems_in(schema.definition, schema.kind) == ""


def test_the_schemas_that_these_tests_spoil_are_sound() -> None:
    assert problems_in(event(field(["null", "string"]))) == ""
    assert problems_in(event(field({"type": "array", "items": record("Item", field(["null", "int"]))}))) == ""
    assert problems_in(event(field(["null", enum("UNKNOWN", "A")]))) == ""


def nested(depth: int) -> Any:
    inner: Any = "string"
    for number in range(depth):
        inner = record(f"Level{number}", field(["null", inner], name="inner"))
    return ["null", inner]


def exploding(levels: int) -> list[dict[str, Any]]:
    """Fields whose leaves double with each level, though each type is written once."""
    made = [field(["null", record("Level0", field(["null", "string"]))], name="level_0")]
    for number in range(1, levels):
        twice = [field(["null", f"Level{number - 1}"], name=name) for name in ("left", "right")]
        made.append(field(["null", record(f"Level{number}", *twice)], name=f"level_{number}"))
    return made


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        (event(field(["null", record("Loop", field(["null", "Loop"], name="again"))])), "holds itself"),
        (event(field(["null", "Thing"])), "holds itself"),
        (event(field(["null", record("Thing", field(["null", "int"]))])), "holds itself"),
        (event(field(nested(40))), "deeper than 16"),
        (event(field(nested(16))), "deeper than 16"),
        (event(*exploding(17)), "16 is the most"),
        (event(*exploding(12)), "leaves; 500 is the most"),
        (event(*(field(["null", "int"], name=f"f{n}") for n in range(100))), "101 fields; 100 is the most"),
        (event(field({"type": "array", "items": "null"})), "fill all memory"),
        (event(field({"type": "array", "items": record("Empty")})), "has no fields"),
        (event(field({"type": "array", "items": {"type": "array", "items": "null"}})), "no arrays"),
        (event(field({"type": "array", "items": ["null", "int"]})), "no unions"),
        (event(field({"type": "map", "values": "null"})), "does not use"),
        (event(field(["null", {"type": "fixed", "name": "Nothing", "size": 0}])), "does not use"),
        (event(field(["null", "double"])), "not a type that Instep uses"),
        (event(field(["null", "bytes"])), "not a type that Instep uses"),
        (event(field(["null", "int", "string"])), "does not use"),
        (event(field(["null", {"type": "long", "logicalType": "date"}])), "logical type is not one"),
        (event(field(["null", {"type": "bytes", "logicalType": "decimal", "precision": 4}])), "does not use"),
        (event(field("string", default="")), "everything beneath the header may be absent"),
        (
            event(field(enum("UNKNOWN", "A"), default="UNKNOWN")),
            "everything beneath the header may be absent",
        ),
        (
            event(field(["null", record("Inner", field("string", name="deep", default=""))])),
            "thing.deep is neither",
        ),
        (event(field(["null", "string"], default="x")), "its default is null"),
        (event({"name": "thing", "type": ["null", "string"], "doc": "No default."}), "its default is null"),
        (event(field(["string", "null"])), "everything beneath the header may be absent"),
        (event(field({"type": "array", "items": "string"}, default=["x"])), "its default is []"),
        (event(field(["null", {"type": "array", "items": "string"}])), "an empty one says the same"),
        (event(field(["null", enum("A", "UNKNOWN")])), "begins with UNKNOWN"),
        (event(field(["null", enum("UNKNOWN", "A", default="A")])), "begins with UNKNOWN"),
        (event(field(["null", enum("UNKNOWN", "A", "A")])), "a symbol twice"),
        (event(field(["null", enum("UNKNOWN", *(f"S{n}" for n in range(200)))])), "more than 200"),
        (event(field(["null", enum("UNKNOWN", "small")])), "written LIKE_THIS"),
        (event(field(["null", "string"], name="camelCase")), "written like_this"),
        (event(field(["null", record("snake_case", field(["null", "int"]))])), "written LikeThis"),
        (event(field(["null", "string"], aliases=["old"])), "aliases is not used"),
        (event(field(["null", "string"], doc="")), "has no doc"),
        (event(field(["null", "string"]), field(["null", "string"])), "two fields of one name"),
        (event(field(["null", "Elsewhere"])), "not defined before it is used"),
        ({**event(), "namespace": "org.example"}, "namespace is not uk.instep"),
        ({**event(), "fields": [field(["null", "string"])]}, "first field is not `header`"),
        ({**event(), "fields": []}, "first field is not `header`"),
        (["null", "string"], "one record"),
    ],
)
def test_an_unsafe_or_unclear_schema_is_refused_with_its_reason(definition: Any, sentence: str) -> None:
    assert sentence in problems_in(definition)


def test_a_header_that_differs_in_anything_is_not_the_header() -> None:
    spoilt = copy.deepcopy(event())
    spoilt["fields"][0]["type"]["fields"][10]["type"]["default"] = "ORDINARY"
    assert "first field is not `header`" in problems_in(spoilt)


def test_handling_fails_closed_to_protected() -> None:
    spoilt = copy.deepcopy(HEADER)
    handling = next(field for field in spoilt["fields"] if field["name"] == "handling")
    handling["type"] = enum("ORDINARY", "PROTECTED", name="Handling", default="ORDINARY")
    handling["default"] = "ORDINARY"
    assert "begins with PROTECTED" in problems_in(spoilt, "header")
    assert "the default is PROTECTED" in problems_in(spoilt, "header")


@given(JSON, st.sampled_from(["event", "bus", "header"]))
def test_whatever_is_json_is_judged_without_an_exception(anything: Any, kind: str) -> None:
    assert problems_in(anything, kind)
    assert problems_in(event(field(anything))) is not None
    assert problems_in(event(field(["null", record("Inner", field(anything, name="inner"))]))) is not None


# ---------------------------------------------------------------------------------------------------- the directory


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SCHEMAS, tmp_path / "schemas"))


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def only(directory: Path, **how: bool) -> tuple[str, str]:
    """File and sentence of the only problem."""
    (problem,) = lint(directory, **how)
    return problem.file, problem.message


def test_the_catalogue_is_sound() -> None:
    assert "\n".join(map(str, lint(SCHEMAS))) == ""


def test_a_version_that_changed_by_a_byte_is_a_problem(directory: Path) -> None:
    file = directory / "bus/rejection/1.0.0.avsc"
    file.write_bytes(file.read_bytes() + b"\n")
    assert only(directory)[0] == "bus/rejection/1.0.0.avsc"
    assert "has changed since it was locked" in only(directory)[1]
    assert "has changed since it was locked" in only(directory, accept_new=True)[1]


def test_a_version_that_is_gone_is_a_problem(directory: Path) -> None:
    shutil.rmtree(directory / "bus/rejection")
    assert only(directory)[0] == "bus/rejection/1.0.0.avsc"
    assert "is gone" in only(directory)[1]


def test_a_new_version_is_a_problem_until_it_is_accepted(directory: Path) -> None:
    shutil.copy(directory / "bus/rejection/1.0.0.avsc", directory / "bus/rejection/1.1.0.avsc")
    assert "is not in versions.lock" in only(directory)[1]
    assert lint(directory, accept_new=True) == ()
    (directory / lock.NAME).write_text(lock.with_new(directory), encoding="utf-8")
    assert lint(directory) == ()


def test_accepting_new_versions_never_accepts_a_changed_one(directory: Path) -> None:
    file = directory / "bus/rejection/1.0.0.avsc"
    file.write_bytes(file.read_bytes() + b"\n")
    assert lock.with_new(directory) == (SCHEMAS / lock.NAME).read_text(encoding="utf-8")


def test_a_version_is_held_against_the_one_before_it_but_a_new_major_is_free(directory: Path) -> None:
    definition = json.loads((directory / "bus/rejection/1.0.0.avsc").read_text(encoding="utf-8"))
    definition["fields"].pop(0)
    text = json.dumps(definition)
    shutil.rmtree(directory / "bus/rejection/examples")
    (directory / "bus/rejection/2.0.0.avsc").write_text(text, encoding="utf-8")
    assert "holds fewer than 1 examples" in only(directory, accept_new=True)[1]
    (directory / "bus/rejection/2.0.0.avsc").rename(directory / "bus/rejection/1.1.0.avsc")
    assert "source has been removed" in only(directory, accept_new=True)[1]


@pytest.mark.parametrize(
    "name", ["schema.avsc", "1.0.avsc", "1.0.01.avsc", "notes.txt", "examples/Upper.json"]
)
def test_a_file_that_is_no_part_of_the_catalogue_is_a_problem(directory: Path, name: str) -> None:
    (directory / "bus/outcome" / name).write_text("{}", encoding="utf-8")
    assert (f"bus/outcome/{name}", "is no part of a catalogue, or is named in a way that is not.") in {
        (problem.file, problem.message) for problem in lint(directory)
    }


def test_a_record_is_named_as_its_folder(directory: Path) -> None:
    (directory / "bus/outcome").rename(directory / "bus/result")
    assert any("in the folder result it is Result." in problem.message for problem in lint(directory))


def test_two_folders_never_have_schemas_of_one_name(directory: Path) -> None:
    (directory / "bus/resident-moved").mkdir()
    shutil.copy(directory / "events/resident-moved/1.0.0.avsc", directory / "bus/resident-moved")
    assert any("is the name of a schema in" in problem.message for problem in lint(directory))


def test_a_schema_that_is_not_json_is_a_problem(directory: Path) -> None:
    (directory / "bus/outcome/1.0.0.avsc").write_text('{"type": ', encoding="utf-8")
    assert {problem.message.split(":")[0] for problem in lint(directory)} == {
        "has changed since it was locked",
        "is not JSON.",
    }


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('title = "Resident moved"', 'title = ""', "title is not a text."),
        ('owner = "The council', 'owned = "The council', "owner is not given."),
        (
            '"person.family_name", "new_address"',
            '"person.surname", "new_address"',
            "person.surname is not a field",
        ),
        (
            '"person.family_name", "new_address"',
            '"header.source", "new_address"',
            "header.source is not a field",
        ),
        (
            '["old_address", "new_address"]',
            '["old_address", "contact"]',
            "addresses: contact is not an Address.",
        ),
        (
            'other_addresses = ["placement.address"]',
            "other_addresses = []",
            "placement.address is an Address, so it is either in addresses",
        ),
        (
            'other_addresses = ["placement.address"]',
            'other_addresses = ["placement.address", "new_address"]',
            "new_address is an Address, so it is either in addresses",
        ),
        ('other_addresses = ["placement.address"]', "", "other_addresses is not given."),
        (
            'other_addresses = ["placement.address"]',
            'other_addresses = ["contact"]',
            "other_addresses: contact is not an Address.",
        ),
        ('    "person.born_on",\n', "", "[classes] person.born_on has no class."),
        ('    "person.born_on",\n', '    "person.born_at",\n', "person.born_at is not a leaf"),
        ('    "person.born_on",\n', '    "person",\n', "person is not a leaf"),
        ("commercial = []", 'commercial = ["status"]', "[classes] status is named twice."),
        ("commercial = []", "secret = []", "[classes] secret is none of none, commercial, personal"),
        ("commercial = []", "commercial = 1", "[classes] commercial is not a list of paths."),
        ("within_days = 14", "within_days = 0", "within_days is a number of days from 1."),
        ("within_days = 14", "", "[duty] within_days is not given."),
        ('counts_from = "placement.made_available_on"', 'counts_from = "reason"', "reason is not a date"),
        ('equals = "PLACEMENT"', 'equals = "HOLIDAY"', "reason never equals HOLIDAY."),
        ("[duty]", "[duties]", "duties is not a key of this file."),
        ("[duty]", "[duty", "is not TOML"),
    ],
)
def test_what_an_event_asks_and_how_delicate_it_is_must_fit_its_schema(
    directory: Path, old: str, new: str, sentence: str
) -> None:
    edit(directory / "events/resident-moved/event.toml", old, new)
    problems = lint(directory)
    assert {problem.file for problem in problems} == {"events/resident-moved/event.toml"}
    assert any(sentence in problem.message for problem in problems)


def test_an_event_without_its_toml_is_a_problem(directory: Path) -> None:
    (directory / "events/resident-moved/event.toml").unlink()
    assert only(directory)[0] == "events/resident-moved/event.toml"


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        ("examples/ordinary-move.json", '"moved_on"', '"move_on"', "move_on: is not a field"),
        (
            "examples/ordinary-move.json",
            '"moved_on": "2026-04-11",',
            "",
            "but intake would refuse it: missing-field of moved_on.",
        ),
        (
            "examples/ordinary-move.json",
            '"residence": "MAIN",',
            '"residence": null,',
            "not in its plainest form",
        ),
        ("examples/ordinary-move.json", '"synthetic": false', '"synthetic": false,', "is not JSON."),
        ("rejected/bad-date-born.json", '"bad-date"', '"too-old"', "is neither {reason, fields, event}"),
        ("rejected/bad-date-born.json", '"1066-10-14"', '"14/10/1066"', "an example fits its schema"),
        ("rejected/bad-date-born.json", '"fields": [', '"campos": [', "is neither {reason, fields, event}"),
        ("rejected/trailing-bytes.json", '"hex": "', '"hex": "zz', "not hexadecimal"),
        (
            "rejected/bad-date-born.json",
            '"1066-10-14"',
            '"1966-10-14"',
            "is to be refused for bad-date, but intake would accept it.",
        ),
        (
            "rejected/bad-date-born.json",
            '"bad-date"',
            '"bad-identifier"',
            "is to be refused for bad-identifier, but intake would say bad-date of person.born_on.",
        ),
        (
            "rejected/trailing-bytes.json",
            '"trailing-bytes"',
            '"undecodable"',
            "is to be refused for undecodable, but intake would say trailing-bytes.",
        ),
        (
            "rejected/trailing-bytes.json",
            '"trailing-bytes"',
            '"bad-date"',
            "is neither {reason, fields, event}",
        ),
    ],
)
def test_an_example_that_does_not_show_what_it_says_is_a_problem(
    directory: Path, file: str, old: str, new: str, sentence: str
) -> None:
    edit(directory / "events/resident-moved" / file, old, new)
    assert only(directory)[0] == f"events/resident-moved/{file}"
    assert sentence in only(directory)[1]


def test_an_event_is_shown_by_at_least_three_examples(directory: Path) -> None:
    for file in (directory / "events/business-registered/examples").glob("c*.json"):
        file.unlink()
    assert only(directory) == ("events/business-registered/examples", "holds fewer than 3 examples.")


def test_an_empty_or_missing_directory_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    assert "holds no schema" in only(tmp_path)[1]
    assert "holds no schema" in only(tmp_path / "nowhere")[1]


@given(st.dictionaries(st.sampled_from([*event_types._SHAPE, "duty", "other"]), JSON))
def test_whatever_an_event_toml_says_is_judged_without_an_exception(document: dict[str, Any]) -> None:
    assert list(event_types.problems(document, CATALOGUE.events["resident-moved"].latest.fields))
