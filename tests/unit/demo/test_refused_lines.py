"""The demo prints refused lines in the words of intake's rules, where the rules refused; else with the reason."""

import pytest

from instep.client.filing import LineResult
from instep.demo.journey import Journey
from instep.demo.summary import _about_files
from instep.network.network import Network

FILE = LineResult(line=2, outcome="refused", column="move_date", reason="impossible-date")
RULES = LineResult(line=3, outcome="refused", column="moved_on", reason="missing-field", problem="is missing")


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (FILE, "refused: moves.csv, line 2, move_date: not a day of the calendar"),
        (RULES, "refused: moves.csv, line 2, moved_on: is missing"),
    ],
)
def test_the_summary_gives_the_reason_in_plain_english(result: LineResult, shown: str) -> None:
    journey = Journey(network=Network(name="test", lanes=4, authorities={}, agreements={}))
    journey.faulty.append(("moves.csv, line 2", result))
    assert list(_about_files(journey)) == [shown]


@pytest.mark.parametrize(("result", "reason"), [(FILE, "impossible-date"), (RULES, "is missing")])
def test_a_program_reads_the_reason_as_it_always_has(result: LineResult, reason: str) -> None:
    assert result.printed_reason == reason
