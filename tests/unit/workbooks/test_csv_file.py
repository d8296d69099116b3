"""A table as CSV: a spreadsheet computes nothing in it, and each text comes back as it was."""

import csv
import io
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.workbooks.csv_file import CsvTable, original, protected, read_csv
from instep.workbooks.tables import Column, Value
from tests.unit.workbooks.hostile import HOSTILE, TEXTS

COLUMNS = [Column(heading="name"), Column(heading="=note")]
FORMULA = tuple("=+-@\t\r\n")


def written(*rows: Mapping[str, Value]) -> str:
    stream = io.StringIO(newline="")
    table = CsvTable(stream, COLUMNS)
    for row in rows:
        table.write(row)
    return stream.getvalue()


@given(TEXTS)
def test_each_text_comes_back_as_it_was(text: str) -> None:
    assert original(protected(text)) == text


@given(TEXTS)
def test_no_cell_begins_as_a_formula_does(text: str) -> None:
    visible = protected(text).lstrip(
        "".join(map(chr, range(0x21))) + "\x7f\x85\xa0\ufeff\u200b\u200c\u200d\u2060"
    )
    assert not protected(text).startswith(FORMULA)
    assert not visible.startswith(FORMULA)


@pytest.mark.parametrize("text", ["Ada", "O'Brien", "'s-Hertogenbosch", "12 High Street", "a=b"])
def test_a_text_that_is_no_formula_stays_as_it_is(text: str) -> None:
    assert protected(text) == text


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=5))
def test_a_file_comes_back_unchanged(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    file = tmp_path_factory.mktemp("csv") / "table.csv"
    file.write_text(written(*({"name": a, "=note": b} for a, b in rows)), encoding="utf-8", newline="")
    assert [(row["name"], row["=note"]) for row in read_csv(file)] == rows


def test_excel_takes_the_file_for_utf_8_with_lines_as_it_writes_them(tmp_path: Path) -> None:
    text = written({"name": "Zoë", "=note": None})
    assert text == "\ufeffname,'=note\r\nZoë,\r\n"
    assert text.encode().startswith(b"\xef\xbb\xbf")


def test_any_reader_of_csv_finds_the_hostile_texts_in_their_cells() -> None:
    text = written(*({"name": text} for text in HOSTILE)).removeprefix("\ufeff")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [row[0] for row in rows[1:]] == [protected(text) for text in HOSTILE]


def test_days_and_moments_are_iso_8601() -> None:
    row: dict[str, Value] = {"name": date(2026, 4, 1), "=note": datetime(2026, 4, 1, 9, 30)}  # noqa: DTZ001 -- of London
    assert written(row).splitlines()[1] == "2026-04-01,2026-04-01 09:30:00"
