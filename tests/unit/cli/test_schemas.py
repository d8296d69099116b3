"""`instep schemas` lists and shows the catalogue, and fails for an unsound catalogue."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from instep.catalogue.files import default_directory, load_catalogue
from instep.cli import build
from instep.errors import SchemaError
from tests.schemas.evolution import evolved

SCHEMAS = default_directory()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(build(), ["schemas", *arguments])


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SCHEMAS, tmp_path / "schemas"))


def test_list_names_every_schema_and_version() -> None:
    listed = {
        (row["full_name"], row["version"], row["kind"]) for row in lines(run("list", "--output", "json"))
    }
    assert listed == {(s.full_name, s.version, s.kind) for s in load_catalogue(SCHEMAS).schemas}


def test_list_asks_for_ids_only_when_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instep.cli.schemas._ids", lambda: {("uk.instep.ResidentMoved", "1.0.0"): [7, 2]})
    assert all("id" not in row for row in lines(run("list", "--output", "json")))
    with_ids = {
        row["name"]: (row["id"], row["older_ids"]) for row in lines(run("list", "--ids", "--output", "json"))
    }
    assert with_ids["resident-moved"] == (7, [2])
    assert with_ids["header"] == (None, [])


@pytest.mark.parametrize("name", ["resident-moved", "uk.instep.ResidentMoved"])
def test_show_tells_each_field_its_class_and_whether_it_is_required(name: str) -> None:
    fields = {row["field"]: row for row in lines(run("show", name, "--output", "json"))}
    assert fields["person.family_name"]["required"] is True
    assert fields["person.family_name"]["class"] == "personal"
    assert fields["header.event_id"]["required"] is True
    assert fields["header.replaces"]["required"] is False
    assert fields["residence"]["symbols"] == ["UNKNOWN", "MAIN", "SECONDARY", "TEMPORARY"]
    assert all(row["doc"] for row in fields.values())


def test_show_says_the_duty_and_its_law() -> None:
    assert "Housing Act 1996, section 208" in run("show", "resident-moved").stdout


def test_show_raw_is_the_schema_itself() -> None:
    assert json.loads(run("show", "rejection", "--raw").stdout) == json.loads(
        (SCHEMAS / "bus/rejection/1.0.0.avsc").read_text(encoding="utf-8")
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show", "resident-left"], "There is no schema resident-left"),
        (
            ["show", "resident-moved", "--version", "9.9.9"],
            "no version 9.9.9 of resident-moved: there is 1.0.0",
        ),
        (["list", "--directory", "/nowhere"], "/nowhere"),
    ],
)
def test_what_is_not_there_is_one_sentence(arguments: list[str], sentence: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert isinstance(result.exception, SchemaError)
    assert sentence in str(result.exception)


def test_check_passes_on_our_own_catalogue() -> None:
    result = run("check")
    assert result.exit_code == 0
    assert "are sound" in result.stderr


def test_check_fails_and_names_the_file_of_each_problem(directory: Path) -> None:
    (directory / "bus/outcome/notes.txt").write_text("", encoding="utf-8")
    result = run("check", "--directory", str(directory), "--output", "json")
    assert result.exit_code == 1
    assert [json.loads(line)["file"] for line in result.stdout.splitlines()] == ["bus/outcome/notes.txt"]


def test_accept_new_locks_a_new_version_and_no_changed_one(directory: Path) -> None:
    shutil.copy(directory / "bus/rejection/1.0.0.avsc", directory / "bus/rejection/1.1.0.avsc")
    assert run("check", "--directory", str(directory)).exit_code == 1
    assert run("check", "--directory", str(directory), "--accept-new").exit_code == 0
    assert run("check", "--directory", str(directory)).exit_code == 0
    changed = directory / "bus/rejection/1.1.0.avsc"
    changed.write_bytes(changed.read_bytes() + b"\n")
    assert run("check", "--directory", str(directory), "--accept-new").exit_code == 1
    assert run("check", "--directory", str(directory)).exit_code == 1


def test_the_environment_may_say_where_the_schemas_are(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory / "notes.txt").write_text("", encoding="utf-8")
    monkeypatch.setenv("INSTEP_SCHEMAS_DIR", str(directory))
    assert run("check").exit_code == 1


def test_types_shows_the_python_types_or_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "types.py"
    monkeypatch.setattr("instep.cli.schemas.TYPES", file)
    shown = run("types")
    assert "class ResidentMoved(TypedDict):" in shown.stdout
    assert not file.exists()
    assert run("types", "--write").exit_code == 0
    assert file.read_text(encoding="utf-8") == shown.stdout


def test_diff_says_what_a_recipient_would_notice(tmp_path: Path) -> None:
    where = ("--directory", str(evolved(tmp_path)))
    shown = run("diff", "resident-moved@1.0.0", "resident-moved", *where).stdout.splitlines()
    assert shown[0].endswith("reads resident-moved 1.1.0 without a change.")
    assert [line.split(":")[0] for line in shown[1:]] == ["reason", "household_size"]
    rows = lines(run("diff", "resident-moved@1.0.0", "resident-moved@1.1.0", *where, "-o", "json"))
    assert [(row["change"], row["fields"]) for row in rows] == [
        ("symbols", ["reason"]),
        ("new", ["household_size"]),
    ]


def test_diff_takes_files_and_says_what_would_break(tmp_path: Path) -> None:
    newer = evolved(tmp_path) / "events/resident-moved/1.1.0.avsc"
    shown = run("diff", str(newer), "resident-moved@1.0.0").stdout.splitlines()
    assert shown[0] == (
        "A program written for resident-moved 1.1.0 must change before it reads resident-moved 1.0.0."
    )
    assert any(line.startswith("Breaks: household_size has been removed") for line in shown)


def test_diff_of_two_that_are_the_same_says_only_that_all_can_be_read() -> None:
    assert run("diff", "rejection", "rejection").stdout.splitlines() == [
        "A program written for rejection 1.0.0 reads rejection 1.0.0 without a change."
    ]
