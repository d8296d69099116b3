"""`moves-dirty.csv` is like councils' real files: every record comes out with its expected result."""

import csv
import re
from pathlib import Path

import pytest

from instep.adapters import Refused, Review, Row, Send, Settings, Skipped, Triaged, read
from tests.unit.adapters.publishing import AUTHORITY, DATA, SETTINGS, TODAY, Publisher

EXPECTED = list(csv.DictReader((DATA / "moves-dirty-expected.csv").read_text(encoding="utf-8").splitlines()))
DIRTY = DATA / "moves-dirty.csv"
UNKNOWN = {
    row["note"].partition("=")[2].partition(";")[0] for row in EXPECTED if row["reason"] == "unknown-postcode"
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Triaged]:
    settings = Settings(today=TODAY, known_postcode=lambda postcode: postcode not in UNKNOWN)
    return Publisher(tmp_path_factory.mktemp("dirty")).publish(DIRTY, settings=settings)


@pytest.fixture(scope="module")
def rows() -> dict[int, Row]:
    lines = read(DIRTY, authority=AUTHORITY, settings=SETTINGS)
    return {row.line: row for row in lines if isinstance(row, Row)}


def fate(outcome: Triaged) -> tuple[int, str, str]:
    match outcome:
        case Send(notes=notes):
            reviews = [note.reason for note in notes if note.review]
            if reviews:
                return outcome.line, "review", reviews[0]
            return outcome.line, "accept-normalised" if notes else "accept", ""
        case Skipped(reason=reason):
            return outcome.line, "skip", reason
        case Review(reason=reason):
            return outcome.line, "review", reason
        case Refused(reason=reason):
            return outcome.line, "reject", reason
        case _:
            return outcome.line, type(outcome).__name__, ""


def test_every_record_comes_out_with_its_outcome_reason_and_physical_line(outcomes: list[Triaged]) -> None:
    expected = [(int(row["physical_line"]), row["outcome"], row["reason"]) for row in EXPECTED]
    assert [fate(outcome) for outcome in outcomes] == expected


def test_windows_1252_and_utf_8_rows_both_read_as_they_were_meant(rows: dict[int, Row]) -> None:
    meant = [(int(row["physical_line"]), match) for row in EXPECTED
             if (match := re.search(r"(\w+) must read as (.+)$", row["note"]))]  # fmt: skip
    assert len(meant) == 23
    for line, match in meant:
        body = rows[line].body
        side = body["person"] | {
            f"{end}_address_line_{number}": text
            for end in ("old", "new")
            for number, text in enumerate(body[f"{end}_address"]["lines"], start=1)
        }
        assert side[match[1]] == match[2]


def test_uk_dates_are_read_day_first(rows: dict[int, Row]) -> None:
    noted = [(int(row["physical_line"]), match) for row in EXPECTED
            if (match := re.match(r"move_date is (\S+), date_of_birth is (\S+)", row["note"]))]  # fmt: skip
    assert len(noted) == 25
    for line, match in noted:
        assert (rows[line].body["moved_on"], rows[line].body["person"]["born_on"]) == match.groups()


def test_references_that_lost_their_zeros_have_them_again(rows: dict[int, Row]) -> None:
    noted = [(int(row["physical_line"]), match[1]) for row in EXPECTED
            if (match := re.match(r"reference is (\d+)", row["note"]))]  # fmt: skip
    assert len(noted) == 8
    assert all(rows[line].reference == reference for line, reference in noted)


def test_a_postcode_that_is_none_is_left_out_and_the_record_kept(rows: dict[int, Row]) -> None:
    malformed = [row for row in EXPECTED if row["reason"] == "malformed-postcode"]
    assert malformed
    for row in malformed:
        side = row["note"].partition("_postcode")[0]
        assert "postcode" not in rows[int(row["physical_line"])].body[f"{side}_address"]


def test_a_well_formed_postcode_that_stands_for_no_place_is_kept(rows: dict[int, Row]) -> None:
    assert rows[38].body["new_address"]["postcode"] == "ZZ99 3VZ"


def test_a_uprn_whose_digits_are_gone_is_left_out(rows: dict[int, Row]) -> None:
    assert "uprn" not in rows[88].body["new_address"]


def test_a_line_break_in_a_cell_becomes_a_comma(rows: dict[int, Row]) -> None:
    assert rows[53].body["new_address"]["lines"] == ["200 Rowan Way, Rear entrance"]


def test_running_again_publishes_nothing(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    publisher.publish(DIRTY)
    assert not [outcome for outcome in publisher.publish(DIRTY) if isinstance(outcome, Send)]
