"""Titles and totals are passed over and said; no row that may be somebody's is."""

from dataclasses import replace

import pytest

from instep.adapters import Line, Note, Refused, Row, Settings, read
from instep.adapters.csv_moves import COLUMNS
from instep.adapters.title_rows import is_total
from instep.errors import FileFormatError
from tests.unit.adapters.publishing import AUTHORITY, ROW, SETTINGS, Publisher, csv_of, row

PLACES = {column: place for place, column in enumerate(COLUMNS)}


def read_with_remarks(publisher: Publisher, content: bytes) -> tuple[list[Line], list[tuple[int, str]]]:
    said: list[tuple[int, str]] = []

    def remark(line: int, note: Note) -> None:
        said.append((line, note.reason))

    path = publisher.file(content)
    return list(read(path, authority=AUTHORITY, settings=replace(SETTINGS, remark=remark))), said


@pytest.mark.parametrize(
    "above", [b"Moves of May 2026\r\n", b"Moves,,,\r\n\r\nRun on:,31/05/2026\r\n", b"sep=,\r\nMoves\r\n"]
)
def test_titles_above_the_headings_are_said(publisher: Publisher, above: bytes) -> None:
    lines, said = read_with_remarks(publisher, above + csv_of(row()))
    assert [type(line) for line in lines] == [Row]
    titles = [
        n for n, text in enumerate(above.splitlines(), start=1) if text and not text.startswith(b"sep=")
    ]
    assert said == [(title, "above-headings") for title in titles]


def test_a_row_above_the_headings_is_never_passed_over(publisher: Publisher) -> None:
    """A spreadsheet that sorts the headings too puts rows above them."""
    headings, first, second = csv_of(row(), row(reference="CT-2")).splitlines(keepends=True)
    path = publisher.file(first + headings + second)
    with pytest.raises(
        FileFormatError, match="headings on line 2, and line 1 above them is no title: move the"
    ):
        read(path, authority=AUTHORITY, settings=SETTINGS)


def test_headings_that_lack_a_column_are_no_title_of_headings_below(publisher: Publisher) -> None:
    """Two exports put together: the rows of the first are nobody's to pass over."""
    first = csv_of(row()).replace(b"protected", b"protect")
    path = publisher.file(first + csv_of(row(reference="CT-2")))
    with pytest.raises(FileFormatError, match="line 1 above them is no title"):
        read(path, authority=AUTHORITY, settings=SETTINGS)


@pytest.mark.parametrize(
    "below",
    ["Total,250", "Total: 250", "Grand total,,,,12", "Count,2", "Number of records: 2", "(2 rows affected)", "Page 1 of 3",
     "*** End of report ***", "Printed by J Smith on 31/05/2026", "2 records selected.", "Records,2,,,3"],
)  # fmt: skip
def test_totals_and_remarks_below_the_rows_are_said(publisher: Publisher, below: str) -> None:
    lines, said = read_with_remarks(publisher, csv_of(row()) + f"\r\n{below}\r\n".encode())
    assert [type(line) for line in lines] == [Row]
    assert said == [(4, "total")]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"household_reference": ""},
        {"household_reference": "", "protected": "", "family_name": "Page"},
        {"reference": "", "given_names": "", "title": "Count"},
        {"reference": "Total"},
    ],
)
def test_a_row_of_a_person_is_no_total(publisher: Publisher, changes: dict[str, str]) -> None:
    cells = [{**ROW, **changes}.get(column, "") for column in COLUMNS]
    assert not is_total(cells, PLACES)


@pytest.mark.parametrize(
    "only",
    [
        {"reference": "Total", "household_reference": "551"},
        {"reference": "Total", "protected": "yes"},
        {"reference": "Total protected", "title": "12"},
        {"family_name": "Page", "given_names": "Ann"},
        {"family_name": "Count", "protected": "1"},
        {"reference": "CT-7"},
    ],
)
def test_what_may_say_something_of_a_person_is_no_total(publisher: Publisher, only: dict[str, str]) -> None:
    assert not is_total([only.get(column, "") for column in COLUMNS], PLACES)
    damaged = {**dict.fromkeys(COLUMNS, ""), **only}
    lines, said = read_with_remarks(publisher, csv_of(row(household_reference="551"), damaged))
    assert [type(line) for line in lines] == [Row, Refused]
    assert said == []


def test_headings_are_looked_for_in_the_first_lines_alone(publisher: Publisher) -> None:
    path = publisher.file(b"note\n" * 40 + csv_of(row()))
    settings: Settings = SETTINGS
    with pytest.raises(FileFormatError, match="its beginning holds none of the headings"):
        read(path, authority=AUTHORITY, settings=settings)
