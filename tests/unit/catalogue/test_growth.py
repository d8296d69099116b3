"""A newer version takes nothing back: our rules refuse changes that Avro's own checker passes, and say why."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from instep.catalogue.compatibility import COMPARISONS, avro_problems, reading_problems
from instep.catalogue.files import default_directory
from instep.catalogue.growth import growth_problems
from instep.catalogue.lint import lint

SCHEMAS = default_directory()
MOVED = Path("events/resident-moved")
OLD: dict[str, Any] = json.loads((SCHEMAS / MOVED / "1.0.0.avsc").read_text(encoding="utf-8"))

Change = Callable[[dict[str, Any]], object]


def at(record: dict[str, Any], path: str) -> dict[str, Any]:
    """The field at a path."""
    name, _, rest = path.partition(".")
    field: dict[str, Any] = next(field for field in record["fields"] if field["name"] == name)
    return at(inner(field), rest) if rest else field


def inner(field: dict[str, Any]) -> dict[str, Any]:
    """The record or enum of a field."""
    avro = field["type"][1] if isinstance(field["type"], list) else field["type"]
    named: dict[str, Any] = avro.get("items", avro)
    return named


def changed(change: Change) -> dict[str, Any]:
    newer = copy.deepcopy(OLD)
    change(newer)
    return newer


def without(path: str) -> Change:
    def change(record: dict[str, Any]) -> None:
        parent, _, name = path.rpartition(".")
        fields = (inner(at(record, parent)) if parent else record)["fields"]
        fields.remove(next(field for field in fields if field["name"] == name))

    return change


def put(path: str, **keys: Any) -> Change:
    return lambda record: at(record, path).update(keys)


def enum(path: str, **keys: Any) -> Change:
    return lambda record: inner(at(record, path)).update(keys)


def swapped(record: dict[str, Any]) -> None:
    fields = record["fields"]
    fields[-1], fields[-2] = fields[-2], fields[-1]


def inserted(record: dict[str, Any]) -> None:
    record["fields"].insert(
        2, {"name": "note", "type": ["null", "string"], "doc": "A note.", "default": None}
    )


NEW_FIELD = {"name": "storey", "type": ["null", "string"], "doc": "Which storey.", "default": None}

PASSED_BY_AVRO = [
    pytest.param(
        without("moved_on"), "moved_on has been removed", "could not tell that from withheld", id="removed"
    ),
    pytest.param(
        without("contact"), "contact has been removed", "from withheld", id="removed with all it holds"
    ),
    pytest.param(
        without("new_address"),
        "new_address has been removed",
        "from withheld",
        id="removed where a type was used",
    ),
    pytest.param(
        without("person.born_on"),
        "person.born_on has been removed",
        "from withheld",
        id="removed within a record",
    ),
    pytest.param(
        put("moved_on", name="arrived_on"),
        "moved_on has been removed, or renamed arrived_on",
        "from withheld",
        id="renamed",
    ),
    pytest.param(
        swapped, "contact has been moved from place 10 to 11", "take one field for another", id="reordered"
    ),
    pytest.param(
        inserted,
        "old_address has been moved from place 3 to 4",
        "fields are only added, at the end",
        id="inserted",
    ),
    pytest.param(
        put("group_ref", type=["null", "bytes"]),
        "group_ref is of another type: it was string and is bytes",
        "the same bytes would mean another thing",
        id="retyped",
    ),
    pytest.param(
        put("moved_on", type=["null", "int"]),
        "moved_on is of another type: it was date (int) and is int",
        "the same bytes would mean another thing",
        id="logical type taken off",
    ),
    pytest.param(
        put("placement.others_number", type=["null", {"type": "int", "logicalType": "date"}]),
        "placement.others_number is of another type: it was int and is date (int)",
        "the same bytes would mean another thing",
        id="logical type put on",
    ),
    pytest.param(
        enum("reason", symbols=["UNKNOWN", "MOVE", "RENUMBERED", "BOUNDARY_CHANGE"]),
        "reason: the symbol PLACEMENT has been removed",
        "read as saying nothing",
        id="symbol removed",
    ),
    pytest.param(
        enum("status", symbols=["UNKNOWN", "TOLD", "CONFIRMED"]),
        "status: the symbol NOTIFIED has been removed, or renamed TOLD",
        "read as saying nothing",
        id="symbol renamed",
    ),
    pytest.param(
        enum("status", symbols=["UNKNOWN", "CONFIRMED", "NOTIFIED"]),
        "status: the symbol NOTIFIED has been moved from place 2 to 3",
        "one would be taken for another",
        id="symbol reordered",
    ),
    pytest.param(
        enum("status", symbols=["UNKNOWN", "DOUBTED", "NOTIFIED", "CONFIRMED"]),
        "status: the symbol NOTIFIED has been moved",
        "symbols are only added, at the end",
        id="symbol inserted",
    ),
    pytest.param(
        enum("status", default="CONFIRMED"),
        "status: the default of MoveStatus is no longer UNKNOWN",
        "a symbol that a reader does not know",
        id="symbols' default changed",
    ),
    pytest.param(
        put("header.source_system", default="unnamed"),
        "header.source_system has another default",
        "take the same silence for two things",
        id="default changed",
    ),
    pytest.param(
        put("header.handling", default="ORDINARY"),
        "header.handling has another default",
        "take the same silence for two things",
        id="default permits",
    ),
]


@pytest.mark.parametrize(("change", "rule", "why"), PASSED_BY_AVRO)
def test_what_avros_checker_passes_ours_refuses_with_its_rule_and_its_reason(
    change: Change, rule: str, why: str
) -> None:
    newer = changed(change)
    assert list(avro_problems(OLD, newer)) == []
    (sentence,) = growth_problems(OLD, newer)
    assert rule in sentence
    assert why in sentence


def test_fields_and_symbols_may_be_added_at_the_end() -> None:
    newer = changed(lambda record: record["fields"].append(NEW_FIELD))
    for path in ("person", "person.local_references", "old_address", "placement", "contact"):
        inner(at(newer, path))["fields"].append(NEW_FIELD)
    inner(at(newer, "reason"))["symbols"].append("CLEARANCE")
    for comparison in (growth_problems, avro_problems, reading_problems):
        assert list(comparison(OLD, newer)) == []


def test_a_type_may_be_defined_at_an_earlier_field_that_is_new() -> None:
    """A new field within Person of a type that old_address defined: the definition moves, the fields do not."""
    newer = copy.deepcopy(OLD)
    address = inner(at(newer, "old_address"))
    birthplace = {"name": "born_at", "type": ["null", address], "doc": "Where.", "default": None}
    inner(at(newer, "person"))["fields"].append(birthplace)
    at(newer, "old_address")["type"] = ["null", "Address"]
    for comparison in (growth_problems, avro_problems, reading_problems):
        assert list(comparison(OLD, newer)) == []


def test_a_type_that_is_named_with_its_namespace_is_the_same_type() -> None:
    assert list(growth_problems(OLD, changed(put("new_address", type=["null", "uk.instep.Address"])))) == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (put("placement.others_number", type=["null", "long"]), "it was int and is long"),
        (
            put("moved_on", type={"type": "int", "logicalType": "date"}, default=0),
            "it was date (int) or null and is date (int)",
        ),
        (enum("contact", name="Reach"), "contact: the type Contact has been renamed Reach"),
        (put("status", type=["null", "string"]), "it was MoveStatus and is string"),
    ],
)
def test_all_three_comparisons_refuse_what_no_reader_can_read(change: Change, rule: str) -> None:
    newer = changed(change)
    assert rule in "\n".join(growth_problems(OLD, newer))
    assert "By Avro's own rules" in "\n".join(avro_problems(OLD, newer))
    assert "Tried with real bytes" in "\n".join(reading_problems(OLD, newer))


# ------------------------------------------------------------------------------------------------------ real bytes


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (without("moved_on"), "the older one wrote: moved_on is lost."),
        (without("person.born_on"), "the older one wrote: person.born_on is lost."),
        (put("moved_on", name="arrived_on"), "what this one writes: moved_on is missing."),
        (put("group_ref", type=["null", "bytes"]), "group_ref is read as something else."),
        (
            enum("status", symbols=["UNKNOWN", "CONFIRMED"]),
            "the older one wrote: status is read as something else.",
        ),
        (
            lambda record: record["fields"].append(
                {**NEW_FIELD, "type": "string", "default": "ground floor"}
            ),
            "the older one wrote: storey says what nobody has published.",
        ),
    ],
)
def test_reading_with_the_other_version_finds_what_avros_checker_passes(
    change: Change, sentence: str
) -> None:
    newer = changed(change)
    assert list(avro_problems(OLD, newer)) == []
    assert sentence in "\n".join(reading_problems(OLD, newer))


def test_a_symbol_that_an_older_reader_does_not_know_may_become_unknown_and_nothing_else() -> None:
    newer = changed(lambda record: inner(at(record, "reason"))["symbols"].append("CLEARANCE"))
    assert list(reading_problems(OLD, newer)) == []
    spoilt = copy.deepcopy(OLD)
    inner(at(spoilt, "reason"))["default"] = "MOVE"
    assert "reason is read as something else" in "\n".join(reading_problems(spoilt, newer))


# --------------------------------------------------------------------------------------------------- the directory


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SCHEMAS, tmp_path / "schemas"))


def write(directory: Path, path: str, definition: dict[str, Any]) -> None:
    (directory / path).write_text(json.dumps(definition), encoding="utf-8")


def only_problem(directory: Path) -> str:
    """The only problem that the lint lists."""
    (problem,) = lint(directory, accept_new=True)
    return str(problem)


@pytest.mark.parametrize(
    ("change", "rule", "why"),
    # The header, bytes and closed defaults have rules of their own, for every version alone.
    [case for case in PASSED_BY_AVRO if not str(case.id).startswith(("default", "retyped", "symbols'"))],
)
def test_the_check_of_the_catalogue_says_each_in_one_sentence(
    directory: Path, change: Change, rule: str, why: str
) -> None:
    write(directory, f"{MOVED}/1.1.0.avsc", changed(change))
    sentence = only_problem(directory)
    assert sentence.startswith(f"{MOVED}/1.1.0.avsc: breaks readers of 1.0.0: {rule}")
    assert why in sentence


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (put("header.handling", default="ORDINARY"), "Its first field is not `header`"),
        (put("group_ref", type=["null", "bytes"]), "group_ref: bytes is not a type that Instep uses."),
        (enum("status", default="CONFIRMED"), "so that the unknown permits nothing."),
        (
            lambda record: record["fields"].append(
                {
                    "name": "consent",
                    "type": [
                        "null",
                        {"type": "enum", "name": "Consent", "symbols": ["YES", "NO"], "default": "YES"},
                    ],
                    "doc": "Whether all may know.",
                    "default": None,
                }
            ),
            "consent: Consent begins with UNKNOWN and has it as its default, so that the unknown permits nothing.",
        ),
    ],
)
def test_a_default_that_permits_and_an_unsafe_type_are_refused_in_any_version(
    directory: Path, change: Change, sentence: str
) -> None:
    newer = changed(change)
    assert list(avro_problems(OLD, newer)) == []
    write(directory, f"{MOVED}/1.1.0.avsc", newer)
    assert sentence in only_problem(directory)


def test_a_header_whose_default_permits_is_refused(directory: Path) -> None:
    header = copy.deepcopy(OLD["fields"][0]["type"]) | {"namespace": "uk.instep"}
    at(header, "handling")["default"] = "ORDINARY"
    assert list(avro_problems(OLD["fields"][0]["type"], header)) == []
    write(directory, "header/1.1.0.avsc", header)
    assert "handling: the default is PROTECTED, which permits nothing." in only_problem(directory)


def test_a_version_is_held_against_all_older_ones_of_its_major(directory: Path) -> None:
    write(directory, f"{MOVED}/1.1.0.avsc", changed(lambda record: record["fields"].append(NEW_FIELD)))
    write(directory, f"{MOVED}/1.2.0.avsc", OLD)
    assert only_problem(directory).startswith(
        f"{MOVED}/1.2.0.avsc: breaks readers of 1.1.0: storey has been removed"
    )
    write(directory, f"{MOVED}/1.10.0.avsc", changed(without("placement")))
    sentences = [str(problem) for problem in lint(directory, accept_new=True)]
    assert [sentence.split("; ")[0] for sentence in sentences] == [
        f"{MOVED}/1.2.0.avsc: breaks readers of 1.1.0: storey has been removed",
        f"{MOVED}/1.10.0.avsc: breaks readers of 1.2.0: placement has been removed",
    ]


@pytest.mark.parametrize("loud", ["growth_problems", "avro_problems", "reading_problems"])
def test_each_of_the_three_comparisons_is_heard(
    directory: Path, loud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No change passes our rules and fails the other two, so each is made to speak here."""
    comparisons = tuple(
        comparison if comparison.__name__ != loud else lambda old, new: iter(["no."])
        for comparison in COMPARISONS
    )
    monkeypatch.setattr("instep.catalogue.compatibility.COMPARISONS", comparisons)
    write(directory, f"{MOVED}/1.1.0.avsc", changed(lambda record: record["fields"].append(NEW_FIELD)))
    sentences = [str(problem) for problem in lint(directory, accept_new=True)]
    assert f"{MOVED}/1.1.0.avsc: breaks readers of 1.0.0: no." in sentences


def test_a_new_field_without_a_class_is_refused(directory: Path) -> None:
    write(directory, f"{MOVED}/1.1.0.avsc", changed(lambda record: record["fields"].append(NEW_FIELD)))
    assert only_problem(directory) == f"{MOVED}/event.toml: [classes] storey has no class."


def test_nothing_new_may_be_required_of_those_who_publish_an_older_version(directory: Path) -> None:
    write(directory, f"{MOVED}/1.1.0.avsc", changed(lambda record: record["fields"].append(NEW_FIELD)))
    file = directory / MOVED / "event.toml"
    text = file.read_text(encoding="utf-8").replace('"moved_on"]', '"moved_on", "storey"]')
    file.write_text(text.replace("commercial = []", 'commercial = ["storey"]'), encoding="utf-8")
    assert "required: storey is not in 1.0.0, whose publishers would all be refused." in only_problem(
        directory
    )
