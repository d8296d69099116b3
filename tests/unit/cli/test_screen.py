"""What a terminal gets: nothing that moves its cursor, nothing that it cannot show, nothing when its reader has left."""

import io
import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.cli import screen
from instep.cli.output import LARGEST_TABLE, OutputForm, json_line, note, progress, show, stdout
from instep.cli.screen import printable
from tests.unit.workbooks.hostile import HOSTILE, TEXTS

ESCAPES = "\x1b[31m\x9b1m\x07\u202ename\x7f"
PUBLISHING = """
import asyncio, sys
from instep import cli
from instep.cli.output import show_lines

def status(*_, **__):
    async def publish():
        loop = asyncio.get_running_loop()
        for number in range(2000):
            loop.call_soon(lambda number=number: show_lines([{"line": number, "text": "x" * 100}]))
        try:
            await asyncio.sleep(30)
        finally:
            asyncio.create_task(asyncio.sleep(30))  # as aiokafka's producer does when it is cancelled
    asyncio.run(publish())
    return []

import instep.local.platform
instep.local.platform.Platform.status = status
sys.argv = ["instep", "status"]
cli.main()
"""


@given(TEXTS)
def test_a_shown_text_has_no_control_character(text: str) -> None:
    kinds = {unicodedata.category(character) for character in printable(text).replace("\n", "")}
    assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=20))
def test_a_text_without_them_is_shown_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_a_table_a_title_and_a_note_show_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    show(OutputForm.TABLE, ("name", "all"), [{"name": ESCAPES, "all": [ESCAPES]}], title=ESCAPES)
    note(ESCAPES)
    stdout().print(ESCAPES)
    printed = capsys.readouterr()
    assert printed.out.count(r"\x1b[31m\x9b1m\x07\u202ename\x7f") == 4
    assert r"\x1b[31m" in printed.err
    assert not set(printed.out + printed.err) & set(ESCAPES) - set("[31mname")


@given(st.dictionaries(TEXTS, TEXTS, max_size=3))
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_json_is_exact_and_safe_in_any_encoding(encoding: str, row: Mapping[str, Any]) -> None:
    line = json_line(row, encoding)
    assert json.loads(line.encode(encoding)) == row
    assert line.endswith("\n")
    assert line[:-1].isprintable()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("form", list(OutputForm))
def test_no_encoding_of_a_terminal_makes_a_command_fail(
    encoding: str, form: OutputForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding=encoding) for name in ("stdout", "stderr")}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    screen.prepare_streams()
    show(form, ("name",), [{"name": text} for text in ("Zoë", "李", "\U0001f600", *HOSTILE)], at_most=30)
    note("Łódź …")
    screen.complain("Łódź …")
    for stream in streams.values():
        stream.flush()
    shown = streams["stdout"].buffer
    assert isinstance(shown, io.BytesIO)
    text = shown.getvalue().decode(encoding)
    if form is OutputForm.JSON:
        assert [json.loads(line)["name"] for line in text.splitlines()][:2] == ["Zoë", "李"]
    else:
        assert ("李" if encoding == "utf-8" else r"\u674e") in text


@pytest.mark.slow
def test_a_real_command_shows_help_in_ascii(tmp_path: Path) -> None:
    instep = str(Path(sys.executable).with_name("instep"))
    done = subprocess.run(
        [instep, "inbox", "--help"],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Usage: instep inbox" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("taken", [0, 100])
def test_a_reader_that_leaves_ends_results_of_callbacks_quietly_and_at_once(
    taken: int, tmp_path: Path
) -> None:
    """Each callback used to leave a traceback: 19 lines for each event that was on its way; and each task a complaint."""
    reading, writing = os.pipe()
    if not taken:
        os.close(reading)
    with (tmp_path / "stderr").open("w+") as errors:
        command = subprocess.Popen([sys.executable, "-c", PUBLISHING], stdout=writing, stderr=errors)
        os.close(writing)
        if taken:
            os.read(reading, taken)
            os.close(reading)
        assert command.wait(20) == screen.EXIT_FAILED
        errors.seek(0)
        assert errors.read() == ""


@pytest.mark.slow
def test_an_error_for_which_nobody_is_left_is_an_exit_code_alone() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    instep = str(Path(sys.executable).with_name("instep"))
    done = subprocess.run(
        [instep, "worklist", "check", "nowhere.xlsx"], stdout=writing, stderr=writing, timeout=60, check=False
    )
    os.close(writing)
    assert done.returncode == screen.EXIT_FAILED


def rows(count: int) -> list[dict[str, int]]:
    return [{"number": number} for number in range(count)]


def test_a_table_that_is_too_large_stops_and_counts_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    show(OutputForm.TABLE, ("number",), rows(10_000), at_most=50, all_of_them="--format csv")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 52
    assert lines[-2].strip() == "49"
    assert lines[-1] == "… and 9,950 more: --format csv"


@pytest.mark.parametrize("count", [1, LARGEST_TABLE])
def test_a_table_that_is_not_too_large_is_whole(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    show(OutputForm.TABLE, ("number",), rows(count))
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == count + 1
    assert "more" not in printed


def test_json_has_all_rows_of_a_table_that_is_too_large(capsys: pytest.CaptureFixture[str]) -> None:
    show(OutputForm.JSON, ("number",), rows(LARGEST_TABLE + 5))
    assert len(capsys.readouterr().out.splitlines()) == LARGEST_TABLE + 5


def test_an_empty_table_says_so_and_empty_json_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    show(OutputForm.TABLE, ("number",), [], nothing="No agreement has ended.")
    assert capsys.readouterr() == ("", "No agreement has ended.\n")
    show(OutputForm.JSON, ("number",), [])
    assert capsys.readouterr() == ("", "")


def test_progress_comes_in_lines_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("instep.cli.output.time.monotonic", lambda: now)
    with progress("publishing \x1b[2Jmoves.csv", 10_000) as bar:
        assert not bar.visible
        for _ in range(12):
            bar.advance(500)
            now += 1.0
        bar.update(description="waiting", done=9_000)
    assert capsys.readouterr() == (
        "",
        "publishing \\x1b[2Jmoves.csv: 3,000 of 10,000\npublishing \\x1b[2Jmoves.csv: 5,500 of 10,000\n",
    )


def test_what_is_done_quickly_is_not_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("redriving") as bar:
        bar.advance()
    assert capsys.readouterr() == ("", "")
