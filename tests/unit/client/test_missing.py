"""Rows that have gone from an export are shown on request, annulled on request, and never annulled for a cut export."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.adapters import Memory
from instep.adapters.identity import Identity
from instep.cli.missing import missing_of
from instep.client.missing import Gone, Missing, objection
from tests.unit.adapters.publishing import row
from tests.unit.client.hand import AUTHORITY, Officer
from tests.unit.client.records import gone

ROWS = [row(reference=f"CT-{number}", household_reference=f"HH-{number}") for number in range(1, 5)]


@pytest.fixture
def officer(tmp_path: Path) -> Officer:
    officer = Officer(tmp_path)
    officer.publish(*ROWS, name="monday.csv")
    return officer


def test_a_row_that_has_gone_is_known_by_its_last_file_and_line(officer: Officer) -> None:
    officer.publish(*ROWS, name="tuesday.csv")
    officer.publish(ROWS[0], ROWS[2], ROWS[3], name="wednesday.csv")
    (standing,) = officer.missing
    assert (standing.file, standing.line) == ("tuesday.csv", 3)
    assert standing.subject_ref == officer.headers[1]["subject_ref"]


def test_a_row_that_is_unchanged_changed_or_refused_by_the_rules_is_not_missing(officer: Officer) -> None:
    changed = {**ROWS[1], "move_date": "2026-05-20", "recorded_at": "2026-06-01T10:00:00Z"}
    officer.publish(ROWS[0], changed, {**ROWS[2], "new_address_line_1": "2  New  St"}, ROWS[3])
    assert officer.missing == []


def test_nothing_is_annulled_by_a_row_that_has_gone(officer: Officer) -> None:
    officer.publish(*ROWS[:3])
    assert {header["change_kind"] for header in officer.headers} == {"NEW"}


def test_a_row_that_was_never_published_is_not_missed(officer: Officer) -> None:
    stayed = {name.replace("old", "new"): value for name, value in ROWS[0].items() if name.startswith("old")}
    assert officer.publish({**ROWS[0], **stayed, "reference": "CT-9"}) == ["not-moved"]
    officer.publish(*ROWS, {**ROWS[0], "reference": "CT-8", "move_date": "2026-13-01"})
    officer.publish(*ROWS)
    assert officer.missing == []


def test_records_of_another_systems_exports_are_not_missed(officer: Officer) -> None:
    file = officer.directory / "events.jsonl"
    file.write_text(
        '{"reference": "P-1", "header": {"source_system": "parking", "occurred_on": "2026-05-01", "recorded_at":'
        ' "2026-05-04T10:00:00Z", "handling": "ORDINARY"}, "person": {"family_name": "Hollowell"}, "moved_on":'
        ' "2026-05-01", "old_address": {"postcode": "LS1 1UR"}, "new_address": {"postcode": "BD1 1HY"}, "status":'
        ' "CONFIRMED"}\n'
    )
    assert officer.publish_file(file) == ["published"]
    assert officer.missing == [], "a file of the parking system says nothing of council tax"


def test_what_was_annulled_is_missed_no_more(officer: Officer) -> None:
    officer.annul("CT-2")
    officer.publish(ROWS[0], ROWS[2], ROWS[3])
    with Memory.open(officer.directory, AUTHORITY) as memory:
        roll, identity = memory.roll(), Identity(secret=memory.secret, authority=AUTHORITY)
        roll.scopes = {("resident-moved", "council-tax")}
        assert "CT-2" not in str(missing_of(roll, memory, identity))
        assert len(missing_of(roll, memory, identity).gone) == 3, "only a run of its own says what is there"


def test_the_memory_keeps_no_reference_and_no_value_of_a_row(officer: Officer) -> None:
    kept = b"".join(file.read_bytes() for file in (officer.directory / AUTHORITY).glob("memory.sqlite*"))
    assert b"monday.csv" in kept
    for value in (b"CT-1", b"HH-1", b"Quillfeather", b"LS1"):
        assert value not in kept


def of(gone_count: int, known: int, *, unread: int = 0, rows: int = 1) -> Missing:
    """So many of so many are missing."""
    return Missing(gone=[gone()] * gone_count, known=known, unread=unread, rows=rows)


@given(known=st.integers(1, 2000), missing=st.integers(0, 2000))
def test_more_than_one_in_twenty_is_annulled_only_when_the_number_is_named(known: int, missing: int) -> None:
    missing = min(known, missing)
    refused = bool(objection(of(missing, known), None))
    assert refused == (missing > 1 and missing * 20 > known)
    assert objection(of(missing, known), missing) == ""


@given(named=st.integers(0, 50), missing=st.integers(0, 50))
def test_a_number_that_is_not_the_number_annuls_nothing(named: int, missing: int) -> None:
    assert bool(objection(of(missing, 50), named)) == (named != missing)


def test_a_file_with_a_line_that_nobody_can_read_annuls_nothing() -> None:
    assert "put the file right first" in objection(of(1, 100, unread=1), 1)


def test_a_file_without_rows_annuls_nothing() -> None:
    assert "has no rows" in objection(of(0, 0, rows=0), 0)


def test_the_refusal_says_what_to_add() -> None:
    assert "--confirm-missing 40" in objection(of(40, 100), None)
    assert "40 of 100 published records are missing" in objection(of(40, 100), None)


def test_a_gone_record_is_of_the_export(officer: Officer) -> None:
    officer.publish(*ROWS[:3])
    (standing,) = officer.missing
    with Memory.open(officer.directory, AUTHORITY) as memory:
        assert memory.last(standing.subject) is not None
    assert isinstance(gone(), Gone)
