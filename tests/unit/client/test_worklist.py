"""A work list goes out, comes back from a spreadsheet, and is taken whole or not at all."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.client.inbox_table import SharedFields
from instep.client.reader import Item
from instep.client.worklist import (
    ABOUT,
    ANSWER,
    OUTCOMES,
    SHEET,
    FilledList,
    FilledRow,
    RowOutcome,
    check,
    key_of,
    read_work_list,
    write_about,
)
from instep.errors import FileFormatError
from instep.workbooks.excel import new_workbook
from tests.unit.adapters.sheets import ods, ods_cell, ods_row
from tests.unit.client.inbox import TABLE, delivery, unreadable, withdrawal
from tests.unit.workbooks.hostile import HOSTILE, TEXTS

SHARED = SharedFields("resident-moved", "person,new_address,moved_on")
EVENT = "6513270e-269e-4d37-b2a7-4de452e6b438"


def written(file: Path, items: Sequence[Item]) -> Path:
    columns = [*ANSWER, *TABLE.columns([SHARED])]
    file.unlink(missing_ok=True)
    with new_workbook(file, "Work list") as book:
        sheet = book.sheet(SHEET, columns, rows=len(items), frozen=2)
        for item in items:
            sheet.write(TABLE.row(item))
        write_about(book, "york", {"purpose": "council-tax"})
    return file


class Filling:
    """An officer at work in a spreadsheet program."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.directory = file.parent
        self.book = openpyxl.load_workbook(file)
        self.sheet = self.book[SHEET]
        self.headings = [cell.value for cell in self.sheet[1]]

    def set(self, row: int, **values: Any) -> None:
        for heading, value in values.items():
            self.put(row, heading, value)

    def put(self, row: int, heading: str, value: Any) -> None:
        self.sheet.cell(row, self.headings.index(heading) + 1).value = value

    def save(self) -> FilledList:
        self.book.save(self._file)
        return read_work_list(self._file)


def outcome(filled: FilledList, items: Sequence[Item]) -> tuple[list[RowOutcome], list[str]]:
    rows = [TABLE.row(item) for item in items]
    answers, faults = check(filled.rows, {key_of(row): row for row in rows}, TABLE.headings)
    return answers, [str(fault) for fault in faults]


@pytest.fixture
def items() -> list[Item]:
    person = {"family_name": "Testcase", "born_on": "1990-01-31"}
    moved = [
        delivery(
            subject=f"s-{number}",
            person=person,
            new_address={"uprn": "000100023336", "lines": ["Flat 1", "2 New Street"], "postcode": "YO1 7HH"},
            moved_on="2026-06-30",
        )
        for number in range(3)
    ]
    return [*moved, withdrawal(EVENT)]


@pytest.fixture
def filling(tmp_path: Path, items: list[Item]) -> Filling:
    return Filling(written(tmp_path / "list.xlsx", items))


def test_a_filled_list_gives_an_answer_for_each_row_with_an_outcome(
    filling: Filling, items: list[Item]
) -> None:
    filling.set(2, outcome="APPLIED", note="=1+1 done")
    filling.set(4, outcome=" not matched ")
    filling.set(5, outcome="Applied")
    filled = filling.save()
    answers, faults = outcome(filled, items)
    assert faults == []
    assert (filled.authority, filled.open_rows) == ("york", 1)
    assert [(answer.key.subject_ref, answer.outcome) for answer in answers] == [
        ("s-0", "APPLIED"),
        ("s-2", "NOT_MATCHED"),
        ("s-1", "APPLIED"),
    ]
    assert [answer.key.withdrawal for answer in answers] == [False, False, True]
    assert {answer.key.purpose for answer in answers} == {"council-tax"}


def saved_as_ods(filling: Filling) -> FilledList:
    """The list as LibreOffice saves it under its own format."""
    sheets = {
        sheet.title: [list(map(ods_cell_of, row)) for row in sheet.iter_rows()] for sheet in filling.book
    }
    path = filling.directory / "list.ods"
    ods(path, {name: "".join(map(ods_row, rows)) for name, rows in sheets.items()})
    return read_work_list(path)


def ods_cell_of(cell: Any) -> str:
    if cell.data_type == "f":
        return ods_cell("APPLIED").replace("<table:table-cell", '<table:table-cell table:formula="of:=1"')
    return ods_cell(cell.value)


def test_a_list_that_libreoffice_has_saved_gives_the_same_answers(
    filling: Filling, items: list[Item]
) -> None:
    filling.set(2, outcome="APPLIED", note="done")
    filling.set(4, outcome=" not matched ")
    filling.set(5, outcome="Applied")
    expected = outcome(filling.save(), items)
    filled = saved_as_ods(filling)
    assert outcome(filled, items) == expected
    assert (filled.authority, filled.open_rows, len(expected[0])) == ("york", 1, 3)
    filling.set(2, outcome="=B2")
    filling.put(4, "new_address.postcode", "YO1 7HX")
    answers, faults = outcome(saved_as_ods(filling), items)
    assert len(answers) == 3
    assert ["formula" in faults[0], "no longer holds what you received" in faults[1]] == [True, True]


def test_the_choices_are_the_outcomes_of_a_receipt_that_mean_anything(filling: Filling) -> None:
    (validation,) = filling.sheet.data_validations.dataValidation
    assert validation.formula1.strip('"').split(",") == list(OUTCOMES)
    assert "UNKNOWN" not in OUTCOMES
    about = {row[0].value: row[1].value for row in filling.book[ABOUT].iter_rows()}
    assert about.items() >= OUTCOMES.items()


def test_an_empty_list_has_no_answer(filling: Filling) -> None:
    filled = filling.save()
    assert (filled.rows, filled.open_rows) == ([], 4)


FAULTS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "a word that is no outcome": ({"outcome": "Done"}, "none of the words in the list, which are RECEIVED,"),
    "a misspelt outcome": ({"outcome": "Aplied"}, "did you mean APPLIED?"),
    "an outcome that means nothing": ({"outcome": "UNKNOWN"}, "none of the words in the list"),
    "a formula": ({"outcome": "=B2"}, "its outcome is a formula"),
    "no event": ({"event": None}, "nothing under event"),
    "no source and no purpose": ({"from": None, "purpose": ""}, "nothing under purpose and from"),
    "another event": ({"event": EVENT}, "your inbox holds no such record"),
    "another purpose": ({"purpose": "placements"}, "your inbox holds no such record"),
    "a withdrawal instead of an event": ({"what": "withdrawal"}, "your inbox holds no such record"),
    "an event of another kind": ({"what": "business-registered"}, "what no longer holds what you received"),
    "another postcode": ({"new_address.postcode": "YO1 7HJ"}, "new_address.postcode no longer holds"),
    "a postcode that was emptied": ({"new_address.postcode": None}, "new_address.postcode no longer holds"),
    "a value where none was": ({"new_address.town": "York"}, "new_address.town no longer holds"),
    "another day": ({"moved_on": date(2026, 7, 1)}, "moved_on no longer holds"),
    "zeros that a number lost": ({"new_address.uprn": 100023336}, "new_address.uprn no longer holds"),
    "a formula in place of a text": ({"person.family_name": "=A1"}, "person.family_name no longer holds"),
    "other handling": ({"handling": "PROTECTED"}, "handling no longer holds"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_with_a_row_is_a_sentence_with_its_number(
    filling: Filling, items: list[Item], fault: str
) -> None:
    values, words = FAULTS[fault]
    for heading, value in {"outcome": "APPLIED", **values}.items():
        filling.put(3, heading, value)
    _, (sentence,) = outcome(filling.save(), items)
    assert sentence.startswith("Row 3: ")
    assert words in sentence
    assert sentence[-1] in ".?"
    assert "Testcase" not in sentence
    assert "YO1" not in sentence


def test_all_faults_are_said_at_once_and_a_row_without_an_outcome_has_none(
    filling: Filling, items: list[Item]
) -> None:
    filling.set(2, outcome="Done", event="x")
    filling.set(3, event="y", note="later")
    filling.set(4, outcome="REFUSED", handling="PROTECTED")
    _, faults = outcome(filling.save(), items)
    assert [fault[:6] for fault in faults] == ["Row 2:", "Row 2:", "Row 4:"]


def test_a_row_that_stands_twice_is_named_with_the_first(filling: Filling, items: list[Item]) -> None:
    filling.set(2, outcome="APPLIED")
    filling.sheet.append([cell.value for cell in filling.sheet[2]])
    filling.set(6, outcome="REFUSED")
    _, faults = outcome(filling.save(), items)
    assert faults == ["Row 6: it is about the same record as row 2: take one of them out."]


def harmless_sorting(filling: Filling) -> None:
    rows = [[cell.value for cell in row] for row in filling.sheet.iter_rows(min_row=2)]
    for number, row in enumerate(reversed(rows), start=2):
        for column, value in enumerate(row, start=1):
            filling.sheet.cell(number, column).value = value


def harmless_columns(filling: Filling) -> None:
    filling.sheet.delete_cols(filling.headings.index("person.family_name") + 1)
    filling.sheet.insert_cols(1)
    filling.sheet.cell(1, 1).value = "our own case"
    filling.sheet.cell(2, 1).value = "C-1"


def harmless_forms(filling: Filling) -> None:
    """As a program may write values that nobody has edited."""
    filling.put(2, "moved_on", "2026-06-30")
    filling.put(2, "received", None)
    filling.put(2, "shared", None)
    filling.put(2, "new_address.lines", "Flat 1; 2 New Street ")


def harmless_rows(filling: Filling) -> None:
    filling.sheet.delete_rows(4)
    filling.sheet.title = "Monday"
    filling.book.create_sheet("Ours", 0)["A1"] = "what we think"


@pytest.mark.parametrize("change", [harmless_sorting, harmless_columns, harmless_forms, harmless_rows])
def test_a_list_may_be_sorted_cut_and_added_to(
    filling: Filling, items: list[Item], change: Callable[[Filling], None]
) -> None:
    for row in range(2, 6):
        filling.set(row, outcome="APPLIED")
    change(filling)
    answers, faults = outcome(filling.save(), items)
    assert faults == []
    assert len(answers) >= 3


def no_about(filling: Filling) -> None:
    del filling.book[ABOUT]


def another_version(filling: Filling) -> None:
    filling.book[ABOUT]["B1"] = "2"


def no_outcome_column(filling: Filling) -> None:
    filling.sheet["A1"] = "result"


def no_event_column(filling: Filling) -> None:
    filling.sheet.delete_cols(filling.headings.index("event") + 1)


def two_columns_of_a_name(filling: Filling) -> None:
    filling.sheet["B1"] = "outcome"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (no_about, "no work list of Instep"),
        (another_version, "another version of Instep"),
        (no_outcome_column, "no column 'outcome'"),
        (no_event_column, "no column 'event'"),
        (two_columns_of_a_name, "more than one column 'outcome'"),
    ],
)
def test_a_file_that_is_no_sound_list_is_refused_in_a_sentence(
    filling: Filling, change: Callable[[Filling], None], words: str
) -> None:
    change(filling)
    with pytest.raises(FileFormatError, match=words):
        filling.save()


def test_the_same_id_as_an_event_and_as_its_withdrawal_are_two_rows(tmp_path: Path) -> None:
    moved = delivery(header={"event_id": EVENT})
    items = [moved, withdrawal(EVENT)]
    filling = Filling(written(tmp_path / "list.xlsx", items))
    filling.set(2, outcome="RECEIVED")
    filling.set(3, outcome="APPLIED")
    answers, faults = outcome(filling.save(), items)
    assert faults == []
    assert len({answer.key for answer in answers}) == 2


def test_a_record_that_could_not_be_read_can_be_answered(tmp_path: Path) -> None:
    items = [unreadable()]
    filling = Filling(written(tmp_path / "list.xlsx", items))
    filling.set(2, outcome="REFUSED")
    assert outcome(filling.save(), items)[1] == []


@given(st.lists(st.tuples(TEXTS, TEXTS, st.dates(date(1850, 1, 1))), min_size=1, max_size=3))
def test_a_list_of_hostile_texts_comes_back_without_a_fault(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[str, str, date]]
) -> None:
    items = [
        delivery(
            subject=f"s-{number}",
            person={"family_name": name, "title": "=1"},
            new_address={"lines": [line, "@2"]},
            moved_on=day.isoformat(),
        )
        for number, (name, line, day) in enumerate(values)
    ]
    filling = Filling(written(tmp_path_factory.mktemp("list") / "list.xlsx", items))
    for row in range(2, len(items) + 2):
        filling.set(row, outcome="APPLIED", note="a note")
    answers, faults = outcome(filling.save(), items)
    assert faults == []
    assert len(answers) == len(items)


@given(st.sampled_from(HOSTILE), st.sampled_from(HOSTILE))
def test_another_text_is_never_taken_for_the_received_text(received: str, filled: str) -> None:
    """But for blanks around it and for its line ends, of which programs take no care."""
    item = delivery(person={"family_name": received})
    row = TABLE.row(item)
    cells = {**row, "person.family_name": filled, "outcome": "APPLIED"}
    _, faults = check([FilledRow(number=2, cells=cells)], {key_of(row): row}, TABLE.headings)
    assert (not faults) == (plain(received) == plain(filled))


def plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()
