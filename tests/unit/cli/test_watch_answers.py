"""A filled work list that is put into a watched folder is checked and kept, or handed back with what is wrong."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from instep.cli import watching, worklist
from instep.cli.publish import PublishRequest
from instep.client import kept_outcomes
from instep.client.days import LONDON
from instep.client.reader import Item
from instep.client.worklist import ABOUT, FilledList, RowOutcome, WorkListFault, check, is_work_list, key_of
from instep.errors import NotConnectedError
from instep.watch.decide import STILL, WHY
from instep.watch.folder import Folder
from instep.watch.watcher import FilePublished, Unreadable, Watcher
from tests.unit.adapters.sheets import xlsx
from tests.unit.cli.test_watch import request
from tests.unit.client.inbox import TABLE
from tests.unit.client.test_worklist import Filling, filling, items, saved_as_ods, written

__all__ = ["filling", "items"]  # fixtures


@pytest.fixture
def request_of_york(tmp_path: Path) -> PublishRequest:
    return replace(request(tmp_path, "york"), state_directory=tmp_path / "state")


@pytest.fixture(autouse=True)
def _inbox(items: Sequence[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    """The inbox of York holds the items; nothing is to be published."""
    rows = {key_of(row): row for row in map(TABLE.row, items)}

    def checked(filled: FilledList) -> tuple[list[RowOutcome], list[WorkListFault]]:
        return check(filled.rows, rows, TABLE.headings)

    def publish_into(*_: object) -> None:
        raise AssertionError("a work list is no file to publish")

    monkeypatch.setattr(worklist, "checked", checked)
    monkeypatch.setattr(watching, "publish_into", publish_into)


def kept(request: PublishRequest) -> list[str]:
    assert request.state_directory is not None
    with kept_outcomes.opened(request.state_directory / "recipients", "york") as answers:
        return sorted(answer.outcome for answer in answers)


def saved(filling: Filling) -> Path:
    filling.save()
    return filling.directory / "list.xlsx"


def test_the_outcomes_of_a_filled_list_are_kept_once_with_a_report(
    filling: Filling, request_of_york: PublishRequest
) -> None:
    filling.set(2, outcome="APPLIED")
    filling.set(4, outcome="not matched")
    file = saved(filling)
    for tally in ("2 new", "2 unchanged"):  # as after a kill between the keeping and the report
        result = watching.take_in(request_of_york, file)
        assert isinstance(result, FilePublished)
        assert result.summary == f"2 outcomes kept for york's receipts ({tally}). 2 without an outcome yet."
        assert result.corrections is None
        assert "1  NOT_MATCHED" in result.report
        assert "When more rows have an outcome" in result.report
        assert kept(request_of_york) == ["APPLIED", "NOT_MATCHED"]


def test_a_list_with_a_fault_comes_back_with_a_sentence_for_each_row_and_nothing_is_kept(
    filling: Filling, request_of_york: PublishRequest
) -> None:
    filling.set(2, outcome="APPLIED")
    filling.set(3, outcome="Aplied")
    filling.put(4, "outcome", "APPLIED")
    filling.put(4, "person.family_name", "Somebody")
    result = watching.take_in(request_of_york, saved(filling))
    assert isinstance(result, Unreadable)
    assert result.summary.startswith("2 rows have to be put right, and no outcome was kept. Row 3: ")
    assert "did you mean APPLIED?" in result.report
    assert "Row 4: person.family_name no longer holds what you received" in result.report
    assert "Somebody" not in result.report
    assert kept(request_of_york) == []


def test_a_list_without_an_outcome_comes_back(filling: Filling, request_of_york: PublishRequest) -> None:
    result = watching.take_in(request_of_york, saved(filling))
    assert isinstance(result, Unreadable)
    assert result.summary == "No row has an outcome yet, of 4: choose the outcomes first."


def test_a_list_of_another_council_is_not_kept(filling: Filling, request_of_york: PublishRequest) -> None:
    filling.set(2, outcome="APPLIED")
    result = watching.take_in(replace(request_of_york, authority="leeds"), saved(filling))
    assert isinstance(result, Unreadable)
    assert "a work list of york, and the folder is leeds's" in result.summary


@pytest.mark.parametrize("spoil", ["about", "heading"])
def test_a_spoilt_list_is_still_a_list_and_its_sentence_names_the_file_without_its_place(
    filling: Filling, request_of_york: PublishRequest, spoil: str
) -> None:
    filling.set(2, outcome="APPLIED")
    if spoil == "about":
        del filling.book[ABOUT]
    else:
        filling.put(1, "event", "my own")
    file = filling.directory / "list.xlsx"
    filling.book.save(file)
    result = watching.take_in(request_of_york, file)
    assert isinstance(result, Unreadable)
    assert result.summary.startswith("list.xlsx ")
    assert str(file) not in result.report


def watcher(request: PublishRequest) -> Watcher:
    folder = Folder(request.file)
    folder.prepare("york")
    return Watcher(
        folder=folder,
        publish=lambda file: watching.take_in(request, file),
        say=lambda sentence: None,
        now=lambda: datetime.now(LONDON),
    )


def rounds(request: PublishRequest) -> None:
    working = watcher(request)
    for _ in range(STILL + 1):
        working.round()


@pytest.fixture
def shared(tmp_path: Path, request_of_york: PublishRequest) -> PublishRequest:
    """A folder that York watches, with nothing of the test's own in it."""
    folder = tmp_path / "shared"
    folder.mkdir()
    return replace(request_of_york, file=folder)


@pytest.mark.parametrize("moment", ["write_report", "put_away"])
def test_after_a_kill_between_keeping_and_putting_away_the_list_is_done_once(
    filling: Filling, shared: PublishRequest, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    filling.set(2, outcome="APPLIED")
    saved(filling).rename(shared.file / "list.xlsx")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Folder, moment, killed)
        with pytest.raises(KeyboardInterrupt):
            rounds(shared)
    assert kept(shared) == ["APPLIED"]
    assert list((shared.file / "done").iterdir()) == []
    rounds(shared)
    assert kept(shared) == ["APPLIED"]
    assert len(list((shared.file / "done").glob("*/list.xlsx"))) == 1
    assert list((shared.file / "to-correct").iterdir()) == []


def test_of_two_lists_that_were_waiting_the_later_holds(
    filling: Filling, shared: PublishRequest, tmp_path: Path
) -> None:
    for name, word, changed in (("z.xlsx", "RECEIVED", 1_000), ("a.xlsx", "APPLIED", 2_000)):
        filling.set(2, outcome=word)
        saved(filling)
        shutil.copy(filling.directory / "list.xlsx", shared.file / name)
        os.utime(shared.file / name, (changed, changed))
    rounds(shared)
    assert len(list((shared.file / "done").glob("*/*.xlsx"))) == 2
    assert kept(shared) == ["APPLIED"]


def test_a_list_with_a_fault_is_handed_back_and_taken_when_it_is_right(
    filling: Filling, shared: PublishRequest
) -> None:
    filling.set(2, outcome="Done")
    saved(filling).rename(shared.file / "list.xlsx")
    rounds(shared)
    (back,) = (shared.file / "to-correct").glob("*/list.xlsx")
    assert "Row 2: its outcome" in (back.parent / WHY).read_text(encoding="utf-8")
    assert kept(shared) == []
    filling.set(2, outcome="APPLIED")
    saved(filling).rename(shared.file / "list.xlsx")
    rounds(shared)
    assert kept(shared) == ["APPLIED"]


def test_while_the_broker_is_away_a_list_waits(
    filling: Filling, request_of_york: PublishRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: FilledList) -> tuple[list[RowOutcome], list[WorkListFault]]:
        raise NotConnectedError("The broker is away.")

    monkeypatch.setattr(worklist, "checked", away)
    filling.set(2, outcome="APPLIED")
    with pytest.raises(NotConnectedError):
        watching.take_in(request_of_york, saved(filling))
    assert kept(request_of_york) == []


def test_a_list_that_libreoffice_has_saved_as_its_own_is_a_list_too(filling: Filling) -> None:
    assert saved_as_ods(filling).authority == "york"
    assert is_work_list(filling.directory / "list.ods")


def test_a_large_export_is_known_to_be_no_list_without_being_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(*_: object) -> None:
        raise AssertionError("parsed")

    book = xlsx(tmp_path / "moves.xlsx", {"Moves": [["reference", "outcome of the check"], ["1", "x"]]})
    monkeypatch.setattr("instep.client.worklist.open_workbook", parse)
    assert not is_work_list(book)


def test_exports_and_damaged_workbooks_are_no_work_lists(tmp_path: Path, items: Sequence[Item]) -> None:
    book = openpyxl.Workbook()
    book.active.append(["reference", "family_name", "outcome"])
    book.save(tmp_path / "moves.xlsx")
    (tmp_path / "damaged.xlsx").write_bytes(b"PK\x03\x04 and nothing more")
    (tmp_path / "list.csv").write_text("outcome,note\n", encoding="utf-8")
    for name in ("moves.xlsx", "damaged.xlsx", "list.csv"):
        assert not is_work_list(tmp_path / name)
    assert is_work_list(written(tmp_path / "list.xlsx", items))
