"""A workbook of moves means what the same CSV file means, or is refused in a sentence before anything is read."""

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instep.adapters import Line, Note, Refused, Row, Settings, read, sheets
from instep.adapters.csv_moves import COLUMNS
from instep.errors import FileFormatError
from instep.workbooks import ods_rows, package
from tests.strategies import examples
from tests.unit.adapters.publishing import AUTHORITY, ROW, SETTINGS, Publisher, csv_of, events, names, row
from tests.unit.adapters.sheets import Cell, Rows, grid, ods, ods_cell, ods_row, xlsx

Write = Callable[[Path, Mapping[str, Rows]], Path]
WRITERS = pytest.mark.parametrize(("write", "suffix"), [(xlsx, ".xlsx"), (ods, ".ods")])


def lines_of(path: Path, settings: Settings = SETTINGS) -> list[Line]:
    return list(read(path, authority=AUTHORITY, settings=settings))


def notes(line: Line) -> list[tuple[str, str]]:
    assert isinstance(line, Row), line
    return [(note.column, note.reason) for note in line.notes]


def reasons(line: Line) -> tuple[str, str]:
    assert isinstance(line, Refused), line
    return line.column, line.reason


def refused(path: Path, settings: Settings = SETTINGS) -> str:
    with pytest.raises(FileFormatError) as refusal:
        read(path, authority=AUTHORITY, settings=settings)
    sentence = str(refusal.value)
    assert sentence.startswith(str(path))
    assert sentence.endswith((".", "?"))
    assert "\n" not in sentence
    assert "Quillfeather" not in sentence
    return sentence


class Said:
    """What was said of the file as a whole."""

    def __init__(self) -> None:
        self.remarks: list[tuple[int, str, str]] = []

    def __call__(self, line: int, note: Note) -> None:
        self.remarks.append((line, note.column, note.reason))


def typed(**changes: Cell) -> dict[str, Cell]:
    """ROW as people keep it in a spreadsheet: dates and numbers are no texts."""
    return {
        **ROW,
        "old_uprn": 999000000001,
        "new_uprn": 999000000002,
        "date_of_birth": date(1990, 4, 3),
        "move_date": date(2026, 5, 1),
        "recorded_at": datetime(2026, 5, 4, 11, 0, 7),  # noqa: DTZ001 -- cells have no zone; this is 10:00:07Z
        **changes,
    }


@WRITERS
def test_a_workbook_sends_what_the_csv_file_has_sent(publisher: Publisher, write: Write, suffix: str) -> None:
    rows = [row(recorded_at="2026-05-04T10:00:07Z"), row(reference="CT-2", household_reference="")]
    sent = events(publisher.rows(*rows))
    path = write(publisher.directory / f"moves{suffix}", {"Moves": grid(*rows)})
    assert names(publisher.publish(path)) == ["Unchanged", "Unchanged"]
    publisher.forget_everything_but_the_secret()
    assert events(publisher.publish(path)) == sent


@WRITERS
def test_date_cells_and_number_cells_are_what_they_stand_for(
    publisher: Publisher, write: Write, suffix: str
) -> None:
    sent = events(publisher.rows(row(recorded_at="2026-05-04T10:00:07Z")))
    publisher.forget_everything_but_the_secret()
    path = write(publisher.directory / f"moves{suffix}", {"Moves": grid(typed())})
    assert events(publisher.publish(path)) == sent
    (line,) = lines_of(path)
    assert notes(line) == [("recorded_at", "no-zone")]


_LETTERS = st.characters(
    codec="utf-8", exclude_characters="\ufffe\uffff", exclude_categories=["Cc", "Cs"]
) | st.sampled_from("\t\n\",;=+-@'")
_TEXTS = st.text(_LETTERS, max_size=12)


@settings(examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, _TEXTS)), min_size=1, max_size=3))
def test_whatever_texts_the_cells_hold_a_workbook_reads_like_csv(
    tmp_path: Path, rows: list[dict[str, str]]
) -> None:
    sound = [row(), *(row(**{**cells, "reference": f"CT-9{n}"}) for n, cells in enumerate(rows))]
    plain = tmp_path / "t.csv"
    plain.write_bytes(csv_of(*sound))
    expected = [_meaning(line) for line in lines_of(plain)]
    for path in (
        xlsx(tmp_path / "t.xlsx", {"M": grid(*sound)}),
        ods(tmp_path / "t.ods", {"M": grid(*sound)}),
    ):
        assert [_meaning(line) for line in lines_of(path)] == expected, path.suffix


def _meaning(line: Line) -> tuple[Any, ...]:
    if isinstance(line, Refused):
        return line.column, line.reason, line.faults, line.shield
    return line.body, line.header, line.household, line.protected, line.shielded, line.held, set(line.notes)


@WRITERS
def test_titles_above_and_totals_below_are_said_and_not_read(
    publisher: Publisher, write: Write, suffix: str
) -> None:
    said = Said()
    table: Rows = [["Moves of May"], [], ["Run:", date(2026, 5, 31)], *grid(typed()), [], ["Total", 1]]
    path = write(publisher.directory / f"moves{suffix}", {"Moves": table})
    (line,) = lines_of(path, replace(SETTINGS, remark=said))
    assert line.line == 5
    assert said.remarks == [(1, "", "above-headings"), (3, "", "above-headings"), (7, "", "total")]


@WRITERS
def test_a_row_without_its_last_cells_is_a_whole_row(publisher: Publisher, write: Write, suffix: str) -> None:
    columns = [name for name in COLUMNS if name != "title"] + ["title"]
    path = write(publisher.directory / f"moves{suffix}", {"M": grid(typed(title=None), columns=columns)})
    (line,) = lines_of(path)
    assert notes(line) == [("recorded_at", "no-zone")]


@WRITERS
def test_the_sheet_that_holds_moves_is_read_and_the_others_are_said(
    publisher: Publisher, write: Write, suffix: str
) -> None:
    said = Said()
    path = write(publisher.directory / f"t{suffix}", {"Notes": [["hello"]], "Moves": grid(typed())})
    assert len(lines_of(path, replace(SETTINGS, remark=said))) == 1
    assert said.remarks == [(1, "sheet 'Notes'", "other-sheet")]


@WRITERS
def test_a_sheet_is_taken_by_its_name(publisher: Publisher, write: Write, suffix: str) -> None:
    path = write(
        publisher.directory / f"t{suffix}",
        {"April": grid(typed()), "May & June": grid(typed(), typed(reference="CT-2"))},
    )
    assert "more than one sheet: say which with --sheet: 'April', 'May & June'." in refused(path)
    assert len(lines_of(path, replace(SETTINGS, sheet="May & June"))) == 2
    assert len(lines_of(path, replace(SETTINGS, sheet=" april"))) == 1
    assert "did you mean 'April'?" in refused(path, replace(SETTINGS, sheet="Aprill"))
    for name in ("../April", "/etc/passwd", "C:\\x"):
        assert f"has no sheet '{name}'" in refused(path, replace(SETTINGS, sheet=name))


@WRITERS
def test_a_workbook_without_moves_names_its_sheets(publisher: Publisher, write: Write, suffix: str) -> None:
    path = write(publisher.directory / f"t{suffix}", {"A": [["x"]], "B": [["y"]]})
    assert "has no sheet with the headings of moves: say which with --sheet: 'A', 'B'." in refused(path)
    assert "(sheet 'A') is not a file of moves" in refused(path, replace(SETTINGS, sheet="A"))
    assert "nothing in the sheet 'M'" in refused(write(publisher.directory / f"e{suffix}", {"M": []}))


@WRITERS
@pytest.mark.parametrize("reference", [551000000000, 5.51e11, 1234567890123456789])
@pytest.mark.parametrize("column", ["reference", "household_reference"])
def test_a_reference_that_has_lost_its_digits_is_refused(
    publisher: Publisher, write: Write, suffix: str, column: str, reference: float
) -> None:
    path = write(publisher.directory / f"t{suffix}", {"M": grid(typed(**{column: reference}))})
    (line,) = lines_of(path)
    assert reasons(line) == (column, "reference-damaged")


@WRITERS
def test_a_household_written_as_a_number_is_the_household_written_as_a_text(
    publisher: Publisher, write: Write, suffix: str
) -> None:
    rows = (
        typed(household_reference="00551", protected="yes"),
        typed(reference="CT-2", household_reference=551.0, family_name="Other"),
    )
    lines = lines_of(write(publisher.directory / f"t{suffix}", {"M": grid(*rows)}))
    assert [line.shielded for line in lines if isinstance(line, Row)] == [True, True]


@WRITERS
def test_a_reference_that_became_a_date_is_refused(publisher: Publisher, write: Write, suffix: str) -> None:
    path = write(publisher.directory / f"t{suffix}", {"M": grid(typed(reference=date(2026, 11, 3)))})
    assert reasons(lines_of(path)[0]) == ("reference", "reference-damaged")


@WRITERS
def test_a_recent_day_number_is_its_day_and_any_other_is_refused(
    publisher: Publisher, write: Write, suffix: str
) -> None:
    rows = (
        typed(move_date=46143, recorded_at=46146.5),
        typed(reference="CT-2", move_date=10526),
        typed(reference="CT-3", date_of_birth=32874),
    )
    first, second, third = lines_of(write(publisher.directory / f"t{suffix}", {"M": grid(*rows)}))
    assert isinstance(first, Row)
    assert first.body["moved_on"] == "2026-05-01"
    assert first.header["recorded_at"] == "2026-05-04T11:00:00Z"
    assert ("move_date", "day-number") in notes(first)
    assert reasons(second) == ("move_date", "excel-serial-date")
    assert reasons(third) == ("date_of_birth", "excel-serial-date")


def test_a_day_number_in_csv_is_nobodys_to_guess(publisher: Publisher) -> None:
    (line,) = lines_of(publisher.file(csv_of(row(move_date="46143"))))
    assert reasons(line) == ("move_date", "excel-serial-date")


def test_day_numbers_of_a_workbook_from_a_macintosh_count_from_1904(publisher: Publisher) -> None:
    path = publisher.directory / "t.xlsx"
    with xlsxwriter.Workbook(path, {"date_1904": True}) as book:
        sheet, day = book.add_worksheet("M"), book.add_format({"num_format": "dd/mm/yyyy"})
        for number, cells in enumerate(
            grid(typed(move_date=None, date_of_birth=None, recorded_at=ROW["recorded_at"]))
        ):
            for place, cell in enumerate(cells):
                sheet.write(number, place, cell)
        sheet.write_datetime(1, COLUMNS.index("date_of_birth"), date(1990, 4, 3), day)
        sheet.write_number(1, COLUMNS.index("move_date"), 46143 - 1462)
    (line,) = lines_of(path)
    assert isinstance(line, Row)
    assert (line.body["moved_on"], line.body["person"]["born_on"]) == ("2026-05-01", "1990-04-03")


def test_zeros_that_a_number_format_shows_are_kept(publisher: Publisher) -> None:
    path = publisher.directory / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("M")
        for number, cells in enumerate(grid(typed(), typed())):
            for place, cell in enumerate(cells):
                if not isinstance(cell, date):
                    sheet.write(number, place, cell)
                elif isinstance(cell, datetime):
                    sheet.write(number, place, str(cell))
                else:
                    sheet.write(number, place, cell.isoformat())
        sheet.write_number(1, 0, 551, book.add_format({"num_format": "000000"}))
        sheet.write_number(2, 0, 551, book.add_format({"num_format": '"CT-"0000'}))
    assert [line.reference for line in lines_of(path) if isinstance(line, Row)] == ["000551", "CT-0551"]


def _saved_without_values(path: Path, cells: Mapping[str, str]) -> Path:
    """A workbook that a program wrote, with formulas that no spreadsheet has calculated."""
    book = openpyxl.load_workbook(path)
    for place, formula in cells.items():
        book.active[place] = formula
    book.save(path)
    return path


@pytest.mark.parametrize("column", ["reference", "protected", "household_reference", "new_postcode"])
def test_a_formula_without_a_value_refuses_its_row(publisher: Publisher, column: str) -> None:
    path = xlsx(
        publisher.directory / "t.xlsx", {"M": grid(typed(), typed(reference="CT-2", household_reference=""))}
    )
    place = f"{openpyxl.utils.get_column_letter(COLUMNS.index(column) + 1)}2"
    first, second = lines_of(_saved_without_values(path, {place: "=A1"}))
    assert reasons(first) == (column, "formula-without-value")
    assert isinstance(second, Row)


def test_a_value_that_no_spreadsheet_has_calculated_is_no_value(publisher: Publisher) -> None:
    """XlsxWriter puts 0 under each formula, for a spreadsheet to calculate when it opens the file."""
    path = publisher.directory / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("M")
        for number, cells in enumerate(grid(row())):
            for place, cell in enumerate(cells):
                sheet.write(number, place, cell)
        sheet.write_formula(1, COLUMNS.index("protected"), '=IF(A2="","no","yes")')
    assert reasons(lines_of(path)[0]) == ("protected", "formula-without-value")


def test_the_value_of_a_formula_is_read_where_a_spreadsheet_has_calculated_it(publisher: Publisher) -> None:
    formula = '<table:table-cell table:formula="of:=1"'
    value = f'{formula} office:value-type="float" office:value="551"><text:p>551</text:p></table:table-cell>'
    missing = f"{formula}/>"
    broken = f'{formula} office:value-type="string" calcext:value-type="error"><text:p>#REF!</text:p></table:table-cell>'
    cells = list(map(ods_cell, grid(typed())[1]))
    table = "".join(
        [ods_row(map(ods_cell, COLUMNS)), *(ods_row([cell, *cells[1:]]) for cell in (value, missing, broken))]
    )
    first, second, third = lines_of(ods(publisher.directory / "t.ods", {"M": table}))
    assert isinstance(first, Row)
    assert first.reference == "551"
    assert reasons(second) == ("reference", "formula-without-value")
    assert reasons(third) == ("reference", "spreadsheet-error")


def _merged_xlsx(path: Path) -> Path:
    book = openpyxl.load_workbook(xlsx(path, {"M": grid(typed(protected="yes"), typed(reference="CT-2"))}))
    column = openpyxl.utils.get_column_letter(COLUMNS.index("household_reference") + 1)
    book.active.merge_cells(f"{column}2:{column}3")
    book.save(path)
    return path


def _merged_ods(path: Path) -> Path:
    first, second = (
        list(map(ods_cell, cells)) for cells in grid(typed(protected="yes"), typed(reference="CT-2"))[1:]
    )
    place = COLUMNS.index("household_reference")
    first[place] = first[place].replace(
        "<table:table-cell", '<table:table-cell table:number-rows-spanned="2"', 1
    )
    second[place] = "<table:covered-table-cell/>"
    return ods(path, {"M": ods_row(map(ods_cell, COLUMNS)) + ods_row(first) + ods_row(second)})


@pytest.mark.parametrize(("make", "suffix"), [(_merged_xlsx, ".xlsx"), (_merged_ods, ".ods")])
def test_a_cell_merged_with_the_row_above_is_not_taken_for_empty(
    publisher: Publisher, make: Callable[[Path], Path], suffix: str
) -> None:
    """The household reference of both members stands in one merged cell, and one of the two is protected."""
    first, second = lines_of(make(publisher.directory / f"t{suffix}"))
    assert isinstance(first, Row)
    assert first.protected
    assert reasons(second) == ("household_reference", "merged-cells")


def test_hidden_rows_and_columns_are_read_and_said(publisher: Publisher) -> None:
    said = Said()
    path = publisher.directory / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("M")
        for number, cells in enumerate(grid(row(), row(reference="CT-2"))):
            for place, cell in enumerate(cells):
                sheet.write(number, place, cell)
        sheet.set_row(2, None, None, {"hidden": True})
        sheet.set_column(1, 1, None, None, {"hidden": True})
    assert len(lines_of(path, replace(SETTINGS, remark=said))) == 2
    assert said.remarks == [(3, "", "hidden-row"), (1, "title", "hidden-column")]


def test_hidden_rows_columns_and_sheets_of_opendocument_are_known(publisher: Publisher) -> None:
    said = Said()
    rows = [list(map(ods_cell, cells)) for cells in grid(typed(), typed(reference="CT-2"))]
    table = (
        '<table:table-column/><table:table-column table:visibility="collapse"/>'
        + ods_row(rows[0])
        + ods_row(rows[1], 'table:visibility="filter"')
        + ods_row(rows[2])
    )
    styles = (
        '<style:style style:name="style of Old" style:family="table"><style:table-properties table:display="false"/>'
        "</style:style>"
    )
    path = ods(publisher.directory / "t.ods", {"Old": grid(typed()), "M": table}, styles=styles)
    assert len(lines_of(path, replace(SETTINGS, remark=said))) == 2
    assert said.remarks == [
        (1, "sheet 'Old'", "other-sheet"),
        (2, "", "hidden-row"),
        (1, "title", "hidden-column"),
    ]


def test_repeated_rows_and_notes_of_opendocument_are_rows_and_no_text(publisher: Publisher) -> None:
    cells = list(map(ods_cell, grid(typed(title=None))[1]))
    cells[0] = (
        '<table:table-cell office:value-type="string"><office:annotation><text:p>see file</text:p></office:annotation>'
        "<text:p>CT<text:span>-</text:span>1</text:p></table:table-cell>"
    )
    table = ods_row(map(ods_cell, COLUMNS)) + ods_row(cells, 'table:number-rows-repeated="2"')
    lines = lines_of(ods(publisher.directory / "t.ods", {"M": table}))
    assert [(line.line, line.reference) for line in lines if isinstance(line, Row)] == [
        (2, "CT-1"),
        (3, "CT-1"),
    ]


@pytest.mark.parametrize(
    ("content", "suffix", "words"),
    [
        (b"", ".xlsx", "is empty"),
        (b"", ".ods", "is empty"),
        (b"reference,title\n", ".xlsx", "is no Excel workbook"),
        (b"reference,title\n", ".ods", "is no OpenDocument workbook"),
        (b"PK\x03\x04 and then nothing", ".xlsx", "or is damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), ".xlsx", "locked with a password"),
    ],
)
def test_a_file_that_is_no_workbook_is_one_sentence(
    publisher: Publisher, content: bytes, suffix: str, words: str
) -> None:
    assert words in refused(publisher.file(content, suffix))


def test_an_old_workbook_is_one_sentence(publisher: Publisher) -> None:
    assert "save it as .xlsx or .ods" in refused(publisher.file(b"\xd0\xcf\x11\xe0", ".xls"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("xl/vbaProject.bin", b"anything", "holds macros"),
        ("xl/worksheets/sheet1.xml", None, "is damaged"),
        ("xl/workbook.xml", b"<workbook", "is damaged"),
    ],
)
def test_a_workbook_with_macros_or_damage_is_one_sentence(
    publisher: Publisher, name: str, content: bytes | None, words: str
) -> None:
    path = xlsx(publisher.directory / "t.xlsx", {"M": grid(typed())})
    with zipfile.ZipFile(path) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    parts[name] = parts[name][:500] if content is None else content
    with zipfile.ZipFile(path, "w") as archive:
        for each, part in parts.items():
            archive.writestr(each, part)
    assert words in refused(path)


def test_a_locked_opendocument_file_and_one_with_macros_are_one_sentence(publisher: Publisher) -> None:
    locked = ods(publisher.directory / "l.ods", {"M": grid(typed())})
    with zipfile.ZipFile(locked) as archive:
        content = archive.read("content.xml")
    with zipfile.ZipFile(locked, "w") as archive:
        archive.writestr("META-INF/manifest.xml", "<m><manifest:encryption-data/></m>")
        archive.writestr("content.xml", content)
    assert "locked with a password" in refused(locked)
    macros = ods(
        publisher.directory / "m.ods", {"M": grid(typed())}, others={"Basic/Standard/Module1.xml": "x"}
    )
    assert "holds macros" in refused(macros)
    torn = ods(publisher.directory / "t.ods", {"M": "<table:table-row><table:table-cell>"})
    assert "is damaged" in refused(torn)


def test_a_part_whose_name_holds_a_path_is_never_written(publisher: Publisher) -> None:
    path = xlsx(publisher.directory / "t.xlsx", {"M": grid(typed())})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../escaped.txt", "x")
    assert len(lines_of(path)) == 1
    assert not list(publisher.directory.parent.rglob("escaped.txt"))


@WRITERS
def test_a_sheet_of_too_many_rows_is_refused_before_a_row_is_read(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, write: Write, suffix: str
) -> None:
    path = write(publisher.directory / f"t{suffix}", {"M": grid(*[typed()] * 5)})
    monkeypatch.setattr(sheets, "MOST_ROWS", 6)
    assert len(lines_of(path)) == 5
    monkeypatch.setattr(sheets, "MOST_ROWS", 5)
    assert "too large in the sheet 'M': nothing was read; split" in refused(path)


def _cell(text: str, attributes: str) -> str:
    return ods_cell(text).replace("<table:table-cell", f"<table:table-cell {attributes}", 1)


_MANY_ROWS, _MANY_COLUMNS = 'table:number-rows-repeated="1000000"', 'table:number-columns-repeated="16000"'
_TOO_MANY = "999999999"
BOMBS = (
    ods_row([_cell("x" * 30_000, _MANY_COLUMNS)], _MANY_ROWS),
    ods_row([ods_cell("x")], _MANY_ROWS),
    ods_row([ods_cell("x")], f'table:number-rows-repeated="{_TOO_MANY}"'),
    ods_row([_cell("x", f'table:number-columns-repeated="{_TOO_MANY}"')]),
    ods_row(
        [_cell("", f'table:number-rows-spanned="{_TOO_MANY}" table:number-columns-spanned="{_TOO_MANY}"')]
    )
    * 3,
)


@pytest.mark.slow
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_of_repeated_cells_ends_in_a_sentence(publisher: Publisher, bomb: str) -> None:
    assert refused(ods(publisher.directory / "t.ods", {"M": bomb}))


@pytest.mark.slow
@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"])
def test_a_zip_bomb_is_not_unpacked(publisher: Publisher, part: str) -> None:
    path = xlsx(publisher.directory / "t.xlsx", {"M": grid(typed())})
    with zipfile.ZipFile(path) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    parts[part] = parts[part].replace(b"<si><t>", b"<si><t>" + b"A" * (64 << 20), 1) + b" " * (64 << 20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in parts.items():
            archive.writestr(each, content)
    assert path.stat().st_size < 500_000
    assert "too large unpacked" in refused(path)


def test_a_workbook_that_is_too_large_is_refused(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = xlsx(publisher.directory / "t.xlsx", {"M": grid(typed())})
    monkeypatch.setattr(package, "LARGEST_FILE", 10)
    assert "larger than" in refused(path)


def test_a_cell_of_whole_rows_is_refused_in_a_sheet_too(publisher: Publisher) -> None:
    swallowed = ",".join(ROW.values())
    path = xlsx(publisher.directory / "t.xlsx", {"M": grid(typed(new_address_line_1=f"1 X\n{swallowed}\n"))})
    assert reasons(lines_of(path)[0]) == ("", "whole-records")


def test_cells_of_a_sheet_may_be_as_wide_as_the_last_column(publisher: Publisher) -> None:
    wide: list[Cell] = [*grid(typed())[1], *[None] * (ods_rows.MOST_COLUMNS - len(COLUMNS) - 1), "far"]
    path = xlsx(publisher.directory / "t.xlsx", {"M": [list(COLUMNS), wide]})
    assert reasons(lines_of(path)[0]) == ("", "extra-content")
