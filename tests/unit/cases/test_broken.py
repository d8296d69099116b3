"""Damage of further kinds: a protected household stays protected where any text of any day has said so."""

import json
from pathlib import Path

import pytest

from instep.adapters.memory import Fingerprint, Memory, Sent
from instep.errors import FileFormatError
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


@pytest.mark.parametrize(
    "first",
    [
        PROTECTED.replace("P-1,", "HH-77,").replace("HH-77,yes", "P-1,yes"),
        PROTECTED.replace("HH-77", "HH/77"),
        PROTECTED.replace("HH-77", "HH 77"),
        PROTECTED.replace("HH-77", "#HH-077"),
        PROTECTED.replace("HH-77", "x|HH-77"),
        PROTECTED.replace("HH-77", "HH-\x1b[2J77"),
        PROTECTED.replace("HH-77", "HH-7"),
        PROTECTED.replace("HH-77", ""),
        PROTECTED.replace("HH-77,yes", "HH-77yes"),
        PROTECTED.replace("HH-77,yes", "HH-7"),
    ],
)
def test_a_member_alone_in_the_next_file_is_protected_whatever_became_of_the_household(
    tmp_path: Path, first: str
) -> None:
    office = bradford(tmp_path)
    assert office.publish(file_of(first, OTHER)).handling()[3] == "ORDINARY"
    assert office.publish(file_of(MEMBER, OTHER)).handling() == {2: "PROTECTED"}


def test_a_household_that_a_spreadsheet_has_rounded_on_one_day_is_protected_on_the_next(
    tmp_path: Path,
) -> None:
    office = bradford(tmp_path)
    # The parent and the child share no address.
    other = (
        MEMBER.replace("1 Old Street", "9 Elm").replace("2 New Street", "7 Oak").replace("9990000", "9991000")
    )
    member = other.replace("HH-77", "551234567890")
    stranger = OTHER.replace("HH-100", "551234999999")
    office.publish(file_of(PROTECTED.replace("HH-77", "5.51E+11")))
    assert office.publish(file_of(member, stranger)).handling() == {2: "PROTECTED", 3: "ORDINARY"}


@pytest.mark.parametrize("newer_first", [True, False])
def test_a_person_newly_protected_without_a_household_protects_the_household_that_is_remembered(
    tmp_path: Path, *, newer_first: bool
) -> None:
    office = bradford(tmp_path)
    assert "PROTECTED" not in office.publish(file_of(ORDINARY, MEMBER)).handling().values()
    later = [
        PROTECTED.replace("HH-77", "").replace("2026-05-04T10", "2026-05-07T10").replace("New Street", "Way"),
        MEMBER.replace("2026-05-04T10", "2026-05-07T10").replace("2 New Street", "5 Elm Row"),
    ]
    run = office.publish(file_of(*(later if newer_first else reversed(later))))
    assert run.handling() == {2: "PROTECTED", 3: "PROTECTED"}


def test_a_second_column_of_households_protects_and_is_said(tmp_path: Path) -> None:
    rows = [
        f"{line.replace('HH-77', '')},{household}" for line, household in ((PROTECTED, "A7"), (MEMBER, "a-7"))
    ]
    far = (
        rows[1]
        .replace("1 Old Street", "9 Elm")
        .replace("2 New Street", "7 Oak")
        .replace("9990000", "9991000")
    )
    content = "\r\n".join([f"{HEADING},Household Ref", rows[0], far, f"{OTHER},A8", ""])
    run = bradford(tmp_path).publish(content)
    assert run.handling() == {2: "PROTECTED", 3: "PROTECTED", 4: "ORDINARY"}
    assert ("Household Ref", "further-households") in run.said()


def test_a_second_column_that_has_our_name_protects_beside_the_column_that_a_mapping_names(
    tmp_path: Path,
) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text('[columns]\nhousehold_reference = "HH"\n')
    heading = HEADING.replace("household_reference", "HH")
    rows = [f"{PROTECTED},A7", f"{OTHER},A8", f"{MEMBER},B9"]
    run = bradford(tmp_path).publish("\r\n".join([f"{heading},household_reference", *rows, ""]), mapping)
    assert run.handling() == {2: "PROTECTED", 3: "ORDINARY", 4: "PROTECTED"}
    assert ("household_reference", "further-households") in run.said()


def test_a_quotation_mark_in_a_second_column_of_households_is_told_under_its_heading(tmp_path: Path) -> None:
    run = bradford(tmp_path).publish(
        "\r\n".join([f"{HEADING},Household Ref", f'{PROTECTED},"A""7"', f"{OTHER},A8", ""])
    )
    assert ("Household Ref", "stray-quote") in run.notes(2)
    assert run.handling() == {2: "PROTECTED", 3: "ORDINARY"}


def test_an_empty_column_of_households_is_as_none(tmp_path: Path) -> None:
    run = bradford(tmp_path).publish(
        file_of(*(line.replace("HH-77", "").replace("HH-100", "") for line in (PROTECTED, MEMBER, OTHER)))
    )
    assert run.handling() == {2: "PROTECTED", 3: "PROTECTED", 4: "ORDINARY"}
    assert ("household_reference", "no-households") in run.said()


def test_a_protected_person_who_leaves_a_household_protects_it_until_they_are_no_longer_protected(
    tmp_path: Path,
) -> None:
    office = bradford(tmp_path)
    moved = PROTECTED.replace("HH-77", "HH-78").replace("2026-05-04T10", "2026-05-07T10")
    office.publish(file_of(PROTECTED))
    assert office.publish(file_of(moved)).handling() == {2: "PROTECTED"}
    assert office.publish(file_of(MEMBER)).handling() == {2: "PROTECTED"}
    free = moved.replace(",yes,", ",no,").replace("2026-05-07T10", "2026-05-08T10")
    assert office.publish(file_of(free)).handling() == {2: "ORDINARY"}
    later = MEMBER.replace("2026-05-04T10", "2026-05-09T10").replace("2 New Street", "5 Elm Row")
    assert office.publish(file_of(later)).handling() == {2: "ORDINARY"}


def test_a_row_in_quotation_marks_is_told_as_such(tmp_path: Path) -> None:
    run = bradford(tmp_path).publish(file_of(f'"{MEMBER}"', OTHER))
    assert run.unsent[2] == "row-in-quotes"
    with pytest.raises(FileFormatError, match="between quotation marks as a whole"):
        bradford(tmp_path).publish(f'"{HEADING}"\r\n"{MEMBER}"\r\n')


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


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        ('"moved_on": "2026-05-01"', '"moved_on": "2026-05-01", "moved_on": "2026-05-01"', False),
        ('"moved_on": "2026-05-01"', '"moved_on": "2026-05-01", "moved_on": "2026-05-02"', True),
        ('"moved_on": "2026-05-01"', '"moved_on": "soon"', True),
    ],
)
def test_a_fault_of_an_ordinary_event_holds_nobody_back(
    tmp_path: Path, old: str, new: str, *, refused: bool
) -> None:
    office, faulty = bradford(tmp_path), event("P-1", "ORDINARY").replace(old, new)
    run = office.publish(f"{faulty}\n{event('P-2', 'ORDINARY')}\n", suffix=".jsonl")
    assert (1 in run.unsent) == refused
    assert run.handling()[2] == "ORDINARY"


def test_no_name_of_a_members_own_making_is_repeated_in_what_is_said(tmp_path: Path) -> None:
    line = event("P-1", "PROTECTED").replace(
        '"family_name"', '"Tessa Shield\\u202e": "\\u001b", "family_name"'
    )
    run = bradford(tmp_path).publish(f"{line}\n", suffix=".jsonl")
    assert run.unsent == {1: "strange-name"}
    assert "Tessa" not in repr(run.outcomes)
