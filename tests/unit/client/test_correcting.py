"""A record is corrected by hand, by the rules for files: one row goes out, and the household is protected as by a file."""

from pathlib import Path

import pytest

from instep.errors import ConfigurationError, FileFormatError
from tests.unit.adapters.publishing import row
from tests.unit.client.hand import Officer

OTHER = row(reference="CT-2", given_names="Robin", household_reference="HH-2", family_name="Hollowell")


@pytest.fixture
def officer(tmp_path: Path) -> Officer:
    officer = Officer(tmp_path)
    officer.publish(row(), OTHER)
    return officer


def test_a_changed_cell_goes_out_as_a_correction_of_the_whole_event(officer: Officer) -> None:
    results = officer.correct("CT-1", new_postcode="bd1 1hy", move_date="02/05/2026")
    assert [result.outcome for result in results] == ["published"]
    new, _, correct = officer.broker.events
    assert correct["header"]["change_kind"] == "CORRECT"
    assert correct["header"]["replaces"] == new["header"]["event_id"]
    assert correct["moved_on"] == "2026-05-02"
    assert correct["new_address"] == new["new_address"]
    assert correct["person"] == new["person"]


def test_only_the_named_row_is_sent(officer: Officer) -> None:
    officer.correct("CT-1", {**OTHER, "move_date": "2026-05-30"}, row(), move_date="2026-05-02")
    assert len(officer.broker.events) == 3


def test_a_file_of_a_single_row_needs_no_reference(officer: Officer) -> None:
    (result,) = officer.correct(None, row(move_date="2026-05-03"), name="one.csv")
    assert result.outcome == "published"


def test_a_file_of_several_rows_needs_a_reference(officer: Officer) -> None:
    with pytest.raises(FileFormatError, match="say with --reference which row"):
        officer.correct(None)


def test_a_correction_outlives_the_export_that_does_not_know_it(officer: Officer) -> None:
    officer.correct("CT-1", move_date="2026-05-02")
    assert officer.publish(row(), OTHER) == ["unchanged", "unchanged"]
    older = row(move_date="2026-05-20", recorded_at="2026-06-01T10:00:00Z")
    assert officer.publish(older, OTHER) == ["superseded", "unchanged"]


def test_a_correction_that_says_nothing_new_is_not_sent(officer: Officer) -> None:
    (result,) = officer.correct("CT-1", move_date="2026-05-01")
    assert result.outcome == "unchanged"


def test_a_value_that_publish_would_refuse_is_refused(officer: Officer) -> None:
    (result,) = officer.correct("CT-1", move_date="2026-02-30")
    assert (result.outcome, result.column, result.reason) == ("refused", "move_date", "impossible-date")
    assert len(officer.broker.events) == 2


def test_another_person_is_no_correction(officer: Officer) -> None:
    (result,) = officer.correct(
        "CT-1", given_names="Noor", family_name="Hollowell", date_of_birth="1971-02-03"
    )
    assert (result.outcome, result.reason) == ("review", "reference-conflict")


def test_a_record_that_was_never_published_is_not_corrected(officer: Officer) -> None:
    with pytest.raises(ConfigurationError, match="publish its file first"):
        officer.correct("CT-9", row(reference="CT-9"), move_date="2026-05-02")


def test_a_reference_that_the_file_does_not_hold_is_said(officer: Officer) -> None:
    with pytest.raises(FileFormatError, match="holds no row of this reference"):
        officer.correct("CT-9", move_date="2026-05-02")


def test_a_row_that_becomes_protected_by_hand_protects_its_published_household_at_once(
    tmp_path: Path,
) -> None:
    officer = Officer(tmp_path)
    beside, unpublished = row(reference="CT-3", given_names="Jo"), row(reference="CT-4", given_names="Kit")
    officer.publish(row(), beside)
    results = officer.correct("CT-1", row(), beside, unpublished, protected="yes")
    assert [result.outcome for result in results] == ["published", "published"]
    assert [header["handling"] for header in officer.headers[2:]] == ["PROTECTED", "PROTECTED"]
    assert officer.headers[3]["replaces"] == officer.headers[1]["event_id"]


def test_a_correction_of_a_member_of_a_protected_household_is_protected(tmp_path: Path) -> None:
    officer = Officer(tmp_path)
    officer.publish(row(), row(reference="CT-3", given_names="Jo", protected="yes"))
    officer.correct(None, row(move_date="2026-05-03"), name="one.csv")
    assert officer.headers[-1]["handling"] == "PROTECTED", "the memory knows the household, the file does not"


def test_a_correction_brings_an_annulled_record_back_as_new(officer: Officer) -> None:
    officer.annul("CT-1")
    (result,) = officer.correct("CT-1", row(), OTHER)
    assert result.outcome == "published"
    assert officer.headers[-1]["change_kind"] == "NEW"
    assert officer.publish(row(), OTHER) == ["unchanged", "unchanged"]


def test_a_killed_correction_goes_out_again_under_the_same_id(officer: Officer) -> None:
    officer.broker.dies = True
    with pytest.raises(KeyboardInterrupt):
        officer.correct("CT-1", move_date="2026-05-02")
    officer.broker.dies = False
    officer.correct("CT-1", move_date="2026-05-02")
    first, second = officer.headers[2:]
    assert first["event_id"] == second["event_id"]
    assert {**first, "published_at": ""} == {**second, "published_at": ""}


def test_a_correction_that_the_network_refuses_is_taken_back(officer: Officer) -> None:
    from instep.adapters import Memory
    from instep.adapters.memory import Sent
    from instep.client.correcting import Correcting
    from instep.client.hand_journal import Journal
    from tests.unit.cases.council import gate

    with Memory.open(officer.directory, "leeds") as memory:
        before = officer._annulling(memory).find("CT-1").last
    (result,) = officer.correct("CT-1", move_date="2026-05-02")
    with Memory.open(officer.directory, "leeds") as memory:
        journal = Journal(officer.directory / "leeds", "")
        correcting = Correcting(authority="leeds", gate=gate(), memory=memory, journal=journal)
        correcting._before[result.subject_ref] = Sent(event_id=before.event_id, fingerprint=before)
        correcting.take_back(result)
    assert officer.publish(row(), OTHER) == ["unchanged", "unchanged"]
