"""`instep publish` prints a line's result under the same names, with the same words, from release to release."""

import json

import pytest

from instep.cli import publish
from instep.cli.output import show_lines
from instep.client.filing import LineResult


def printed(result: LineResult, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    show_lines([publish.result_object(result)])
    line: dict[str, object] = json.loads(capsys.readouterr().out)
    return line


def test_a_reason_of_a_file_is_printed_as_its_code_with_its_meaning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = LineResult(line=3, outcome="refused", column="move_date", reason="impossible-date")
    assert printed(result, capsys) == {
        "line": 3,
        "outcome": "refused",
        "column": "move_date",
        "reason": "impossible-date",
        "meaning": "not a day of the calendar",
    }


def test_a_reason_of_intakes_rules_is_printed_in_their_words(capsys: pytest.CaptureFixture[str]) -> None:
    result = LineResult(
        line=3, outcome="refused", column="moved_on", reason="missing-field", problem="is missing"
    )
    assert printed(result, capsys) == {
        "line": 3,
        "outcome": "refused",
        "column": "moved_on",
        "reason": "is missing",
        "meaning": "is missing",
    }
