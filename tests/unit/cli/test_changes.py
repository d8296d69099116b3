"""The commands that change records by hand ask for what they need, and print what they did."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from instep.cli import build
from instep.cli.by_hand import Order, _explained, parsed_changes, show_results
from instep.cli.output import OutputForm
from instep.client.decisions import EventOutcome, RecipientDecision
from instep.client.filing import LineResult
from instep.client.following import EventAnswer
from instep.errors import ConfigurationError
from tests.unit.client.test_missing import of


def order(output: OutputForm) -> Order:
    return Order(authority="leeds", reason="entered twice", wait=False, output=output, state_directory=Path())


ROW = {"subject_ref": "00ff", "outcome": "published", "replaces": "a", "event_id": "b"}


@pytest.mark.parametrize("command", [["annul", "--reference", "CT-1"], ["correct", "README.md"]])
def test_a_change_by_hand_needs_an_authority_and_a_reason(command: list[str]) -> None:
    result = CliRunner().invoke(build(), command)
    assert result.exit_code == 2
    assert "--authority" in result.output
    assert "--reason" in CliRunner().invoke(build(), [*command, "-a", "leeds"]).output


def test_new_cells_are_read_by_column() -> None:
    assert parsed_changes(["new_postcode=LS1 1UR", "new_address_line_1=1 = 2"]) == {
        "new_postcode": "LS1 1UR",
        "new_address_line_1": "1 = 2",
    }


@pytest.mark.parametrize("change", ["new_postcode", "postcode=LS1 1UR", "reference=CT-2", "recorded_at=now"])
def test_what_is_no_change_of_a_column_is_refused_with_the_columns(change: str) -> None:
    with pytest.raises(ConfigurationError, match="--set"):
        parsed_changes([change])


def test_the_result_is_a_sentence_for_people_and_an_object_for_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_results([ROW], order(OutputForm.TABLE), {})
    assert "sent (00ff)." in capsys.readouterr().out
    show_results([ROW], order(OutputForm.JSON), {})
    assert json.loads(capsys.readouterr().out) == ROW


def test_a_refused_row_says_where_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    refused = {
        "line": 2,
        "outcome": "refused",
        "subject_ref": "",
        "column": "move_date",
        "meaning": "not a day of the calendar",
    }
    show_results([refused], order(OutputForm.TABLE), {})
    assert "line 2: refused. move_date: not a day of the calendar" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [
        ["--confirm-missing", "3"],
        ["--missing", "list", "--confirm-missing", "3"],
        ["--missing", "everything"],
    ],
)
def test_a_number_of_missing_records_goes_with_annulling_alone(options: list[str]) -> None:
    command = ["publish", "README.md", "--authority", "leeds", *options]
    assert CliRunner().invoke(build(), command).exit_code == 2


def test_a_household_is_released_by_one_name() -> None:
    command = ["publisher", "release", "-a", "leeds", "--reason", "mistake"]
    both = CliRunner().invoke(build(), [*command, "--household", "HH-1", "--reference", "CT-1"])
    assert both.exit_code == 2
    assert CliRunner().invoke(build(), command).exit_code == 2


def test_missing_records_are_counted_for_people_and_listed_for_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from instep.cli.missing import show_missing

    show_missing(of(2, 40), OutputForm.TABLE)
    shown = capsys.readouterr()
    assert "2 of 40 published records of this export are missing" in shown.err
    assert "monday.csv" in shown.out
    show_missing(of(2, 40), OutputForm.JSON)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [next(iter(line)) for line in lines] == ["missing", "missing", "missing_summary"]
    assert lines[-1]["missing_summary"] == {"missing": 2, "known": 40, "unread": 0, "suspicious": False}


def test_an_annulment_names_those_who_were_told_to_undo_it(capsys: pytest.CaptureFixture[str]) -> None:
    undoing = RecipientDecision(
        authority="leeds", purpose="council-tax", result="WITHDRAWN", reason="ANNULLED"
    )
    decided = EventOutcome(
        at="2026-11-28T15:00:00Z",
        ending="DECIDED",
        delivered=0,
        withheld=0,
        withdrawn=1,
        decisions=(undoing,),
    )
    answer = EventAnswer(line=0, event_id="b", subject_ref="00ff", outcome="accepted", decided=decided)
    row = ROW | _explained(LineResult(line=0, outcome="published", event_id="b"), {"b": answer})
    show_results([row], order(OutputForm.TABLE), {"b": answer})
    assert "withdrawn from leeds (council-tax): ANNULLED" in " ".join(capsys.readouterr().out.split())
    show_results([row], order(OutputForm.JSON), {"b": answer})
    shown = json.loads(capsys.readouterr().out)
    assert (shown["withdrawn"], shown["delivered"], len(shown["decisions"])) == (1, 0, 1)
    assert "what became of it" not in shown


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--reference", "CT-1"],
        ["--set", "new_postcode=LS1 1UR"],
        ["--reference", "CT-1", "--set", "new_postcode=LS1 1UR", "--format", "csv"],
        ["README.md", "--reference", "CT-1", "--dry-run"],
        ["README.md", "--reference", "CT-1", "--system", "own"],
    ],
)
def test_a_correction_without_a_file_needs_a_reference_and_a_change(options: list[str]) -> None:
    command = ["correct", "-a", "leeds", "--reason", "typing error", *options]
    assert CliRunner().invoke(build(), command).exit_code == 2
