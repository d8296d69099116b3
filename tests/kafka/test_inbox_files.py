"""An inbox leaves Kafka as files, and its work list comes back: on the sample network, with the installed command."""

import csv
import io
import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from instep.client.kept_outcomes import opened as opened_answers
from instep.client.worklist import SHEET
from instep.workbooks.csv_file import read_csv
from tests.kafka.stage import Stage, opened, sample
from tests.kafka.test_publish import (
    INSTEP,
    assert_refused_in_one_sentence,
    environ,
    instep,
    objects,
    row,
    write,
)

HOSTILE = ("=HYPERLINK(0)", "+1", "-2", "@x", "<r>", "_x000D_", "O'Brien", "Łukasz", "'=x")
"""Family names that a council's own system might hold."""
EVENTS = 120


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The sample network, where Lambeth has published moves from Camden, the first of them with hostile names."""
    home = tmp_path_factory.mktemp("inbox-files")
    with opened(home, sample(home), "intake", "router") as opened_stage:
        rows = [row(number, family_name=name) for number, name in enumerate(HOSTILE)]
        rows += [row(number) for number in range(len(HOSTILE), EVENTS)]
        file = write(home / "moves.csv", rows)
        done = instep(opened_stage.connection, home, "publish", file, "-a", "lambeth", "--wait", "-o", "json")
        assert objects(done)[-1]["summary"]["accepted"] == EVENTS, done.stderr
        yield opened_stage


def inbox(stage: Stage, home: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    done = instep(stage.connection, home, "inbox", "camden", "council-tax", *options)
    assert done.returncode == 0, done.stderr
    return done


def delivered(stage: Stage, home: Path) -> list[dict[str, Any]]:
    return objects(inbox(stage, home, "--from-beginning", "-o", "json"))


def test_json_lines_are_the_records_exactly(stage: Stage, tmp_path: Path) -> None:
    inbox(stage, tmp_path, "--to", tmp_path / "in.jsonl")
    lines = (tmp_path / "in.jsonl").read_text(encoding="utf-8").splitlines()
    records = delivered(stage, tmp_path)
    assert [json.loads(line) for line in lines] == records
    assert len(records) == EVENTS
    assert {record["content"]["person"]["family_name"] for record in records} >= set(HOSTILE)
    assert inbox(stage, tmp_path, "--format", "jsonl").stdout.splitlines() == lines


def test_csv_has_the_same_values_to_a_file_and_to_stdout_and_none_that_a_spreadsheet_computes(
    stage: Stage, tmp_path: Path
) -> None:
    done = inbox(stage, tmp_path, "--format", "csv", "--to", tmp_path / "in.csv")
    assert "120 records are in" in done.stderr
    content = (tmp_path / "in.csv").read_bytes()
    piped = subprocess.run(
        [INSTEP, "inbox", "camden", "council-tax", "--format", "csv"],
        env=environ(stage.connection, tmp_path) | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert piped.stdout == content
    assert content.startswith(b"\xef\xbb\xbf")
    for cells in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
    rows = list(read_csv(tmp_path / "in.csv"))
    records = delivered(stage, tmp_path)
    assert [line["person.family_name"] for line in rows] == [
        record["content"]["person"]["family_name"] for record in records
    ]
    assert [line["event"] for line in rows] == [record["headers"]["ce_id"] for record in records]
    assert {line["new_address.uprn"] for line in rows} == {"999300000191"}
    shared = records[0]["headers"]["ce_instepfields"].split(",")
    between = list(rows[0])[list(rows[0]).index("withdrawn") + 1 : list(rows[0]).index("reference")]
    assert all(any(f"{name}.".startswith(f"{path}.") for path in shared) for name in between)


def test_days_bound_the_records_and_an_empty_result_says_so(stage: Stage, tmp_path: Path) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    whole = inbox(stage, tmp_path, "--since", yesterday, "--until", tomorrow, "-o", "json")
    assert objects(whole) == delivered(stage, tmp_path)
    for options in (("--until", yesterday), ("--since", tomorrow)):
        done = inbox(stage, tmp_path, *options)
        assert (done.stdout, done.stderr.strip()) == ("", "Nothing was received in these days.")
        empty = inbox(stage, tmp_path, *options, "--format", "csv")
        assert len(empty.stdout.splitlines()) == 1
        assert "Nothing was received in these days." in empty.stderr
        listed = inbox(stage, tmp_path, *options, "--work-list", "--to", tmp_path / "none.xlsx")
        assert "Nothing was received in these days." in listed.stderr
    assert not (tmp_path / "none.xlsx").exists()


def test_a_table_of_all_stops_and_counts_the_rest_and_n_counts_rows(stage: Stage, tmp_path: Path) -> None:
    table = inbox(stage, tmp_path, "--from-beginning").stdout
    assert table.splitlines()[-1].strip() == "… and 70 more: --format csv"
    for last in (1, 3, 60):
        assert len(objects(inbox(stage, tmp_path, "-n", str(last), "-o", "json"))) == last
        assert inbox(stage, tmp_path, "-n", str(last)).stdout.count("resident-moved (NEW)") == last
    shown = instep(stage.connection, tmp_path, "outcomes", "lambeth", "-n", "7", "-o", "json")
    assert len(objects(shown)) == 7


def test_a_file_is_not_overwritten(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("somebody's work")
    done = instep(stage.connection, tmp_path, "inbox", "camden", "--to", tmp_path / "in.csv")
    assert_refused_in_one_sentence(done, "in.csv", "there already")
    assert (tmp_path / "in.csv").read_text() == "somebody's work"


@pytest.mark.parametrize(
    "command",
    [
        ["inbox", "camden", "--from-beginning", "-o", "json"],
        ["inbox", "camden", "--format", "csv"],
        ["inbox", "camden", "--format", "jsonl"],
        ["inbox", "camden", "-n", "100"],
    ],
)
def test_a_reader_that_leaves_ends_the_command_quietly(
    stage: Stage, tmp_path: Path, command: list[str]
) -> None:
    reading, writing = os.pipe()
    with (tmp_path / "stderr").open("w+") as errors:
        process = subprocess.Popen(
            [INSTEP, *command], env=environ(stage.connection, tmp_path), stdout=writing, stderr=errors
        )
        os.close(writing)
        os.read(reading, 10)
        os.close(reading)
        assert process.wait(60) in (0, 1)
        errors.seek(0)
        assert errors.read() == ""


def filled(file: Path, outcomes: dict[str, str], **edits: str) -> Path:
    """The list with these outcomes, by event, as an officer saves it; `edits` replace cells of the first of them."""
    book = openpyxl.load_workbook(file)
    sheet = book[SHEET]
    headings = [cell.value for cell in sheet[1]]
    for number in range(2, sheet.max_row + 1):
        event = sheet.cell(number, headings.index("event") + 1).value
        if event in outcomes:
            sheet.cell(number, headings.index("outcome") + 1).value = outcomes[event]
            sheet.cell(number, headings.index("note") + 1).value = "seen"
            if event == next(iter(outcomes)):
                for heading, value in edits.items():
                    sheet.cell(number, headings.index(heading) + 1).value = value
    saved = file.with_name(f"filled-{len(list(file.parent.iterdir()))}.xlsx")
    book.save(saved)
    return saved


def test_a_work_list_is_filled_checked_and_kept(stage: Stage, tmp_path: Path) -> None:
    inbox(stage, tmp_path, "--work-list", "--to", tmp_path / "list.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "list.xlsx")[SHEET]
    assert sheet.max_row == EVENTS + 1
    kinds = {
        cell.data_type for cells in sheet.iter_rows(min_row=2) for cell in cells if cell.value is not None
    }
    assert kinds == {"s", "d"}

    events = [record["headers"]["ce_id"] for record in delivered(stage, tmp_path)]
    outcomes = dict(zip(events[:12], ["APPLIED"] * 9 + ["NOT_MATCHED"] * 2 + ["REFUSED"], strict=True))
    state = tmp_path / "state"
    empty = instep(stage.connection, state, "worklist", "check", tmp_path / "list.xlsx")
    assert (empty.returncode, empty.stdout) == (0, "")
    assert "No row of" in empty.stderr

    wrong = filled(tmp_path / "list.xlsx", outcomes, outcome="Done", handling="PROTECTED")
    done = instep(stage.connection, state, "worklist", "check", wrong)
    assert done.returncode == 1
    assert [line[:7] for line in done.stdout.splitlines()] == ["Row 2: ", "Row 2: "]
    assert not (state / "recipients").exists()

    right = filled(tmp_path / "list.xlsx", outcomes)
    done = instep(stage.connection, state, "worklist", "check", right)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 new" in done.stderr
    assert "108 without an outcome yet" in done.stderr
    with opened_answers(state / "recipients", "camden") as answers:
        kept = {answer.key.event_id: answer for answer in answers}
    assert {event: answer.outcome for event, answer in kept.items()} == outcomes
    assert {(answer.key.source, answer.key.purpose) for answer in kept.values()} == {
        ("lambeth", "council-tax")
    }

    again = instep(stage.connection, state, "worklist", "check", right, "-o", "json")
    assert objects(again) == [
        {
            "kept": {"unchanged": 12},
            "outcomes": {"APPLIED": 9, "NOT_MATCHED": 2, "REFUSED": 1},
            "open": 108,
        }
    ]


def test_a_list_of_another_council_s_inbox_is_refused_row_by_row(stage: Stage, tmp_path: Path) -> None:
    inbox(stage, tmp_path, "--work-list", "--to", tmp_path / "list.xlsx")
    book = openpyxl.load_workbook(tmp_path / "list.xlsx")
    sheet = book[SHEET]
    headings = [cell.value for cell in sheet[1]]
    for number in (2, 3):
        sheet.cell(number, headings.index("outcome") + 1).value = "APPLIED"
        sheet.cell(number, headings.index("event") + 1).value = "0b0e7c6a-5d2e-4c8e-9f36-0d6a3c1f9b52"
    book.save(tmp_path / "list.xlsx")
    done = instep(stage.connection, tmp_path, "worklist", "check", tmp_path / "list.xlsx", "-o", "json")
    assert done.returncode == 1
    assert [fault["row"] for fault in objects(done)] == [2, 3]
    assert all("your inbox holds no such record" in fault["fault"] for fault in objects(done))
