"""Damage of further kinds: a protected household stays protected where any text of any day has said so."""

import json
from pathlib import Path

import pytest

from instep.adapters.memory import Fingerprint, Memory, Sent
from tests.unit.adapters.publishing import csv_of
from tests.unit.cases.council import CouncilOffice
from tests.unit.cases.test_kinds import CHILD, OTHERS, PARENT

HEADING, PROTECTED, MEMBER, OTHER = csv_of(PARENT, CHILD, OTHERS[0]).decode().split("\r\n")[:4]
ORDINARY = PROTECTED.replace(",yes,", ",no,")


def file_of(*lines: str) -> str:
    return "\r\n".join([HEADING, *lines, ""])


def bradford(directory: Path) -> CouncilOffice:
    return CouncilOffice("bradford", directory)


@pytest.mark.parametrize(
    "damaged",
    [
        PROTECTED.replace("1 Old Street", "1, Old Street"),
        PROTECTED.replace(",", ";"),
        PROTECTED.replace(",", "\t"),
        PROTECTED.replace(",Leeds,", ",,Leeds,"),
        PROTECTED.replace("Tessa", 'Tes"sa').replace("HH-77", '"HH-77'),
        PROTECTED.replace("Tessa", "Tes\nsa"),
    ],
)
def test_a_household_that_a_damaged_row_alone_names_is_protected_in_the_next_file(
    tmp_path: Path, damaged: str
) -> None:
    office = bradford(tmp_path)
    assert "PROTECTED" not in office.publish(file_of(damaged, OTHER)).handling().values()
    assert office.publish(file_of(MEMBER)).handling() == {2: "PROTECTED"}


def test_the_first_of_two_rows_on_one_line_does_not_lift_what_the_second_says(tmp_path: Path) -> None:
    office = bradford(tmp_path)
    office.publish(file_of(f"{OTHER},{PROTECTED}"))
    assert office.publish(file_of(OTHER, MEMBER)).handling()[3] == "PROTECTED"


@pytest.mark.parametrize("newer_first", [True, False])
def test_an_older_row_of_a_reference_lifts_nothing_that_a_refused_row_of_the_file_says(
    tmp_path: Path, *, newer_first: bool
) -> None:
    office = bradford(tmp_path)
    refused = PROTECTED.replace("2026-05-01", "2026-13-45").replace("2026-05-04T10", "2026-05-07T10")
    rows = [refused, ORDINARY] if newer_first else [ORDINARY, refused]
    office.publish(file_of(*rows))
    assert office.publish(file_of(MEMBER)).handling() == {2: "PROTECTED"}
    mended = ORDINARY.replace("2026-05-04T10", "2026-05-08T10")
    assert office.publish(file_of(mended)).handling() == {2: "ORDINARY"}
    later = MEMBER.replace("2026-05-04T10", "2026-05-09T10").replace("2026-05-01", "2026-05-02")
    assert office.publish(file_of(later)).handling() == {2: "ORDINARY"}


def test_a_protected_member_counts_before_the_broker_has_confirmed_the_event(tmp_path: Path) -> None:
    one = Fingerprint(
        subject=b"1", event_id=b"a", alike=b"", loose=b"", person=None, household=b"h", protected=1,
        recorded=1, sequence=1, run=1,
    )  # fmt: skip
    with Memory.open(tmp_path, "bradford") as memory:
        memory.begin(Sent(event_id=b"a", fingerprint=one))
        assert memory.protected_beside(b"h", b"2")
        assert not memory.protected_beside(b"h", b"1")


@pytest.mark.parametrize(
    "written",
    [
        "HH -77",
        "HH-\t77",
        "\uff28\uff28-\uff17\uff17",
        "\u041d\u041d-77",
        "HH\u201377",
        "\u2018HH-77\u2019",
        "=HH-77",
        "@HH-77",
        "HH-\u202e77",
        "HH-\x0077",
        'HH-"77',
        "(HH-77)",
        "\u00ff\u00feHH-77",
    ],
)
@pytest.mark.parametrize("damaged", [True, False])
def test_a_household_is_the_same_in_characters_that_look_alike(
    tmp_path: Path, written: str, *, damaged: bool
) -> None:
    row = PROTECTED.replace("HH-77", written)
    if damaged:
        row = row.replace("1 Old Street", "1, Old Street")
    assert "ORDINARY" not in bradford(tmp_path).publish(file_of(row, MEMBER)).handling().values()


@pytest.mark.parametrize(("written", "household"), [('"1,551"', "1551"), ("5.51E+11", "551234567890")])
def test_a_damaged_row_may_write_its_household_as_a_spreadsheet_does(
    tmp_path: Path, written: str, household: str
) -> None:
    row = PROTECTED.replace("HH-77", written).replace("1 Old Street", "1, Old Street")
    run = bradford(tmp_path).publish(file_of(row, MEMBER.replace("HH-77", household)))
    assert run.unsent[3] == "household-in-doubt"


@pytest.mark.parametrize(
    "exchanged",
    [
        PROTECTED.replace("HH-77,yes", "yes,HH-77"),
        PROTECTED.replace("P-1,", "HH-77,").replace("HH-77,yes", "P-1,yes"),
    ],
)
def test_a_household_under_another_heading_is_protected_all_the_same(tmp_path: Path, exchanged: str) -> None:
    run = bradford(tmp_path).publish(file_of(exchanged, MEMBER, OTHER))
    assert run.handling().get(3) != "ORDINARY"
    assert run.handling()[4] == "ORDINARY"


def test_rows_below_headings_of_another_order_are_refused_each_and_hold_back_their_households(
    tmp_path: Path,
) -> None:
    columns = HEADING.split(",")
    order = list(columns)
    first, second = columns.index("reference"), columns.index("household_reference")
    order[first], order[second] = order[second], order[first]
    row = dict(zip(columns, PROTECTED.split(","), strict=True))
    other = ["\ufeff" + ",".join(order), ",".join(row[name] for name in order)]
    run = bradford(tmp_path).publish(file_of(MEMBER, OTHER, *other))
    assert run.unsent == {2: "household-in-doubt", 4: "heading-again", 5: "other-headings"}
    assert run.handling() == {3: "ORDINARY"}


@pytest.mark.parametrize("again", ["\ufeff" + HEADING, HEADING.upper(), HEADING.replace("_", " ")])
def test_files_put_one_after_the_other_are_read_to_the_end(tmp_path: Path, again: str) -> None:
    run = bradford(tmp_path).publish(file_of(MEMBER, again, PROTECTED))
    assert run.unsent == {3: "heading-again"}
    assert run.handling() == {2: "PROTECTED", 4: "PROTECTED"}


def event(reference: str, handling: str) -> str:
    address = {"lines": ["2 New Street"], "town": "Bradford", "postcode": "BD1 1HY", "country": "GB"}
    return json.dumps({
        "event_type": "resident-moved", "reference": reference, "household_reference": "HH-77",
        "header": {"occurred_on": "2026-05-01", "recorded_at": "2026-05-04T10:00:00Z", "handling": handling},
        "person": {"family_name": "Quill"}, "moved_on": "2026-05-01", "status": "CONFIRMED",
        "new_address": address, "old_address": {**address, "lines": ["1 Old Street"]},
    })  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"handling": "PROTECTED"', '"handling": "PROTECTED", "handling": "ORDINARY"'),
        ('"handling": "PROTECTED"}', '"handling": "ORDINARY"}, "handling": "PROTECTED"'),
        ('"handling": "PROTECTED"', '"handling": "ORDINARY", "Handling": "PROTECTED"'),
        ('"HH-77"', '"HH-77", "household_reference": "HH-9"'),
        ('"HH-77"', '["HH-77"]'),
        ('"HH-77"', '"H\\u0048-77'),
    ],
)
def test_an_event_that_says_protected_in_any_place_exposes_nobody_on_any_day(
    tmp_path: Path, old: str, new: str
) -> None:
    office, member = bradford(tmp_path), event("P-2", "ORDINARY")
    line = event("P-1", "PROTECTED").replace(old, new)
    assert "ORDINARY" not in office.publish(f"{line}\n{member}\n", suffix=".jsonl").handling().values()
    again = office.publish(f"{member}\n", suffix=".jsonl")
    assert "ORDINARY" not in again.handling().values()


def test_no_name_of_a_members_own_making_is_repeated_in_what_is_said(tmp_path: Path) -> None:
    line = event("P-1", "PROTECTED").replace(
        '"family_name"', '"Tessa Shield\\u202e": "\\u001b", "family_name"'
    )
    run = bradford(tmp_path).publish(f"{line}\n", suffix=".jsonl")
    assert run.unsent == {1: "strange-name"}
    assert "Tessa" not in repr(run.outcomes)
