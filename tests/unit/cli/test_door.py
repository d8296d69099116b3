"""The command's door: how `instep` speaks, fails and leaves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from instep.cli.output import OutputForm, show
from instep.errors import PlatformError
from tests.unit.cli.command import exit_code

INSTEP = str(Path(sys.executable).with_name("instep"))


def failing_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def status(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("instep.local.platform.Platform.status", status)


def test_an_error_is_one_sentence_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing_with(monkeypatch, PlatformError("The disk is full."))
    assert exit_code(monkeypatch, "status") == 1
    assert capsys.readouterr() == ("", "instep: The disk is full.\n")


def test_a_command_whose_libraries_are_not_installed_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    for name in [name for name in sys.modules if name.startswith("instep.intake")]:
        monkeypatch.delitem(sys.modules, name)
    assert exit_code(monkeypatch, "run", "intake") == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(
        "instep: This command needs prometheus_client, which comes with instep[services]"
    )
    assert printed.out == ""


def test_a_path_that_cannot_be_used_is_named_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".instep").touch()
    for command in ("up", "down", "status"):
        assert exit_code(monkeypatch, command) == 1
        assert str(tmp_path / ".instep") in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["nonsense"], ["status", "--output", "yaml"], ["up", "--port", "0"]])
def test_wrong_usage_is_exit_code_2_and_names_the_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert exit_code(monkeypatch, *arguments) == 2
    assert "--help" in capsys.readouterr().err


def test_ctrl_c_is_exit_code_130_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing_with(monkeypatch, KeyboardInterrupt())
    assert exit_code(monkeypatch, "status") == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
def test_a_reader_that_leaves_early_ends_it_quietly(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [INSTEP, "status"], cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert done.stderr == ""


@pytest.mark.parametrize("command", [["--help"], ["up", "--help"], ["doctor", "--help"]])
def test_help_is_given_for_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert exit_code(monkeypatch, *command) == 0
    assert "Usage: instep" in capsys.readouterr().out


@pytest.mark.slow
def test_starting_the_command_loads_nothing_heavy() -> None:
    heavy = ("faust", "aiokafka", "jgo", "rocksdict", "confluent_kafka", "requests")
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, instep.cli; print([m for m in {heavy} if m in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, object]] = [
        {"authority": "leeds", "fields": ["moved_on"]},
        {"authority": "york", "note": "café"},
    ]
    show(OutputForm.JSON, ("authority",), rows)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == rows


def test_a_table_shows_the_columns_asked_for_and_leaves_markup_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(
        OutputForm.TABLE,
        ("authority", "fields", "absent"),
        [{"authority": "[red]x[/red]", "fields": ["a", "b"]}],
    )
    table = capsys.readouterr().out
    assert "[red]x[/red]" in table
    assert "a, b" in table
    assert "None" not in table
