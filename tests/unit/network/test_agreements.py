"""Agreements: their standing on a day, and how documents and records are read."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.errors import NetworkError
from instep.network import documents
from instep.network.agreements import Agreement
from instep.network.days import RespondWithin, respond_within, today_in_london
from instep.network.network import load
from instep.network.records import from_records, to_records

SAMPLE = Path(__file__).parents[3] / "deploy/network/sample"
COUNCIL_TAX = load(SAMPLE).agreements["council-tax"]


def test_an_agreement_flows_from_its_first_to_its_last_day_and_no_other() -> None:
    assert COUNCIL_TAX.standing(date(2026, 3, 31)) == "not-yet-effective"
    assert COUNCIL_TAX.standing(date(2026, 4, 1)) == "active"
    assert COUNCIL_TAX.standing(date(2027, 3, 31)) == "active"
    assert COUNCIL_TAX.standing(date(2027, 4, 1)) == "expired"


def test_a_suspended_or_ended_agreement_says_so_on_any_day() -> None:
    for day in (date(2020, 1, 1), date(2026, 6, 1), date(2040, 1, 1)):
        assert replace(COUNCIL_TAX, status="suspended").standing(day) == "suspended"
        assert replace(COUNCIL_TAX, status="ended").standing(day) == "ended"


def test_an_agreement_binds_those_who_have_approved_it() -> None:
    assert "leeds" in COUNCIL_TAX.parties
    assert COUNCIL_TAX.parties - COUNCIL_TAX.approved == {"leeds"}


def test_an_agreement_is_named_by_id_and_version() -> None:
    assert COUNCIL_TAX.label == "council-tax@2"


def test_agreements_are_found_by_source_and_event_in_any_standing() -> None:
    network = load(SAMPLE)
    ids = [agreement.id for agreement in network.agreements_of("barnsley", "resident-moved")]
    assert ids == ["council-tax", "electoral-registration", "placement-notices"]
    assert network.agreements_of("derbyshire", "resident-moved") == ()
    assert network.agreements_of("barnsley", "nothing-like-it") == ()


def test_an_agreement_read_and_written_is_the_same() -> None:
    for agreement in load(SAMPLE).agreements.values():
        assert documents.agreement(documents.document(agreement)) == agreement


def test_a_network_is_the_same_after_its_records() -> None:
    network = replace(
        load(SAMPLE), generation=7, schemas={1: ("uk.instep.ResidentMoved", "1.0.0")}, registry="registry"
    )
    assert from_records({**to_records(network), "generation": b"7"}) == network


def test_records_without_a_generation_are_generation_0() -> None:
    assert from_records(to_records(load(SAMPLE))).generation == 0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("agreement/council-tax", b"{}"),
        ("agreement/council-tax", b"\xff"),
        ("authority/leeds", b"[]"),
        ("schema/one", b'{"full_name": "a", "version": "1.0.0"}'),
        ("generation", b"seven"),
        ("network", b"null"),
    ],
)
def test_a_record_that_cannot_be_read_is_named(key: str, value: bytes) -> None:
    with pytest.raises(NetworkError, match=f"the record {key} of instep.network"):
        from_records({**to_records(load(SAMPLE)), key: value})


def test_a_topic_without_a_network_says_what_to_do() -> None:
    with pytest.raises(NetworkError, match="instep network apply"):
        from_records({})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"souces": []}, "souces is not known here (did you mean sources?)"),
        ({"version": "3"}, "version must be a whole number: write version = 3"),
        ({"version": True}, "version must be a whole number"),
        (
            {"effective_from": "01/04/2026"},
            "effective_from must be a date such as 2026-04-01: write effective_from = 2026-04-01",
        ),
        (
            {"effective_from": datetime(2026, 4, 1, tzinfo=UTC)},
            "effective_from must be a date such as 2026-04-01: write effective_from = 2026-04-01",
        ),
        (
            {"sources": "leeds, bradford"},
            'sources must be a list of texts: write sources = ["leeds", "bradford"]',
        ),
        ({"status": "paused"}, "status is 'paused', which is not active, suspended or ended"),
        (
            {"respond_within": "soon"},
            'respond_within is \'soon\'; write it as "10 working days" or "5 days"',
        ),
        ({"approved": [{"authority": "leeds", "on": date(2026, 1, 1)}]}, "approved: by is missing"),
        (
            {"share": [{"event": "resident-moved", "change_kinds": ["UNKNOWN"], "fields": []}]},
            "change_kinds is 'UNKNOWN', which is not NEW, CORRECT, ANNUL or REFRESH",
        ),
        (
            {"share": [{"event": "resident-moved", "change_kinds": [], "fields": [], "when": "never"}]},
            "when is 'never', which is not concerns-recipient or always",
        ),
    ],
)
def test_a_document_that_does_not_fit_says_why(change: dict[str, Any], words: str) -> None:
    document = {**documents.document(COUNCIL_TAX), **change}
    assert [error.message for error in documents.agreement_errors(document)] == [words]


def test_what_a_share_leaves_out_permits_nothing() -> None:
    document = documents.document(COUNCIL_TAX)
    document["share"] = [{"event": "resident-moved", "change_kinds": ["NEW"], "fields": ["moved_on"]}]
    (share,) = documents.agreement(document).shares
    assert share.protected is False
    assert share.when == "concerns-recipient"


def test_a_directory_with_a_fault_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="does not exist"):
        load(tmp_path)
    (tmp_path / "network.toml").write_text('name = "x1"\nlane = 4\n')
    with pytest.raises(NetworkError, match=r"network\.toml: lane is not known here \(did you mean lanes\?\)"):
        load(tmp_path)


def test_the_response_clock_begins_on_the_day_after() -> None:
    friday = date(2026, 11, 20)
    assert respond_within("1 day").respond_by(friday) == date(2026, 11, 21)
    assert respond_within("28 days").respond_by(friday) == date(2026, 12, 18)
    assert respond_within("1 working day").respond_by(friday) == date(2026, 11, 23)
    assert respond_within("10 working days").respond_by(friday) == date(2026, 12, 4)


@given(
    st.dates(date(2020, 1, 1), date(2040, 1, 1)),
    st.integers(1, 400),
)
def test_working_days_are_counted_one_by_one(disclosed: date, days: int) -> None:
    day, left = disclosed, days
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5
    assert RespondWithin(days=days, working=True).respond_by(disclosed) == day


@given(st.integers(1, 9999), st.booleans())
def test_a_response_clock_reads_as_it_is_written(days: int, working: bool) -> None:
    clock = RespondWithin(days=days, working=working)
    assert respond_within(str(clock)) == clock


@pytest.mark.parametrize("text", ["", "days", "0 days", "-1 days", "10 Working days", "ten days", "10  days"])
def test_anything_else_is_no_response_clock(text: str) -> None:
    with pytest.raises(NetworkError):
        respond_within(text)


def _ms(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]


def test_a_day_begins_and_ends_in_london() -> None:
    assert today_in_london(_ms(2026, 11, 23, 23, 59, 59)) == date(2026, 11, 23)
    assert today_in_london(_ms(2026, 11, 24)) == date(2026, 11, 24)
    assert today_in_london(_ms(2026, 6, 30, 22, 59, 59)) == date(2026, 6, 30)
    assert today_in_london(_ms(2026, 6, 30, 23)) == date(2026, 7, 1)


def test_what_is_worked_out_is_worked_out_again_for_a_changed_agreement() -> None:
    changed: Agreement = replace(COUNCIL_TAX, version=3, approvals=())
    assert changed.label == "council-tax@3"
    assert changed.approved == frozenset()
