"""Numbers and dates of spreadsheets as the texts of a CSV file."""

from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.adapters.normalise import is_damaged_reference
from instep.workbooks.cell_texts import Padding, moment_text, number_text, padding_of


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("551", "551"),
        ("551.0", "551"),
        ("5.51E2", "551"),
        ("-3", "-3"),
        ("0", "0"),
        ("1.5", "1.5"),
        ("0.1", "0.1"),
        ("1E-7", "0.0000001"),
        ("100023336956", "100023336956"),
        ("1.00023336956E+11", "100023336956"),
        ("999999999999999", "999999999999999"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("1E+999999", "1E+999999"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_number_is_written_in_plain_digits(written: str, text: str) -> None:
    assert number_text(written) == text


@pytest.mark.parametrize(
    "written",
    ["551000000000", "5.51E+11", "5.51235E+11", "1.23456789012346E+18", "1234567890123456800", "1E+15"],
)
def test_a_number_whose_digits_are_lost_is_a_damaged_reference(written: str) -> None:
    assert is_damaged_reference(number_text(written))


@given(st.integers(-(10**11) + 1, 10**11 - 1))
def test_a_number_that_a_spreadsheet_shows_whole_stays_as_it_is(number: int) -> None:
    assert number_text(str(number)) == number_text(f"{number}.0") == str(number)


@pytest.mark.parametrize(
    ("number_format", "padding"),
    [
        ("000000", Padding("", 6)),
        ('"CT-"0000', Padding("CT-", 4)),
        (r"\C\T0", Padding("CT", 1)),
        ("0000;-0000", Padding("", 4)),
        ("0", None),
        ("0.00", None),
        ("General", None),
        ("#,##0", None),
    ],
)
def test_zeros_and_texts_of_a_number_format_are_known(number_format: str, padding: Padding | None) -> None:
    assert padding_of(number_format) == padding


def test_a_padded_number_is_written_as_the_sheet_shows_it() -> None:
    assert number_text("551", Padding("", 6)) == "000551"
    assert number_text("551", Padding("CT-", 2)) == "CT-551"
    assert number_text("-551", Padding("CT-", 2)) == "-551"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (date(2026, 5, 1), "2026-05-01"),
        (datetime(2026, 5, 1), "2026-05-01"),  # noqa: DTZ001 -- cells have no zone
        (datetime(2026, 5, 1, 9, 30), "2026-05-01 09:30"),  # noqa: DTZ001
        (datetime(2026, 5, 1, 9, 30, 7), "2026-05-01 09:30:07"),  # noqa: DTZ001
        (datetime(2026, 5, 1, 9, 30, 7, 250_000), "2026-05-01 09:30:07.250"),  # noqa: DTZ001
        (time(9, 30), "09:30:00"),
    ],
)
def test_a_moment_is_written_as_precisely_as_the_cell_is(cell: date | datetime | time, text: str) -> None:
    assert moment_text(cell) == text
