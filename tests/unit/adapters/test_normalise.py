"""Cells as people and spreadsheets write them."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.adapters import normalise
from instep.errors import RowError

TODAY = date(2026, 11, 23)
DAYS = st.dates(date(1850, 1, 1), TODAY)
WRITTEN = [
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%d-%b-%Y",
    "%d %B %Y",
    "%Y/%m/%d",
    "%d/%m/%Y 00:00",
]


@given(DAYS, st.sampled_from(WRITTEN))
def test_a_day_is_the_same_however_it_is_written(day: date, written: str) -> None:
    assert normalise.day("move_date", day.strftime(written), TODAY) == day


@given(st.dates(date(1850, 1, 1), TODAY))
def test_a_birth_with_a_two_digit_year_is_read_where_one_century_alone_is_possible(day: date) -> None:
    """Today is 23 November 2026: somebody born in 2011 to 2026 may have been born a hundred years earlier as well."""
    text = day.strftime("%d/%m/%y")
    if int(day.strftime("%y")) in range(11, 26):
        with pytest.raises(RowError, match="birth-century"):
            normalise.day("date_of_birth", text, TODAY, birth=True)
    elif day.year % 100 != 26:  # later in the year than today, one century alone is possible
        born = normalise.day("date_of_birth", text, TODAY, birth=True)
        assert born.strftime("%d/%m/%y") == text
        assert date(1911, 1, 1) <= born <= TODAY


def test_a_move_with_a_two_digit_year_is_of_this_century() -> None:
    assert normalise.day("move_date", "01/02/27", TODAY) == date(2027, 2, 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-02-30", "impossible-date"),
        ("29/02/2023", "impossible-date"),
        ("00/00/0000", "impossible-date"),
        ("12/31/2026", "impossible-date"),
        ("31-Foo-2026", "impossible-date"),
        ("TBC", "impossible-date"),
        ("20260304", "impossible-date"),
        ("٢٠٢٦-٠٣-٠٤", "impossible-date"),
        ("46105", "excel-serial-date"),
        ("46105.5", "excel-serial-date"),
        ("0206-03-04", "date-out-of-range"),
        ("2062-03-04", "date-out-of-range"),
        ("1849-12-31", "date-out-of-range"),
    ],
)
def test_a_day_that_cannot_be_true_is_refused_and_never_guessed(text: str, reason: str) -> None:
    with pytest.raises(RowError) as caught:
        normalise.day("move_date", text, TODAY)
    assert (caught.value.column, caught.value.reason) == ("move_date", reason)
    assert text not in str(caught.value)


@given(st.text(max_size=30))
def test_any_text_at_all_is_a_day_or_a_refusal(text: str) -> None:
    for read in (normalise.day, normalise.moment):
        problem = "impossible-date"
        try:
            read("move_date", text, TODAY)
        except RowError as error:
            problem = error.reason
        assert problem in {"impossible-date", "date-out-of-range", "excel-serial-date"}


def test_nobody_is_born_tomorrow() -> None:
    with pytest.raises(RowError, match="date-in-future"):
        normalise.day("date_of_birth", "2026-11-24", TODAY, birth=True)


@pytest.mark.parametrize(
    ("text", "at", "zoned"),
    [
        ("2026-08-04T14:23:38Z", datetime(2026, 8, 4, 14, 23, 38, tzinfo=UTC), True),
        ("2026-08-04T14:23:38.1239Z", datetime(2026, 8, 4, 14, 23, 38, 123000, tzinfo=UTC), True),
        ("2026-08-04t14:23:38+01:00", datetime(2026, 8, 4, 13, 23, 38, tzinfo=UTC), True),
        ("2026-08-04 14:23", datetime(2026, 8, 4, 13, 23, tzinfo=UTC), False),
        ("04/08/2026 9:05", datetime(2026, 8, 4, 8, 5, tzinfo=UTC), False),
        ("04 Dec 2025, 09:05:01", datetime(2025, 12, 4, 9, 5, 1, tzinfo=UTC), False),
        ("2026-01-04", datetime(2026, 1, 4, tzinfo=UTC), False),
    ],
)
def test_a_time_without_a_zone_is_uk_time(text: str, at: datetime, zoned: bool) -> None:
    assert normalise.moment("recorded_at", text, TODAY) == (at, zoned)


@pytest.mark.parametrize(
    "text", ["2026-08-04T25:00:00Z", "2026-08-04T14:61:00Z", "2026-08-04T14:00:00+99:00"]
)
def test_a_time_that_no_clock_shows_is_refused(text: str) -> None:
    with pytest.raises(RowError, match="impossible-date"):
        normalise.moment("recorded_at", text, TODAY)


@given(st.integers(0, 4_000_000_000_000))
def test_an_instant_goes_to_milliseconds_and_back(instant: int) -> None:
    at = normalise.at_milliseconds(instant)
    assert normalise.milliseconds(at) == instant
    assert normalise.moment("at", normalise.iso(at), date(2100, 1, 1))[0] == at if at.year < 2100 else True


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  Howarth\u00a0", "Howarth"),
        ("\tEast  Cambridgeshire", "East Cambridgeshire"),
        ("200 Rowan Way\r\nRear entrance", "200 Rowan Way, Rear entrance"),
        ("200 Rowan Way,\nRear entrance\n", "200 Rowan Way, Rear entrance"),
    ],
)
def test_spaces_and_line_breaks_are_put_right(raw: str, clean: str) -> None:
    assert normalise.clean(raw) == clean


@given(st.text(max_size=40))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = normalise.clean(text)
    assert normalise.clean(once) == once


def test_references_are_the_same_with_and_without_leading_zeros_and_capitals() -> None:
    assert normalise.key_of("00010007") == normalise.key_of("10007")
    assert normalise.key_of("CT-26-1") == normalise.key_of("ct-26-1")
    assert normalise.key_of("000") == normalise.key_of("0")
    assert normalise.key_of("A007") != normalise.key_of("A7")


def answer(read: Callable[[], object]) -> object:
    """What a reading gives, or the reason of its refusal."""
    try:
        return read()
    except RowError as error:
        return error.reason


DIGITS = st.integers(0, 99).map("{:02}".format)
YEARS = st.one_of(st.integers(0, 9999), st.integers(1845, 2035)).map("{:04}".format)
USUAL_DAYS = st.builds("{}-{}-{}".format, YEARS, DIGITS, DIGITS)
USUAL_MOMENTS = st.builds("{}T{}:{}:{}".format, USUAL_DAYS, DIGITS, DIGITS, DIGITS)


@given(USUAL_DAYS, st.booleans())
def test_the_usual_form_of_a_day_is_read_as_its_other_forms_are(text: str, birth: bool) -> None:
    other = text.replace("-", "/")
    assert answer(lambda: normalise.day("column", text, TODAY, birth=birth)) == answer(
        lambda: normalise.day("column", other, TODAY, birth=birth)
    )


@given(USUAL_MOMENTS)
def test_the_usual_form_of_a_moment_is_read_as_its_other_forms_are(text: str) -> None:
    usual, other = f"{text}Z", f"{text}+00:00"
    assert answer(lambda: normalise.moment("column", usual, TODAY)) == answer(
        lambda: normalise.moment("column", other, TODAY)
    )
    assert normalise.precision(usual) == normalise.precision(other)
