"""Outcomes and refusals as files: a row for each recipient, in words, safe in a spreadsheet."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from typer.testing import CliRunner

from instep import cli
from instep.cli import answer_files
from instep.cli.answer_files import AnswerRequest, Answers, outcome_rows, rejected_rows, write_rows
from instep.cli.output import FileFormat
from instep.client.days import Days
from instep.client.explain import explain
from instep.workbooks.csv_file import read_csv

ENTRY: dict[str, Any] = {
    "kind": "ACCEPTED",
    "event_id": "6513270e-269e-4d37-b2a7-4de452e6b438",
    "subject_ref": "0042",
    "at": "2026-07-01T23:30:00.500Z",
    "ending": "DECIDED",
    "file": "=moves.csv",
    "line": 17,
    "decisions": [
        {"authority": "leeds", "purpose": "council-tax", "result": "DELIVERED", "agreements": ["tax@1"]},
        {"authority": "york", "purpose": "roll", "result": "WITHHELD", "reason": "not-approved"},
    ],
}
ANSWERS = Answers(
    name="Outcomes",
    columns=answer_files.OUTCOMES,
    rows=outcome_rows,
    objects=lambda item: [],
    topic=lambda at: at.outcomes(),
)


def written(to: Path, *objects: Mapping[str, Any]) -> int:
    async def given() -> AsyncIterator[Mapping[str, Any]]:
        for shown in objects:
            yield shown

    request = AnswerRequest(
        authority="leeds", format=FileFormat(to.suffix.removeprefix(".")), to=to, days=Days()
    )
    return asyncio.run(write_rows(request, ANSWERS, given, "leeds"))


def test_each_recipient_is_a_row_with_the_reason_in_words() -> None:
    sent, withheld = outcome_rows(ENTRY)
    assert (sent["recipient"], sent["result"], sent["agreements"]) == ("leeds", "DELIVERED", "tax@1")
    assert (withheld["reason"], withheld["what to do"]) == ("not-approved", explain("not-approved").remedy)
    assert str(sent["at"]) == "2026-07-02 00:30:00.500000", "in London, in summer"


@pytest.mark.parametrize("ending", ["UNKNOWN_AREA", "NOBODY_CONCERNED"])
def test_an_event_that_found_nobody_is_a_row_with_its_remedy(ending: str) -> None:
    (row,) = outcome_rows({"kind": "ACCEPTED", "ending": ending})
    assert (row["result"], row["what to do"]) == (ending, explain(ending).remedy)


def test_an_answer_of_a_recipient_and_an_unreadable_record_are_rows_too() -> None:
    (receipt,) = outcome_rows(
        {"kind": "RECEIPT", "authority": "york", "outcome": "REFUSED", "reason_code": "x"}
    )
    assert (receipt["recipient"], receipt["result"], receipt["reason"]) == ("york", "REFUSED", "x")
    (strange,) = outcome_rows(
        {"problem": "its schema id, 99, is not known here", "at": "2026-07-01T00:00:00Z"}
    )
    assert strange["kind"] == "its schema id, 99, is not known here"


def test_a_refusal_is_a_row() -> None:
    (row,) = rejected_rows(
        {"reason": "bad-date", "fields": ["moved_on", "person.born_on"], "outbox_offset": 3}
    )
    assert (row["reason"], row["fields"], row["place in outbox"]) == (
        "bad-date",
        "moved_on, person.born_on",
        3,
    )


def test_every_column_of_a_row_has_a_heading() -> None:
    outcomes = {column.heading for column in answer_files.OUTCOMES}
    assert all(set(row) <= outcomes for row in outcome_rows(ENTRY))
    assert set(*rejected_rows({})) == {column.heading for column in answer_files.REJECTED}


def test_excel_keeps_references_and_would_be_formulas_as_texts(tmp_path: Path) -> None:
    assert written(tmp_path / "out.xlsx", ENTRY) == 2
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    rows = [
        dict(zip([c.value for c in book.active[1]], row, strict=True)) for row in book.active.iter_rows(2)
    ]
    assert [row["recipient"].value for row in rows] == ["leeds", "york"]
    cells = rows[0]
    assert (cells["reference"].value, cells["reference"].data_type) == ("0042", "s")
    assert (cells["file"].value, cells["file"].data_type) == ("=moves.csv", "s")
    sent_at = next(outcome_rows(ENTRY))["at"]
    assert (cells["line"].value, cells["at"].value) == (17, sent_at)


def test_csv_has_the_same_rows(tmp_path: Path) -> None:
    assert written(tmp_path / "out.csv", ENTRY, {"kind": "ACCEPTED", "ending": "UNKNOWN_AREA"}) == 3
    rows = list(read_csv(tmp_path / "out.csv"))
    assert [row["result"] for row in rows] == ["DELIVERED", "WITHHELD", "UNKNOWN_AREA"]
    assert "'=moves.csv" in (tmp_path / "out.csv").read_text(encoding="utf-8")


def test_json_lines_have_the_objects_whole(tmp_path: Path) -> None:
    assert written(tmp_path / "out.jsonl", ENTRY) == 1
    assert '"decisions"' in (tmp_path / "out.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ("outcomes", "leeds", "--lost", "--follow"),
        ("outcomes", "leeds", "--lost", "--to", "lost.csv"),
        ("outcomes", "leeds", "--to", "out.csv", "--follow"),
        ("rejected", "leeds", "--to", "out.csv", "--last", "3"),
        ("rejected", "leeds", "--follow", "--until", "2026-11-01"),
        ("why", "--authority", "leeds"),
        (
            "why",
            "--authority",
            "leeds",
            "--reference",
            "1",
            "--event",
            "6513270e-269e-4d37-b2a7-4de452e6b438",
        ),
        ("why", "--authority", "leeds", "--line", "3"),
        ("why", "--authority", "leeds", "--file", "moves.csv"),
        ("why", "--authority", "leeds", "--event", "17"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli.build(), arguments)
    assert result.exit_code == 2
    assert "Invalid value" in result.output
