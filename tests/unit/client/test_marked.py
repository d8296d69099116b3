"""What is annulled, refused, taken back or released by hand goes on to protect a household that is written otherwise."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from instep.adapters import Line, Memory, read
from instep.adapters.edits import Edit
from instep.adapters.move_rows import SYSTEM
from instep.client.correcting import Correcting, Wish
from instep.client.hand_journal import Journal
from instep.client.releasing import Releasing
from tests.unit.adapters.publishing import SETTINGS, row
from tests.unit.cases.council import gate
from tests.unit.client.hand import AUTHORITY, Officer

LATER = "2026-11-23T10:00:00Z"
"""After every change by hand of these tests."""
PROTECTED = row(household_reference="HH-77", protected="yes")
SOMEBODY = {"given_names": "Robin", "family_name": "Hollowell", "date_of_birth": "1971-02-03"}
ELSEWHERE = {
    "old_uprn": "",
    "old_address_line_1": "9 Reed Lane",
    "old_postcode": "LS2 8JS",
    "new_uprn": "",
    "new_address_line_1": "4 Alder Row",
    "new_postcode": "LS7 3HL",
}
WRITTEN_OTHERWISE = row(reference="CT-2", household_reference="HH 0077", **SOMEBODY, **ELSEWHERE)
ANOTHER_HOUSEHOLD = row(reference="CT-3", household_reference="HH-5", **SOMEBODY, **ELSEWHERE)


@pytest.fixture
def officer(tmp_path: Path) -> Officer:
    return Officer(tmp_path)


def _handling(officer: Officer, member: dict[str, str], name: str = "member.csv") -> str:
    assert officer.publish(member, name=name) == ["published"]
    return str(officer.headers[-1]["handling"])


def _forget_last(officer: Officer) -> None:
    with Memory.open(officer.directory, AUTHORITY) as memory:
        memory.forget(uuid.UUID(officer.headers[-1]["event_id"]).bytes)


def _annul(officer: Officer) -> None:
    officer.annul("CT-1")


@pytest.mark.parametrize("by_hand", [_annul, _forget_last])
def test_a_protected_row_that_is_annulled_or_refused_protects_its_household_in_other_spellings(
    officer: Officer, by_hand: Callable[[Officer], None]
) -> None:
    officer.publish(PROTECTED)
    by_hand(officer)
    assert _handling(officer, WRITTEN_OTHERWISE) == "PROTECTED"
    assert _handling(officer, ANOTHER_HOUSEHOLD, "another.csv") == "ORDINARY"


@pytest.mark.parametrize("protected", ["no", "yes"])
def test_another_person_under_an_annulled_reference_lifts_no_mark(officer: Officer, protected: str) -> None:
    officer.publish(PROTECTED)
    officer.annul("CT-1")
    somebody = {"household_reference": "HH-8", **SOMEBODY, **ELSEWHERE}
    assert officer.publish(row(protected=protected, recorded_at=LATER, **somebody)) == ["published"]
    assert officer.publish(row(recorded_at="2026-11-23T11:00:00Z", **somebody)) != ["refused"]
    assert _handling(officer, WRITTEN_OTHERWISE) == "PROTECTED"


def test_an_annulment_of_somebody_unprotected_protects_nobody(officer: Officer) -> None:
    officer.publish(row(household_reference="HH-77"))
    officer.annul("CT-1")
    assert _handling(officer, WRITTEN_OTHERWISE) == "ORDINARY"


def test_a_correction_that_is_taken_back_leaves_the_marks_that_stood_before(officer: Officer) -> None:
    officer.publish(PROTECTED)

    def reading(edit: Edit) -> Iterator[Line]:
        settings = replace(SETTINGS, edit=edit)
        return read(officer.directory / "moves.csv", authority=AUTHORITY, settings=settings)

    with Memory.open(officer.directory, AUTHORITY) as memory:
        journal = Journal(officer.directory / AUTHORITY, "")
        correcting = Correcting(
            authority=AUTHORITY, gate=gate(), memory=memory, journal=journal, now=officer.now
        )
        wish = Wish(reference="CT-1", changes={"protected": "no"})
        (result,) = asyncio.run(correcting.correct(wish, reading, officer.broker))
        assert officer.headers[-1]["handling"] == "ORDINARY"
        correcting.take_back(result)
    assert _handling(officer, WRITTEN_OTHERWISE) == "PROTECTED"


def test_a_correction_by_hand_takes_rows_along_that_write_the_household_otherwise(officer: Officer) -> None:
    first = row(household_reference="HH-77")
    officer.publish(first, WRITTEN_OTHERWISE)
    officer.correct("CT-1", first, WRITTEN_OTHERWISE, protected="yes")
    assert [header["handling"] for header in officer.headers[-2:]] == ["PROTECTED", "PROTECTED"]


def test_a_released_household_stays_released_until_a_row_speaks_of_it_anew(officer: Officer) -> None:
    officer.publish(row(reference="", household_reference="HH-77", protected="yes"))
    with Memory.open(officer.directory, AUTHORITY) as memory:
        by_hand = Releasing(
            authority=AUTHORITY, memory=memory, journal=Journal(officer.directory / AUTHORITY, "")
        )
        household = by_hand.household("HH 0077", SYSTEM)
        assert by_hand.release(household, by_hand.spellings("HH 0077", SYSTEM)) == 1
    officer.publish(row(reference="", household_reference="HH-9", protected="yes"), name="other.csv")
    assert _handling(officer, WRITTEN_OTHERWISE) == "ORDINARY"
    officer.publish(row(reference="", household_reference="HH-77", protected="yes"))
    later = {**WRITTEN_OTHERWISE, "recorded_at": LATER, "move_date": "2026-05-09"}
    assert _handling(officer, later) == "PROTECTED"
