"""A household that a damaged row holds back for good is released by hand, and nothing else is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from instep.adapters import Memory
from instep.adapters.move_rows import SYSTEM
from instep.client.hand_journal import Journal
from instep.client.releasing import Releasing
from instep.errors import ConfigurationError
from tests.unit.adapters.publishing import row
from tests.unit.client.hand import AUTHORITY, Officer

DAMAGED = row(reference="", protected="yes")
MEMBER = row(reference="CT-2", given_names="Robin")


@pytest.fixture
def officer(tmp_path: Path) -> Officer:
    officer = Officer(tmp_path)
    assert officer.publish(DAMAGED) == ["refused"]
    return officer


@contextmanager
def releasing(officer: Officer) -> Iterator[Releasing]:
    with Memory.open(officer.directory, AUTHORITY) as memory:
        journal = Journal(officer.directory / AUTHORITY, "the row was another household's")
        yield Releasing(authority=AUTHORITY, memory=memory, journal=journal)


def test_a_released_household_goes_out_ordinary(officer: Officer) -> None:
    with releasing(officer) as by_hand:
        assert by_hand.release(by_hand.household("hh-1", SYSTEM)) == 1
    officer.publish(MEMBER)
    assert officer.headers[-1]["handling"] == "ORDINARY"


def test_a_household_is_found_by_a_published_members_reference(officer: Officer) -> None:
    officer.publish(MEMBER)
    assert officer.headers[-1]["handling"] == "PROTECTED"
    with releasing(officer) as by_hand:
        assert by_hand.household_of("CT-2", None) == by_hand.household("HH-1", SYSTEM)
        with pytest.raises(ConfigurationError, match="name the household"):
            by_hand.household_of("CT-9", None)


def test_no_other_household_is_released(officer: Officer) -> None:
    with releasing(officer) as by_hand:
        assert by_hand.release(by_hand.household("HH-2", SYSTEM)) == 0
    officer.publish(MEMBER)
    assert officer.headers[-1]["handling"] == "PROTECTED"


def test_a_published_protected_member_protects_a_released_household(officer: Officer) -> None:
    officer.publish(row(reference="CT-3", given_names="Jo", protected="yes"))
    with releasing(officer) as by_hand:
        household = by_hand.household("HH-1", SYSTEM)
        by_hand.release(household)
        assert by_hand.is_still_protected(household)
    officer.publish(MEMBER)
    assert officer.headers[-1]["handling"] == "PROTECTED"


def test_a_release_is_in_the_journal(officer: Officer) -> None:
    with releasing(officer) as by_hand:
        by_hand.release(by_hand.household("HH-1", SYSTEM))
    assert {line["command"] for line in officer.journal} == {"release"}
    assert "HH-1" not in str(officer.journal)


ALONE = row(reference="CT-7", given_names="Robin", household_reference="")


def test_a_person_without_a_household_is_released_alone(officer: Officer) -> None:
    with releasing(officer) as by_hand:
        assert not by_hand.release_person("ct-7", SYSTEM)
    officer.publish({**ALONE, "reference": "CT-8", "given_names": "Jo"}, ALONE)
    assert [header["handling"] for header in officer.headers[-2:]] == ["PROTECTED", "ORDINARY"]
    assert {line["command"] for line in officer.journal} == {"release"}
    assert "CT-7" not in str(officer.journal)


def test_what_a_damaged_row_says_after_the_release_counts(officer: Officer) -> None:
    with releasing(officer) as by_hand:
        by_hand.release_person("CT-7", SYSTEM)
    officer.publish({**DAMAGED, "given_names": "Sam"})
    officer.publish(ALONE)
    assert officer.headers[-1]["handling"] == "PROTECTED"


def test_a_released_person_stays_with_a_published_protected_member(officer: Officer) -> None:
    officer.publish(MEMBER, row(reference="CT-3", given_names="Jo", protected="yes"))
    with releasing(officer) as by_hand:
        assert by_hand.release_person("CT-2", SYSTEM)
    officer.publish({**MEMBER, "recorded_at": "2026-05-06T10:00:00Z"})
    assert officer.headers[-1]["handling"] == "PROTECTED"
