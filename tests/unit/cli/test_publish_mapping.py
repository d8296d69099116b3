"""`instep publish` says what it needs before any connection, and proposes a mapping without one."""

import io
import sys
import tomllib
from pathlib import Path

import pytest

from instep.adapters import Note
from instep.adapters.line import ABOUT_FILES
from instep.cli.publish import LOUD, remarking
from instep.client.filing import Tally
from tests.unit.adapters.publishing import csv_of, row
from tests.unit.adapters.sheets import grid, xlsx
from tests.unit.cli.command import exit_code


def test_a_proposed_mapping_is_all_that_stands_on_stdout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(
        csv_of(row()).replace(b"reference,", b"Account No,", 1).replace(b"recorded_at", b"Last Updatd")
    )
    assert exit_code(monkeypatch, "publish", "--suggest-mapping", str(path)) == 0
    out, error = capsys.readouterr()
    assert tomllib.loads(out) == {"columns": {"reference": "Account No"}}
    assert "Decide on recorded_at by hand" in error


def test_a_mapping_is_proposed_for_a_sheet_and_for_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = xlsx(tmp_path / "t.xlsx", {"A": [["x"]], "B": grid(row())})
    assert exit_code(monkeypatch, "publish", "--suggest-mapping", str(path), "--sheet", "B") == 0
    assert tomllib.loads(capsys.readouterr().out) == {"columns": {}}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(csv_of(row()))))
    assert exit_code(monkeypatch, "publish", "--suggest-mapping", "-") == 0
    assert 'headings of "Standard input"' in capsys.readouterr().out


def test_publishing_needs_an_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "publish", str(tmp_path / "t.csv")) == 2
    assert "--authority" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_said_before_any_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "publish", str(tmp_path / "t.xlsx"), "-a", "leeds") == 1
    assert "is not there" in capsys.readouterr().err


def test_what_is_loud_is_said_once_before_anything_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    remark = remarking(tally)
    for line in (7, 8, 9):
        remark(line, Note(column="", reason="hidden-row"))
    remark(1, Note(column="sheet 'Notes'", reason="other-sheet"))
    remark(1, Note(column="Notes", reason="unread-column"))
    assert capsys.readouterr().err.splitlines() == [
        f"Line 7: {ABOUT_FILES['hidden-row']}.",
        f"Line 1: sheet 'Notes': {ABOUT_FILES['other-sheet']}.",
    ]
    assert tally.noted["", "hidden-row"] == [7, 8, 9]
    assert set(LOUD) <= set(ABOUT_FILES)
