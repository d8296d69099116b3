"""A record is annulled by hand: everybody is asked to forget it, nothing of the person is said, and nobody is exposed."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instep.adapters import Memory
from instep.errors import ConfigurationError
from tests.unit.adapters.publishing import row
from tests.unit.client.hand import AUTHORITY, Officer

LATER = "2026-11-23T10:00:00Z"
"""After every annulment of these tests."""
BETWEEN = "2026-06-01T10:00:00Z"


@pytest.fixture
def officer(tmp_path: Path) -> Officer:
    return Officer(tmp_path)


def test_an_annulment_names_what_it_replaces_and_says_nothing_of_the_person(officer: Officer) -> None:
    officer.publish(row())
    (annulment,) = officer.annul("CT-1")
    new, annul = officer.broker.events
    assert annulment.outcome == "published"
    assert annul["header"]["change_kind"] == "ANNUL"
    assert annul["header"]["replaces"] == new["header"]["event_id"]
    assert annul["header"]["subject_ref"] == new["header"]["subject_ref"]
    assert annul["header"]["handling"] == "ORDINARY"
    assert annul["header"]["sequence"] > new["header"]["sequence"]
    assert {name for name, value in annul.items() if value not in (None, [])} == {"header"}


def test_a_reference_is_known_in_every_form_that_people_write(officer: Officer) -> None:
    officer.publish(row(reference="000042"), row(reference="CT-7", household_reference="HH-7"))
    assert [each.outcome for each in officer.annul("42", "ct-7")] == ["published", "published"]


def test_a_reference_that_was_never_published_annuls_nothing(officer: Officer) -> None:
    officer.publish(row())
    with pytest.raises(ConfigurationError, match="has published no record of this reference from here"):
        officer.annul("CT-99")
    assert len(officer.broker.events) == 1


def test_a_record_is_annulled_once(officer: Officer) -> None:
    officer.publish(row())
    officer.annul("CT-1")
    assert [each.outcome for each in officer.annul("CT-1")] == ["already-annulled"]
    assert len(officer.broker.events) == 2


def test_an_annulment_that_was_killed_goes_out_again_under_the_same_id_with_the_same_content(
    officer: Officer,
) -> None:
    officer.publish(row())
    officer.broker.dies = True
    with pytest.raises(KeyboardInterrupt):
        officer.annul("CT-1")
    officer.broker.dies = False
    officer.annul("CT-1")
    first, second = officer.broker.events[1:]
    for event in (first, second):
        del event["header"]["published_at"]
    assert first == second


def test_the_same_row_of_a_later_export_brings_nothing_back(officer: Officer) -> None:
    officer.publish(row())
    officer.annul("CT-1")
    assert officer.publish(row()) == ["annulled"]
    assert officer.publish(row(recorded_at=LATER)) == ["annulled"], "recorded anew, and says the same"
    assert officer.publish(row(move_date="2026-05-09", recorded_at=BETWEEN)) == ["annulled"], "older"


def test_a_newer_row_of_an_annulled_reference_is_new(officer: Officer) -> None:
    officer.publish(row())
    officer.annul("CT-1")
    assert officer.publish(row(move_date="2026-05-09", recorded_at=LATER)) == ["published"]
    _new, annul, again = officer.headers
    assert again["change_kind"] == "NEW"
    assert again.get("replaces") is None
    assert again["sequence"] > annul["sequence"]


def test_an_annulled_protected_member_goes_on_to_protect_the_household(officer: Officer) -> None:
    officer.publish(row(protected="yes"))
    officer.annul("CT-1")
    officer.publish(row(reference="CT-2", given_names="Robin"))
    _new, annul, other = officer.headers
    assert annul["handling"] == "PROTECTED", "an annulment exposes nobody either"
    assert other["handling"] == "PROTECTED"


def test_another_person_under_an_annulled_reference_lifts_no_protection(officer: Officer) -> None:
    officer.publish(row(protected="yes"))
    officer.annul("CT-1")
    another = row(given_names="Robin", family_name="Hollowell", date_of_birth="1971-02-03", recorded_at=LATER)
    assert officer.publish(another) == ["published"]
    officer.publish(row(reference="CT-2", given_names="Jo"))
    assert officer.headers[-1]["handling"] == "PROTECTED"


def test_a_protected_row_that_stays_unsent_after_an_annulment_protects_its_household(
    officer: Officer,
) -> None:
    officer.publish(row())
    officer.annul("CT-1")
    assert officer.publish(row(protected="yes", recorded_at=BETWEEN)) == ["annulled"]
    officer.publish(row(reference="CT-2", given_names="Robin"))
    assert officer.headers[-1]["handling"] == "PROTECTED"


def test_an_annulment_of_a_member_whose_household_is_protected_by_now_is_protected(officer: Officer) -> None:
    officer.publish(row())
    officer.publish(row(reference="CT-2", given_names="Robin", protected="yes"))
    officer.annul("CT-1")
    assert officer.headers[-1]["handling"] == "PROTECTED"


def test_an_annulment_that_the_network_refuses_is_taken_back(officer: Officer) -> None:
    officer.publish(row())
    with Memory.open(officer.directory, AUTHORITY) as memory:
        before = officer._annulling(memory).find("CT-1").last
    (annulment,) = officer.annul("CT-1")
    with Memory.open(officer.directory, AUTHORITY) as memory:
        annulling = officer._annulling(memory)
        annulling.take_back(annulment)
        assert annulling.find("CT-1").last == before
    assert officer.publish(row()) == ["unchanged"]


def test_the_journal_keeps_who_and_why_and_no_reference(officer: Officer) -> None:
    officer.publish(row())
    (annulment,) = officer.annul("CT-1", reason="entered twice")
    begun, done = officer.journal
    assert (begun["state"], done["state"]) == ("begun", "done")
    assert done["reason"] == "entered twice"
    assert annulment.result is not None
    assert done["event_id"] == annulment.result.event_id
    assert "CT-1" not in str(officer.journal)
    assert "entered twice" not in str(officer.broker.events), "the reason stays at home"


def test_an_annulment_in_json_lines_is_remembered_as_one_by_hand_is(officer: Officer) -> None:
    officer.publish(row())
    header = officer.headers[0]
    file = officer.directory / "annul.jsonl"
    file.write_text(
        '{{"header": {{"subject_ref": "{}", "source_system": "council-tax", "change_kind": "ANNUL", "replaces": "{}",'
        ' "occurred_on": "2026-05-01", "recorded_at": "2026-06-01T10:00:00Z", "handling": "ORDINARY"}},'
        ' "event_type": "resident-moved"}}\n'.format(header["subject_ref"], header["event_id"])
    )
    assert officer.publish_file(file) == ["published"]
    assert officer.publish(row()) == ["annulled"]


_DAYS = st.lists(
    st.tuples(
        st.sampled_from(["CT-1", "CT-2"]),
        st.sampled_from(["row", "protected row", "annul", "another"]),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=_DAYS)
def test_whatever_is_annulled_a_household_that_was_protected_once_shows_no_new_person_in_the_clear(
    tmp_path_factory: pytest.TempPathFactory, days: list[tuple[str, str]]
) -> None:
    """Rows that say "no" of the same person may lift; annulments, and other people under the reference, never do."""
    officer = Officer(tmp_path_factory.mktemp("household"))
    protecting: set[str] = set()
    for day, (reference, what) in enumerate(days):
        at = f"2026-11-23T10:{day:02}:00Z"
        if what == "annul":
            if officer_knows(officer, reference):
                officer.annul(reference)
            continue
        person = {"given_names": "Alex", "family_name": "Quillfeather", "date_of_birth": "1990-04-03"}
        if what == "another":
            person = {"given_names": "Robin", "family_name": "Hollowell", "date_of_birth": "1971-02-03"}
        said = "yes" if what == "protected row" else "no"
        outcomes = officer.publish(
            row(
                reference=reference,
                protected=said,
                recorded_at=at,
                move_date=f"2026-05-{day + 1:02}",
                **person,
            )
        )
        if said == "yes":
            protecting.add(reference)
        elif what == "row" and outcomes == ["published"]:
            protecting.discard(reference)
    officer.publish(row(reference="CT-3", given_names="Jo", recorded_at=LATER))
    if protecting:
        assert officer.headers[-1]["handling"] == "PROTECTED"


def officer_knows(officer: Officer, reference: str) -> bool:
    with Memory.open(officer.directory, AUTHORITY) as memory:
        try:
            officer._annulling(memory).find(reference)
        except ConfigurationError:
            return False
    return True
