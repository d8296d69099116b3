"""What a file's cells really are is said as it is: by line, by heading and by reason."""

import pytest

from instep.adapters.line import explain
from tests.unit.cases.conftest import Office
from tests.unit.cases.council import FILES


def test_a_move_at_neither_end_ours_is_sent_on_behalf_alone_and_marked(office: Office) -> None:
    bradford, file = office("bradford"), FILES / "15-neither-side-is-ours.csv"
    refused = bradford.publish(file)
    assert refused.unsent == {2: "elsewhere"}
    assert "--on-behalf" in explain("elsewhere")
    sent = bradford.publish(file, on_behalf=True)
    assert ("", "on-behalf") in sent.notes(2)


@pytest.mark.parametrize("authority", ["york", "kingston-upon-hull"])
def test_a_council_at_either_end_sends_without_a_word(office: Office, authority: str) -> None:
    run = office(authority).publish(FILES / "15-neither-side-is-ours.csv", on_behalf=True)
    assert ("", "on-behalf") not in run.notes(2)


def test_a_placing_council_sends_wherever_the_addresses_are(office: Office) -> None:
    content = (
        (FILES / "15-neither-side-is-ours.csv").read_text().replace(",main,move,", ",temporary,placement,")
    )
    assert office("bradford").publish(content).kinds == ["Send"]


def test_a_correction_of_what_was_sent_goes_out_although_neither_end_is_ours_any_more(office: Office) -> None:
    bradford = office("bradford")
    content = (FILES / "15-neither-side-is-ours.csv").read_text()
    bradford.publish(content.replace("HU1 2AA", "BD1 1HY"))
    corrected = bradford.publish(content.replace("2026-05-10T", "2026-05-11T"))
    assert corrected.sent[2].event["header"]["change_kind"] == "CORRECT"


def test_postcodes_of_no_authority_say_why(office: Office) -> None:
    run = office("bradford").publish(FILES / "05-no-authority-and-jersey.csv")
    assert ("old_postcode", "no-authority") in run.notes(2)
    assert ("old_postcode", "abroad") in run.notes(3)
    assert run.sent[3].event["old_address"]["country"] == "JE"
    forces = office("bradford").publish(FILES / "06-bfpo.csv")
    assert all(("old_postcode", "forces-address") in forces.notes(line) for line in (2, 3))
    assert forces.sent[3].event["old_address"]["postcode"] == "BF1 3AA"


def test_a_uprn_of_zero_is_said_and_digits_with_spaces_are_digits(office: Office) -> None:
    run = office("bradford").publish(FILES / "07-uprn.csv")
    assert ("new_uprn", "placeholder") in run.notes(2)
    assert run.sent[3].event["new_address"]["uprn"] == "999100000007"
    assert ("new_uprn", "digits-form") in run.notes(3)


def test_nobody_is_born_after_the_move_and_a_default_date_of_birth_is_flagged(office: Office) -> None:
    run = office("bradford").publish(FILES / "03-born-after-move.csv")
    assert run.unsent == {2: "born-after-move"}
    assert ("date_of_birth", "birth-default") in run.notes(3)
    assert "born_on" not in run.sent[3].event["person"]


def test_a_birth_year_of_two_digits_is_asked_for_where_both_centuries_are_possible(office: Office) -> None:
    run = office("camden").publish(FILES / "dob.csv")
    assert run.unsent == {2: "birth-century"}
    assert run.sent[3].event["person"]["born_on"] == "1962-02-03"


def test_one_person_under_two_references_is_flagged(office: Office) -> None:
    run = office("bradford").publish(FILES / "08-two-references.csv")
    assert ("reference", "same-person") not in run.notes(2)
    assert ("reference", "same-person") in run.notes(3)


def test_a_partnership_without_a_primary_partner_or_with_two_is_flagged(office: Office) -> None:
    file = FILES / "12-partners-none-primary.json"
    partners = "establishment.operator.partners"
    assert (partners, "no-primary-partner") in office("dorset").publish(file).notes(2)
    both = file.read_text().replace(
        '"partner_is_primary_contact": false', '"partner_is_primary_contact": true'
    )
    run = office("dorset").publish(both.replace("ZZZZZ4", "ZZZZZ5"), suffix=".json")
    assert (partners, "two-primary-partners") in run.notes(2)


def test_a_code_outside_the_agencys_list_is_flagged(office: Office) -> None:
    run = office("croydon").publish(FILES / "13-unknown-business-type-and-charity.json")
    assert ("establishment.activities.business_type", "unknown-code") in run.notes(2)


def test_the_successor_publishes_for_an_abolished_council_and_nobody_else_does(office: Office) -> None:
    file = FILES / "09-abolished-council.json"
    assert ("local_council_url", "abolished-council") in office("dorset").publish(file).notes(2)
    assert office("boston").publish(file).unsent == {2: "other-council"}


def test_a_postcode_in_another_area_than_the_councils_is_flagged(office: Office) -> None:
    run = office("boston").publish(FILES / "10-council-and-postcode-disagree.json")
    premise = "establishment.premise.establishment_postcode"
    assert (premise, "council-and-postcode-disagree") in run.notes(2)


def test_every_spelling_of_another_councils_name_is_that_council(office: Office) -> None:
    run = office("camden").publish(FILES / "coun.json")
    assert set(run.unsent.values()) == {"other-council"}
    assert len(run.unsent) == 5
    assert office("lambeth").publish(FILES / "coun.json").counted() == {"Send": 5}


def test_a_council_whose_name_and_url_disagree_is_refused(office: Office) -> None:
    content = (
        (FILES / "coun.json")
        .read_text()
        .replace('"local_council_url": "lambeth"', '"local_council_url": "camden"')
    )
    for authority in ("camden", "lambeth"):
        assert set(office(authority).publish(content, suffix=".json").unsent.values()) == {
            "council-disagrees"
        }


@pytest.mark.parametrize(
    ("written", "number", "reasons"),
    [
        ("SC9912", "SC009912", {"leading-zeros"}),
        ("sc009912", "SC009912", {"capitals"}),
        ("sc9912", "SC009912", {"capitals", "leading-zeros"}),
        ("SC 009912", "SC009912", {"spaces"}),
    ],
)
def test_what_was_done_to_a_company_number_is_what_is_said(
    office: Office, written: str, number: str, reasons: set[str]
) -> None:
    content = (FILES / "14-company-number.json").read_text().replace('"SC9912"', f'"{written}"')
    run = office("exeter").publish(content, suffix=".json")
    assert run.sent[2].event["company_number"] == number
    assert {reason for _, reason in run.notes(2)} == reasons


def test_in_a_file_of_one_line_each_fault_names_the_registration(office: Office) -> None:
    run = office("camden").publish(FILES / "fsa-minified.json")
    refused = run.outcomes[0]
    assert refused.line == 1
    assert getattr(refused, "entry") == "registration 1 (TEST08-AAAAAA-BBBBBB)"  # noqa: B009 -- of any outcome


def test_each_note_has_its_line(office: Office) -> None:
    run = office("bradford").publish(FILES / "16-notes-without-lines.csv")
    assert {line: run.notes(line) for line in run.sent} == {
        2: set(),
        3: {("new_uprn", "uprn-damaged")},
        4: set(),
    }


def test_control_characters_are_refused_and_square_brackets_are_text(office: Office) -> None:
    run = office("camden").publish(FILES / "esc.csv")
    assert run.unsent == dict.fromkeys((2, 5, 6), "control-character")
    assert run.sent[3].event["person"]["family_name"] == "Smith [/b] [bold]x"
    assert office("camden").publish(FILES / "fsa_nul.json").unsent == {1: "control-character"}


def test_old_line_ends_wrapped_headings_and_end_marks_of_dos_are_read(office: Office) -> None:
    assert office("camden").publish(FILES / "cr.csv").counted() == {"Send": 2}
    assert office("camden").publish(FILES / "ctrlz.csv").counted() == {"Send": 2}
    wrapped = office("camden").publish(FILES / "hdr.csv", FILES / "hdr.toml")
    assert list(wrapped.sent) == [3]


def test_what_no_event_has_a_place_for_is_said_once(office: Office) -> None:
    run = office("lambeth").publish(FILES / "coun.json")
    assert [(note.column, note.reason) for _, note in run.remarks] == [
        ("establishment.operator.operator_secondary_number", "not-carried")
    ]


def test_a_column_that_nobody_reads_is_said_once(office: Office) -> None:
    content = (FILES / "08-two-references.csv").read_text().replace("residence_kind", "Band")
    run = office("bradford").publish(content)
    assert [(line, note.column, note.reason) for line, note in run.remarks] == [
        (1, "Band", "unread-column"),
        (1, "household_reference", "no-households"),
    ]


def test_a_line_break_written_as_such_in_a_text_of_json_costs_nothing(office: Office) -> None:
    content = (FILES / "fsa-minified.json").read_text().replace("The Hillside Arms", "The Hillside\nArms")
    run = office("camden").publish(content, suffix=".json")
    assert run.outcomes[1].line == 2
    (send,) = run.sent.values()
    assert send.event["establishment"]["trading_names"][0] == "The Hillside, Arms"
