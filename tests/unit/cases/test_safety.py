"""A protected person and the members of the household are exposed by no file, however the file is damaged."""

import json

import pytest

from instep.adapters import Review
from instep.errors import FileFormatError
from tests.unit.cases.conftest import Office
from tests.unit.cases.council import FILES


def test_a_damaged_row_holds_back_every_row_of_a_household_that_it_mentions(office: Office) -> None:
    run = office("camden").publish(FILES / "ps5.csv")
    assert run.unsent == {2: "extra-content", 3: "household-in-doubt"}
    assert [outcome.cause for outcome in run.outcomes if isinstance(outcome, Review)] == [2]
    assert not run.sent


def test_a_household_that_a_damaged_row_mentions_stays_protected_in_later_files_until_the_row_is_published(
    office: Office,
) -> None:
    camden = office("camden")
    damaged = (FILES / "ps5.csv").read_text()
    camden.publish(FILES / "ps5.csv")
    heading, first, second, _ = damaged.split("\n")
    alone = camden.publish("\n".join([heading, second, ""]))
    assert alone.handling() == {2: "PROTECTED"}
    mended = first.replace("Flat 2, The Mill", '"Flat 2, The Mill"').replace(",yes,", ",no,")
    later = second.replace("2026-10-06T", "2026-10-07T")
    assert camden.publish("\n".join([heading, mended, ""])).handling() == {2: "ORDINARY"}
    assert camden.publish("\n".join([heading, later, ""])).handling() == {2: "ORDINARY"}


def test_an_unclosed_quote_costs_its_own_row_and_the_protected_row_below_is_read(office: Office) -> None:
    run = office("camden").publish(FILES / "ps1.csv")
    assert run.unsent == {2: "unclosed-quote"}
    assert run.handling() == {3: "PROTECTED", 4: "PROTECTED"}
    assert run.sent[3].event["new_address"]["lines"] == ["Flat 2, The Mill"]


def test_after_an_unclosed_quote_every_line_is_accounted_for(office: Office) -> None:
    run = office("camden").publish(FILES / "q1.csv")
    assert run.unsent == {2: "unclosed-quote"}
    assert sorted(run.sent) == [3, 4, 5]


def test_a_cell_that_holds_whole_rows_is_never_accepted(office: Office) -> None:
    run = office("camden").publish(FILES / "q2.csv")
    assert run.unsent == {2: "whole-records"}
    assert sorted(run.sent) == [3, 4]
    for send in run.sent.values():
        assert not any("QQB" in line or "1984" in line for line in send.event["new_address"]["lines"])
    assert ("new_address_line_1", "stray-quote") in run.notes(3)


def test_a_household_reference_that_became_a_float_is_the_same_household(office: Office) -> None:
    camden = office("camden")
    assert camden.publish(FILES / "fl1.csv").handling() == {2: "PROTECTED", 3: "ORDINARY"}
    run = camden.publish(FILES / "fl2.csv")
    assert run.kinds == ["Unchanged", "Send"]
    assert run.handling() == {3: "PROTECTED"}
    assert {("reference", "reference-form"), ("household_reference", "reference-form")} <= run.notes(3)


def test_a_mapping_that_names_a_heading_which_is_not_there_is_refused_with_the_heading(
    office: Office,
) -> None:
    with pytest.raises(FileFormatError, match=r"'Household Reference'.*did you mean 'Household Ref'"):
        office("camden").publish(FILES / "map.csv", FILES / "map.toml")


def test_a_household_column_under_another_name_is_asked_for_and_nothing_is_sent(office: Office) -> None:
    with pytest.raises(FileFormatError, match=r"no column household_reference.*did you mean 'household_ref'"):
        office("bradford").publish(FILES / "04-unknown-column.csv")


def test_a_protected_column_under_another_name_is_asked_for(office: Office) -> None:
    content = (FILES / "04b-right-column.csv").read_text().replace(",protected,", ",Protected person,")
    with pytest.raises(FileFormatError, match=r"no column protected \(did you mean 'Protected person'\?\)"):
        office("bradford").publish(content)


def test_without_a_household_column_addresses_stand_in_for_households_and_that_is_said(
    office: Office,
) -> None:
    content = (FILES / "04b-right-column.csv").read_text().replace("household_reference", "district_code")
    run = office("bradford").publish(content)
    assert run.handling() == {2: "PROTECTED", 3: "PROTECTED"}
    assert {("household_reference", "no-households"), ("district_code", "unread-column")} <= run.said()


def test_names_and_addresses_that_no_agreement_may_carry_when_protected_stay_at_home(office: Office) -> None:
    run = office("bradford").publish(FILES / "04b-right-column.csv")
    assert run.handling() == {2: "PROTECTED", 3: "PROTECTED"}
    for event in run.hub.values():
        left = json.dumps(event, default=str)
        assert not any(word in left for word in ("Shield", "Tessa", "Kit", "Made-up", "Invented", "9991000"))
        assert event["new_address"]["postcode"] == "BD1 1HY", "it is routed by it"
        assert event["header"]["handling"] == "PROTECTED"


def test_null_is_no_household_and_no_name(office: Office) -> None:
    run = office("camden").publish(FILES / "null.csv")
    for line, send in run.sent.items():
        assert "group_ref" not in send.event
        assert ("household_reference", "placeholder") in run.notes(line)
        assert not any(word in json.dumps(send.event) for word in ("NULL", "N/A", "\\\\N"))
    assert "given_names" not in run.sent[2].event["person"]


def test_who_moves_with_a_protected_person_is_protected_where_nobody_has_a_household(office: Office) -> None:
    """Two people move with the protected person, from address to address on the same day: the address of either is hers.

    The word NULL makes nobody a member. The addresses do, and the note says so and names her line.
    """
    run = office("camden").publish(FILES / "null.csv")
    assert run.handling() == dict.fromkeys((2, 3, 4), "PROTECTED")
    for line in (3, 4):
        assert [note.cause for note in run.sent[line].notes if note.reason == "household-protected"] == [2]
    assert ("household_reference", "no-households") in run.said()


def test_a_stranger_under_the_word_null_at_other_addresses_is_not_protected(office: Office) -> None:
    heading, protected, _, stranger = (FILES / "null.csv").read_text().splitlines()
    stranger = stranger.replace("3 Fern Row", "8 Elm Row").replace("1 Judd Street", "5 Judd Street")
    run = office("camden").publish("\n".join([heading, protected, stranger, ""]))
    assert run.handling() == {2: "PROTECTED", 3: "ORDINARY"}


def test_strangers_under_the_word_null_are_placed_each_alone(office: Office) -> None:
    run = office("camden").publish(FILES / "plnull.csv")
    assert sorted(run.sent) == [2, 3, 4]
    notices = [send.event["placement"] for send in run.sent.values()]
    assert [notice.get("applicant", {}).get("family_name") for notice in notices] == [
        "Tolliver",
        None,
        "Uglow",
    ]
    assert all("group_ref" not in send.event for send in run.sent.values())
    assert all(notice.get("others_number", 0) == 0 for notice in notices)


def test_a_household_whose_members_share_nothing_is_to_be_looked_at(office: Office) -> None:
    content = (FILES / "plnull.csv").read_text().replace("NULL", "PENDING")
    for number, street in enumerate(("1 Elm", "2 Oak", "3 Ash")):
        content = content.replace("Unit 4", street, 1).replace("9 Effra Rd", f"{number} Mill Lane", 1)
    run = office("camden").publish(content)
    assert run.unsent == dict.fromkeys((2, 3, 4), "household-of-strangers")


def test_a_spreadsheets_errors_are_refused(office: Office) -> None:
    run = office("camden").publish(FILES / "xerr.csv")
    assert run.unsent == {2: "spreadsheet-error", 3: "spreadsheet-error"}


@pytest.mark.parametrize("runs", [1, 2])
def test_the_second_person_under_an_account_is_to_be_looked_at_and_undoes_nobodys_move(
    office: Office, runs: int
) -> None:
    camden = office("camden")
    for _ in range(runs):
        run = camden.publish(FILES / "acct.csv")
        assert run.unsent == {3: "reference-conflict"}
        assert not any(send.event["header"]["change_kind"] == "CORRECT" for send in run.sent.values())


def test_an_empty_household_takes_nobody_out_of_a_protected_household(office: Office) -> None:
    bradford = office("bradford")
    content = (FILES / "04b-right-column.csv").read_text()
    bradford.publish(content)
    emptied = content.replace("HH-2,no", ",no").replace("2026-05-10T", "2026-05-11T")
    run = bradford.publish(emptied)
    assert set(run.handling().values()) <= {"PROTECTED"}
    heading, _, child = emptied.splitlines()
    for day in ("12", "13"):
        later = child.replace("2026-05-11T", f"2026-05-{day}T").replace("2026-05-01", f"2026-05-{day}")
        assert bradford.publish("\n".join([heading, later, ""])).handling() == {2: "PROTECTED"}


def test_a_protected_person_is_protected_under_every_reference_of_the_file(office: Office) -> None:
    heading, first, second = (FILES / "08-two-references.csv").read_text().splitlines()
    protected = first.replace(",move,,no,", ",move,,yes,")
    for order in ([protected, second], [second, protected]):
        run = office("bradford").publish("\n".join([heading, *order, ""]))
        assert set(run.handling().values()) <= {"PROTECTED"}


def test_a_protected_person_under_anothers_reference_still_protects_the_household(office: Office) -> None:
    camden = office("camden")
    heading, first, second = (FILES / "acct.csv").read_text().splitlines()
    camden.publish("\n".join([heading, first, second.replace(",no,", ",yes,"), ""]))
    later = first.replace("2026-10-05", "2026-10-04").replace("2026-10-06T", "2026-10-07T")
    assert camden.publish("\n".join([heading, later, ""])).handling() == {2: "PROTECTED"}
