"""The report of `instep publish` names lines, and nothing in it drives a terminal."""

import json
from pathlib import Path

import pytest

from instep.adapters import Note
from instep.cli.output import OutputForm, show, show_lines
from instep.cli.publish_report import RunResult, print_summary
from instep.client.decisions import EventOutcome, RecipientDecision
from instep.client.filing import LineResult
from instep.client.following import EventAnswer

FILE = Path("moves.csv")
NOTED = LineResult(line=7, outcome="published", notes=(Note(column="new_uprn", reason="uprn-damaged"),))


def results(*lines: LineResult) -> RunResult:
    run = RunResult()
    for line in lines:
        run.tally.count(line)
        run.keep(line)
    return run


def test_each_note_is_printed_with_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(FILE, OutputForm.TABLE, results(NOTED), waited=False)
    printed = capsys.readouterr().out
    assert "new_uprn: the UPRN's digits are gone; left out, and the postcode decides (line 7)" in printed


def test_the_summary_for_programs_has_each_note_with_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(FILE, OutputForm.JSON, results(NOTED), waited=False)
    (note,) = json.loads(capsys.readouterr().out)["summary"]["notes"]
    assert (note["column"], note["note"], note["count"], note["lines"]) == (
        "new_uprn",
        "uprn-damaged",
        1,
        [7],
    )


@pytest.mark.parametrize("outcome", ["same-address", "not-moved", "duplicate", "superseded"])
def test_a_line_that_is_not_sent_is_listed(outcome: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(FILE, OutputForm.TABLE, results(LineResult(line=41, outcome=outcome)), waited=False)
    printed = capsys.readouterr().out
    assert "Not sent:" in printed
    assert "41" in printed.partition("Not sent:")[2]


def test_a_registration_is_named_where_its_line_does_not_tell(capsys: pytest.CaptureFixture[str]) -> None:
    refused = LineResult(
        line=1, outcome="refused", column="fsa_rn", reason="wrong-type", entry="registration 3"
    )
    print_summary(FILE, OutputForm.TABLE, results(refused), waited=False)
    assert "registration 3" in capsys.readouterr().out


def accepted(line: int, *decisions: RecipientDecision) -> EventAnswer:
    decided = EventOutcome(
        at="2026-11-23T08:00:00Z",
        ending="DECIDED",
        delivered=sum(decision.result == "DELIVERED" for decision in decisions),
        withheld=sum(decision.result == "WITHHELD" for decision in decisions),
        withdrawn=sum(decision.result == "WITHDRAWN" for decision in decisions),
        decisions=decisions,
    )
    return EventAnswer(
        line=line,
        event_id=f"e-{line}",
        subject_ref=f"s-{line}",
        outcome="accepted",
        delivered=decided.delivered,
        withheld=decided.withheld,
        decided=decided,
    )


def test_each_accepted_line_names_its_reference_its_recipients_and_the_reasons(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = results(NOTED)
    run.published = [NOTED]
    run.answers = [
        accepted(
            7,
            RecipientDecision(authority="leeds", purpose="council-tax", result="DELIVERED"),
            RecipientDecision(
                authority="york", purpose="council-tax", result="WITHHELD", reason="not-approved"
            ),
            RecipientDecision(authority="hull", purpose="roll", result="WITHDRAWN", reason="ANNULLED"),
        )
    ]
    print_summary(FILE, OutputForm.TABLE, run, waited=True)
    printed = capsys.readouterr().out
    assert "Accepted 1: delivered 1 times, withheld 1 times, withdrawn 1 times." in printed
    for words in (
        "s-7",
        "sent to leeds (council-tax)",
        "withheld from york (council-tax): not-approved",
        "withdrawn from hull (roll): ANNULLED",
    ):
        assert words in printed


def test_an_annulment_that_took_an_event_back_is_not_said_to_have_been_sent_to_nobody(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = results(NOTED)
    run.published = [NOTED]
    run.answers = [
        accepted(
            7, RecipientDecision(authority="hull", purpose="roll", result="WITHDRAWN", reason="ANNULLED")
        )
    ]
    print_summary(FILE, OutputForm.TABLE, run, waited=True)
    printed = capsys.readouterr().out
    assert "withdrawn 1 times" in printed
    assert "nobody" not in printed


@pytest.mark.parametrize("mark", ["\x1b[31m", "\x9b31m", "\u202e", "\x00", "\x7f", "\r"])
def test_another_councils_control_characters_are_shown_as_escapes(
    mark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"name": f"Toll{mark}iver", "names": [f"Toll{mark}iver"]}]
    show(OutputForm.TABLE, ("name", "names"), rows)
    show_lines(rows)
    printed = capsys.readouterr().out
    assert mark[0] not in printed
    assert f"\\u{ord(mark[0]):04x}" in printed or mark == "\r"
    assert json.loads(printed.splitlines()[-1]) == rows[0]


def test_a_first_publication_names_the_place_of_its_memory_to_people_and_to_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = results(NOTED)
    print_summary(FILE, OutputForm.TABLE, run, waited=False)
    assert "first" not in capsys.readouterr().out
    run.first_home = Path("data", "publishers", "sample", "C1", "leeds")
    print_summary(FILE, OutputForm.TABLE, run, waited=False)
    printed = capsys.readouterr().out
    assert f"The first file published from here. Its memory and secret are in {run.first_home}" in printed
    assert "instep publisher export" in printed
    print_summary(FILE, OutputForm.JSON, run, waited=False)
    assert json.loads(capsys.readouterr().out)["summary"]["first"] == {"memory": str(run.first_home)}
