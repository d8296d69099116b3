"""The rows that a council's listing shows: as many as were asked for, or a few and the number of the others."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest

from instep.cli.listing import DEFAULT_LAST, LARGEST_LISTING, Listing, Page, Span
from instep.cli.output import OutputForm
from instep.client.days import Days
from instep.client.reader import Item
from tests.unit.client.inbox import received

LISTING = Listing(
    columns=("entry",),
    rows=lambda item: [{"entry": entry} for entry in item.content["entries"]],
    objects=lambda item: [{"entry": entry} for entry in item.content["entries"]],
    nothing="There are no outcomes yet.",
    wanted=lambda item: item.kind == "outcome",
)


def records(*sizes: int) -> Iterable[Item]:
    """Outcomes of so many entries each, numbered on."""
    number = 0
    for size in sizes:
        entries: list[Any] = [f"entry {number + place}" for place in range(size)]
        number += size
        yield received("outcome", {"entries": entries}, "council-tax", "s-1", {})
        yield received("other", {"entries": ["not wanted"]}, "council-tax", "s-1", {})


def shown(
    span: Span, output: OutputForm, items: Iterable[Item], capsys: pytest.CaptureFixture[str]
) -> tuple[list[str], str]:
    page = Page(LISTING, span, output)
    for item in items:
        page.take(item)
    page.show()
    printed = capsys.readouterr()
    return [line.strip() for line in printed.out.splitlines()], printed.err.strip()


@pytest.mark.parametrize("output", list(OutputForm))
@pytest.mark.parametrize("last", [1, 3, 7])
def test_n_counts_the_rows_that_are_shown_and_not_the_records(
    last: int, output: OutputForm, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, _ = shown(Span(last=last), output, records(3, 1, 4), capsys)
    rows = lines if output is OutputForm.JSON else lines[1:]
    assert [row.strip('{"}').removeprefix('entry": "') for row in rows] == [
        f"entry {number}" for number in range(8 - last, 8)
    ]


def test_without_a_wish_the_last_twenty_rows_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    lines, _ = shown(Span(), OutputForm.TABLE, records(60), capsys)
    assert lines[1:] == [f"entry {number}" for number in range(60 - DEFAULT_LAST, 60)]


def test_as_many_rows_as_were_asked_for_are_shown_however_many(capsys: pytest.CaptureFixture[str]) -> None:
    lines, _ = shown(Span(last=1200), OutputForm.TABLE, records(1500), capsys)
    assert len(lines) == 1201
    assert lines[-1] == "entry 1499"


@pytest.mark.parametrize("span", [Span(from_beginning=True), Span(days=Days(since=date(2026, 11, 1)))])
def test_a_table_of_all_records_stops_and_counts_the_rest(
    span: Span, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, _ = shown(span, OutputForm.TABLE, records(40, 9_960), capsys)
    assert len(lines) == LARGEST_LISTING + 2
    assert lines[-2:] == [f"entry {LARGEST_LISTING - 1}", "… and 9,950 more: --output json"]


def test_json_of_all_records_has_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    lines, _ = shown(Span(from_beginning=True), OutputForm.JSON, records(40, 60), capsys)
    assert len(lines) == 100


def test_n_counts_from_the_end_of_all_records_too(capsys: pytest.CaptureFixture[str]) -> None:
    lines, _ = shown(Span(from_beginning=True, last=2), OutputForm.TABLE, records(3), capsys)
    assert lines[1:] == ["entry 1", "entry 2"]


@pytest.mark.parametrize("output", list(OutputForm))
def test_nothing_is_said_to_be_nothing(output: OutputForm, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(Span(), output, records(0), capsys) == ([], "There are no outcomes yet.")
