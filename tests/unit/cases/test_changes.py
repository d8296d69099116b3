"""A real change is sent, and an unreal change is not."""

from instep.adapters import Skipped
from tests.unit.cases.conftest import Office
from tests.unit.cases.council import FILES


def test_a_uprn_ruined_by_a_spreadsheet_decides_nothing(office: Office) -> None:
    camden = office("camden")
    first = camden.publish(FILES / "uprn1.csv")
    assert "uprn" not in first.sent[2].event["new_address"]
    assert ("new_uprn", "uprn-damaged") in first.notes(2)
    second = camden.publish(FILES / "uprn2.csv")
    assert second.sent[2].event["header"]["change_kind"] == "CORRECT"
    assert second.sent[2].event["new_address"]["lines"] == ["11 Judd Street"]


def test_another_house_number_is_another_address_whatever_the_uprn_says(office: Office) -> None:
    camden = office("camden")
    for file, kind in (("uprn1.csv", "NEW"), ("uprn2.csv", "CORRECT")):
        content = (FILES / file).read_text().replace("100023000000", "100023001234")
        assert camden.publish(content).sent[2].event["header"]["change_kind"] == kind


def test_a_time_that_lost_its_seconds_is_not_older(office: Office) -> None:
    camden = office("camden")
    camden.publish(FILES / "xl1.csv")
    correct = camden.publish(FILES / "xl2.csv").sent[2].event
    assert correct["header"]["change_kind"] == "CORRECT"
    assert correct["new_address"]["lines"] == ["11 Judd Street"]


def test_a_row_that_has_become_protected_is_never_left_unsent_for_its_age(office: Office) -> None:
    camden = office("camden")
    camden.publish(FILES / "xl1.csv")
    older = (FILES / "xl3.csv").read_text().replace("06/10/2026 09:12", "05/10/2026 09:12")
    run = camden.publish(older)
    assert run.handling() == {2: "PROTECTED"}
    assert run.sent[2].event["header"]["change_kind"] == "CORRECT"
    assert camden.publish(older).kinds == ["Unchanged"]


def test_the_same_property_before_and_after_is_nobodys_move(office: Office) -> None:
    (outcome,) = office("bradford").publish(FILES / "02-same-uprn-reformatted.csv").outcomes
    assert isinstance(outcome, Skipped)
    assert outcome.reason == "not-moved"


def test_a_protected_row_of_somebody_who_has_not_moved_still_protects_the_household(office: Office) -> None:
    bradford = office("bradford")
    heading, row = (FILES / "02-same-uprn-reformatted.csv").read_text().splitlines()
    bradford.publish("\n".join([heading, row.replace(",move,,no,", ",move,H-1,yes,"), ""]))
    member = row.replace("ZZ-21", "ZZ-22").replace("31 Clover Road", "7 Elm").replace(",move,,", ",move,H-1,")
    assert bradford.publish("\n".join([heading, member, ""])).handling() == {2: "PROTECTED"}


def test_accents_written_apart_are_no_change(office: Office) -> None:
    camden = office("camden")
    assert camden.publish(FILES / "nfc.csv").kinds == ["Send"]
    assert camden.publish(FILES / "nfd.csv").kinds == ["Unchanged"]
    assert office("bradford").publish(FILES / "01-decomposed.csv").kinds == ["Send", "Skipped"]


def test_what_is_sent_is_in_nfc(office: Office) -> None:
    run = office("camden").publish(FILES / "nfd.csv")
    assert run.sent[2].event["person"] == {
        "title": "Ms",
        "given_names": "Siân",
        "family_name": "Llŷr",
        "born_on": "1984-02-03",
    }
    assert {("given_names", "accents"), ("family_name", "accents")} <= run.notes(2)


def test_an_event_id_in_capitals_stops_nothing(office: Office) -> None:
    camden = office("camden")
    run = camden.publish(FILES / "uuid-upper.jsonl")
    assert run.sent[1].event_id == "0f9d2c1e-8a6b-4c3d-9e2f-1a2b3c4d5e61"
    assert ("header.event_id", "identifier-form") in run.notes(1)
    assert sorted(run.sent) == [1, 2]
    assert camden.publish(FILES / "uuid-upper.jsonl").kinds == ["Unchanged", "Unchanged"]
