"""`instep watch` publishes as `instep publish` does, says what became of a file, and makes each day's lists once."""

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from instep.cli import inbox_files, watching
from instep.cli.output import OutputForm
from instep.cli.publish import PublishRequest
from instep.cli.publish_report import RunResult
from instep.cli.watch_lists import WorkLists
from instep.client.days import LONDON
from instep.client.filing import LineResult
from instep.errors import ConfigurationError, FileFormatError, NotConnectedError
from instep.watch.decide import WHY
from instep.watch.folder import Folder
from instep.watch.watcher import FilePublished, Unreadable

BAD = LineResult(line=3, outcome="refused", column="move_date", reason="impossible-date")
CUT = LineResult(line=4, outcome="refused", reason="cut-off")
GOOD = LineResult(line=2, outcome="published")


def request(folder: Path, authority: str = "leeds") -> PublishRequest:
    return PublishRequest(
        file=folder,
        authority=authority,
        format=None,
        mapping=None,
        wait=False,
        on_behalf=False,
        output=OutputForm.TABLE,
        state_directory=folder,
    )


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[LineResult]:
    """What publishing is to find in the next file."""
    coming: list[LineResult] = []

    def publish_into(_: PublishRequest, results: RunResult) -> None:
        for line in coming:
            results.tally.count(line)
            results.keep(line)

    monkeypatch.setattr(watching, "publish_into", publish_into)
    return coming


def test_a_file_without_faults_has_nothing_to_correct(tmp_path: Path, lines: list[LineResult]) -> None:
    lines += [GOOD]
    result = watching.publish(request(tmp_path), tmp_path / "moves.csv")
    assert isinstance(result, FilePublished)
    assert result.corrections is None
    assert result.summary == "1 line: 1 published."
    assert result.report.startswith("moves.csv, published ")


def test_the_report_and_the_reasons_name_each_line_that_is_refused(
    tmp_path: Path, lines: list[LineResult]
) -> None:
    lines += [GOOD, BAD, CUT]
    file = tmp_path / "moves.jsonl"
    file.write_text('{"a": 1}\n{"b": 2}\n{"c": 3}\n{"d"', encoding="utf-8")
    result = watching.publish(request(tmp_path), file)
    assert isinstance(result, FilePublished)
    assert "Line 3: move_date: not a day of the calendar" in result.report
    assert result.corrections is not None
    back = tmp_path / "back"
    back.mkdir()
    result.corrections(back)
    assert (back / "moves.jsonl").read_text(encoding="utf-8") == '{"c": 3}\n'
    carried, _, by_hand = (back / WHY).read_text(encoding="utf-8").partition("Not in this file")
    assert "Line 3: move_date: not a day of the calendar" in carried
    assert "Line 4: the file ends in the middle of this row" in by_hand


def test_a_file_of_another_format_comes_back_whole(tmp_path: Path, lines: list[LineResult]) -> None:
    lines += [BAD]
    file = tmp_path / "registrations.json"
    file.write_text("[]", encoding="utf-8")
    result = watching.publish(request(tmp_path), file)
    assert isinstance(result, FilePublished)
    assert result.corrections is not None
    back = tmp_path / "back"
    back.mkdir()
    result.corrections(back)
    assert {item.name for item in back.iterdir()} == {"registrations.json", WHY}


def test_an_unreadable_file_is_named_as_people_named_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def publish_into(asked: PublishRequest, _: RunResult) -> None:
        raise FileFormatError(f"{asked.file} is empty.")

    monkeypatch.setattr(watching, "publish_into", publish_into)
    result = watching.publish(request(tmp_path), tmp_path / "taken" / "moves.csv")
    assert isinstance(result, Unreadable)
    assert result.summary == "moves.csv is empty."
    assert str(tmp_path) not in result.report


@pytest.fixture
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkLists:
    folder = Folder(tmp_path)
    folder.prepare("leeds")

    def write_inbox(asked: inbox_files.InboxRequest, say: Callable[[str], None]) -> int:
        assert asked.to is not None
        asked.to.write_text(json.dumps([asked.purpose, str(asked.days)]), encoding="utf-8")
        return 3

    monkeypatch.setattr(inbox_files, "write_inbox", write_inbox)
    monkeypatch.setattr(WorkLists, "_purposes", lambda self: ["council-tax", "electoral"])
    return WorkLists(
        folder=folder,
        authority="leeds",
        say=lambda sentence: None,
        today=lambda: datetime(2026, 11, 28, 1, tzinfo=LONDON).date(),
    )


def listed(folder: Path) -> list[str]:
    return sorted(file.name for file in (folder / "inbox").iterdir())


def test_each_day_has_a_list_for_each_purpose_once(lists: WorkLists, tmp_path: Path) -> None:
    lists.make()
    assert listed(tmp_path) == ["council-tax 2026-11-27.xlsx", "electoral 2026-11-27.xlsx"]
    for file in (tmp_path / "inbox").iterdir():
        file.unlink()  # somebody has taken the lists away
    lists.make()
    WorkLists(folder=lists.folder, authority="leeds", say=lists.say, today=lists.today).make()
    assert listed(tmp_path) == []


def test_days_without_a_watcher_have_their_lists_later(lists: WorkLists, tmp_path: Path) -> None:
    lists.folder.note_listed(date(2026, 11, 24))
    lists.make()
    assert listed(tmp_path)[:3] == [f"council-tax 2026-11-{day}.xlsx" for day in (25, 26, 27)]
    assert json.loads((tmp_path / "inbox" / "council-tax 2026-11-26.xlsx").read_text("utf-8")) == [
        "council-tax",
        "from 2026-11-26 to 2026-11-26",
    ]


def test_a_list_of_too_many_records_is_said_and_holds_up_no_other(
    lists: WorkLists, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    lists.say = said.append

    def too_large(asked: inbox_files.InboxRequest, say: Callable[[str], None]) -> int:
        raise ConfigurationError("There are 200,000 records.")

    monkeypatch.setattr(inbox_files, "write_inbox", too_large)
    lists.make()
    assert len(said) == 2
    assert lists.folder.listed_until() == date(2026, 11, 27)


def test_lists_are_made_later_where_the_broker_is_away(
    lists: WorkLists, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(asked: inbox_files.InboxRequest, say: Callable[[str], None]) -> int:
        raise NotConnectedError("The broker is away.")

    with monkeypatch.context() as patched:
        patched.setattr(inbox_files, "write_inbox", away)
        with pytest.raises(NotConnectedError):
            lists.make()
    assert lists.folder.listed_until() is None
    lists.make()
    assert len(listed(tmp_path)) == 2


def test_a_new_list_is_said_and_a_purpose_without_records_is_not(
    lists: WorkLists, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    lists.say = said.append

    def write_inbox(asked: inbox_files.InboxRequest, say: Callable[[str], None]) -> int:
        say("this is for `instep inbox`")
        return 4 if asked.purpose == "electoral" else 0

    monkeypatch.setattr(inbox_files, "write_inbox", write_inbox)
    lists.make()
    assert said == ["A new work list: inbox/electoral 2026-11-27.xlsx, 4 records."]
