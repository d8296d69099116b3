"""A span of days in London."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.client.days import LONDON, Days
from instep.errors import ConfigurationError


def utc(ms: int | None) -> datetime:
    assert ms is not None
    return datetime.fromtimestamp(ms / 1000, UTC)


def test_a_day_begins_and_ends_at_midnight_in_london() -> None:
    summer = Days(since=date(2026, 7, 1), until=date(2026, 7, 1))
    assert utc(summer.since_ms) == datetime(2026, 6, 30, 23, tzinfo=UTC)
    assert utc(summer.until_ms) == datetime(2026, 7, 1, 23, tzinfo=UTC)


def test_the_day_on_which_clocks_go_back_has_25_hours() -> None:
    day = Days(since=date(2026, 10, 25), until=date(2026, 10, 25))
    assert utc(day.until_ms) - utc(day.since_ms) == timedelta(hours=25)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 -- moments in UTC, made so below
def test_each_moment_lies_in_the_span_of_its_own_day_and_not_in_the_next(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    day = moment.astimezone(LONDON).date()
    span, after = Days(since=day, until=day), Days(since=day + timedelta(days=1))
    assert utc(span.since_ms) <= moment < utc(span.until_ms) == utc(after.since_ms)


def test_a_span_is_open_where_no_day_is_named() -> None:
    assert not Days()
    assert (Days().since_ms, Days().until_ms) == (None, None)
    assert Days(until=date(2026, 7, 1))
    assert Days(until=date.max).until_ms is None


def test_a_span_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="2026-06-30 lies before --since 2026-07-01"):
        Days(since=date(2026, 7, 1), until=date(2026, 6, 30))
