"""A table as an Excel workbook, as the saved file holds it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.errors import FileFormatError
from instep.workbooks.excel import CUT, LONGEST_TEXT, excel_value, new_workbook
from instep.workbooks.excel_in import Cell, open_workbook
from instep.workbooks.tables import Column, ColumnKind, Value
from tests.unit.workbooks.hostile import HOSTILE, TEXTS

COLUMNS = [
    Column(heading="name"),
    Column(heading="born", kind=ColumnKind.DATE),
    Column(heading="people", kind=ColumnKind.NUMBER),
    Column(heading="answer", to_fill=True, choices=("YES", "NO")),
]


def workbook(file: Path, *rows: Mapping[str, Value]) -> Path:
    file.unlink(missing_ok=True)
    with new_workbook(file, "Test") as book:
        sheet = book.sheet("Rows", COLUMNS, rows=len(rows), frozen=1)
        for row in rows:
            sheet.write(row)
    return file


def cells(file: Path) -> list[Sequence[Cell]]:
    with open_workbook(file) as sheets:
        return [row for sheet in sheets for _, row in sheet.rows()]


def names(file: Path) -> list[Cell]:
    return [row[0] if row else None for row in cells(file)[1:]]


@given(st.lists(TEXTS.filter(bool), min_size=1, max_size=5))
def test_each_text_is_a_text_in_the_saved_file_and_comes_back(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    file = workbook(tmp_path_factory.mktemp("excel") / "t.xlsx", *({"name": text} for text in texts))
    assert names(file) == texts
    book = openpyxl.load_workbook(file)
    kinds = {row[0].data_type for row in book["Rows"].iter_rows(min_row=2)}
    assert kinds == {"s"}
    assert not any(row[0].hyperlink for row in book["Rows"].iter_rows())


@given(st.lists(TEXTS.filter(bool), min_size=1, max_size=5))
def test_each_text_stays_as_it_was_when_another_program_saves_the_file(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    home = tmp_path_factory.mktemp("excel")
    book = openpyxl.load_workbook(workbook(home / "t.xlsx", *({"name": text} for text in texts)))
    book.save(home / "again.xlsx")
    assert names(home / "again.xlsx") == texts
    again = openpyxl.load_workbook(home / "again.xlsx")["Rows"]
    assert {row[0].data_type for row in again.iter_rows(min_row=2)} == {"s"}


def test_the_hostile_texts_are_texts(tmp_path: Path) -> None:
    texts = [text for text in HOSTILE if text]
    assert names(workbook(tmp_path / "t.xlsx", *({"name": text} for text in texts))) == texts


def test_a_uprn_and_a_reference_are_texts_with_the_format_of_texts(tmp_path: Path) -> None:
    file = workbook(tmp_path / "t.xlsx", {"name": "000100023336956"})
    cell = openpyxl.load_workbook(file)["Rows"]["A2"]
    assert (cell.value, cell.data_type, cell.number_format) == ("000100023336956", "s", "@")


@given(st.dates(date(1900, 3, 1), date(9999, 12, 31)))
def test_a_day_is_a_date_of_excel(tmp_path_factory: pytest.TempPathFactory, day: date) -> None:
    file = workbook(tmp_path_factory.mktemp("excel") / "t.xlsx", {"born": day})
    cell = openpyxl.load_workbook(file)["Rows"]["B2"]
    assert cell.is_date
    assert cell.number_format == "yyyy-mm-dd"
    assert cells(file)[1][1] == datetime(day.year, day.month, day.day)  # noqa: DTZ001 -- Excel knows no zones


@pytest.mark.parametrize(
    ("value", "held"),
    [
        (date(1900, 2, 28), "1900-02-28"),
        (date(1, 1, 1), "0001-01-01"),
        (datetime(1899, 12, 31, 1, 2), "1899-12-31 01:02:00"),  # noqa: DTZ001
        (10**15, "1000000000000000"),
        (-(10**15), "-1000000000000000"),
        (10**15 - 1, 10**15 - 1),
    ],
)
def test_a_value_that_excel_cannot_hold_is_a_text(tmp_path: Path, value: Value, held: Value) -> None:
    assert excel_value(value) == held
    column = "people" if isinstance(value, int) else "born"
    assert held in cells(workbook(tmp_path / "t.xlsx", {column: value}))[1]


@pytest.mark.parametrize("character", ["x", "\U0001f600"])
def test_a_text_that_is_too_long_is_cut_and_says_so(tmp_path: Path, character: str) -> None:
    whole = character * (LONGEST_TEXT // len(character.encode("utf-16-le")) * 2)
    assert excel_value(whole) == whole
    file = workbook(tmp_path / "t.xlsx", {"name": whole}, {"name": whole + "xxxx"})
    read = names(file)
    assert read[0] == whole
    assert str(read[1]).endswith(CUT)
    assert len(str(read[1]).encode("utf-16-le")) <= 2 * LONGEST_TEXT


def test_choices_are_offered_in_each_row_and_empty_columns_are_hidden(tmp_path: Path) -> None:
    file = workbook(tmp_path / "t.xlsx", {"name": "a"}, {"name": "b"})
    sheet = openpyxl.load_workbook(file)["Rows"]
    (validation,) = sheet.data_validations.dataValidation
    assert (validation.formula1, str(validation.sqref)) == ('"YES,NO"', "D2:D3")
    hidden = {name for name, column in sheet.column_dimensions.items() if column.hidden}
    assert hidden == {"B", "C"}
    assert sheet.freeze_panes == "B2"
    assert sheet.auto_filter.ref == "A1:D3"


def test_a_workbook_whose_writing_fails_leaves_no_file(tmp_path: Path) -> None:
    def write(file: Path) -> None:
        with new_workbook(file, "Test") as book:
            book.sheet("Rows", COLUMNS, rows=2).write({"name": "x"})
            raise KeyError("in the middle")

    with pytest.raises(KeyError):
        write(tmp_path / "t.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        workbook(tmp_path / "nowhere" / "t.xlsx", {"name": "x"})


def test_a_sheet_that_is_full_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instep.workbooks.excel.MOST_ROWS", 1)
    with pytest.raises(FileFormatError, match="holds 1 rows"):
        workbook(tmp_path / "t.xlsx", {"name": "x"}, {"name": "y"})
