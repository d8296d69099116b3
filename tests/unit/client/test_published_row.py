"""A record is corrected without its file: what the outbox holds is changed, and nothing of the event is lost."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instep.adapters.event_cells import holds
from instep.client.published_row import event_of
from instep.errors import ConfigurationError
from tests.unit.adapters.publishing import row
from tests.unit.client.hand import Officer
from tests.unit.client.records import gone

ALONE = row(reference="CT-9", household_reference="", given_names="Kit")


@pytest.fixture
def officer(tmp_path: Path) -> Officer:
    officer = Officer(tmp_path)
    officer.publish(row(), ALONE)
    return officer


def without_header(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "header"}


def test_a_changed_cell_corrects_the_event_and_leaves_the_rest_as_it_was(officer: Officer) -> None:
    (result,) = officer.correct_published("ct-1", move_date="02/05/2026")
    first, _, correct = officer.broker.events
    assert (result.outcome, correct["header"]["change_kind"]) == ("published", "CORRECT")
    assert correct["header"]["replaces"] == first["header"]["event_id"]
    assert correct["header"]["subject_ref"] == first["header"]["subject_ref"]
    assert without_header(correct) == without_header(first) | {"moved_on": "2026-05-02"}


def test_the_same_change_by_file_and_without_a_file_is_the_same_event(tmp_path: Path) -> None:
    by_file, without = Officer(tmp_path / "file"), Officer(tmp_path / "none")
    for officer in (by_file, without):
        officer.directory.mkdir()
        officer.publish(row())
    by_file.correct("CT-1", new_address_line_1="4 New Street", new_uprn="")
    without.correct_published("CT-1", new_address_line_1="4 New Street", new_uprn="")
    bodies = [without_header(officer.broker.events[-1]) for officer in (by_file, without)]
    for body in bodies:
        body.pop("group_ref")  # each council has its own secret
    assert bodies[0] == bodies[1]


def test_a_second_correction_goes_on_from_the_first(officer: Officer) -> None:
    officer.correct_published("CT-1", move_date="2026-05-02")
    officer.correct_published("CT-1", new_address_line_1="4 New Street", new_uprn="")
    *_, second, third = officer.broker.events
    assert third["header"]["replaces"] == second["header"]["event_id"]
    assert third["moved_on"] == "2026-05-02"


def test_the_export_that_does_not_know_the_correction_takes_nothing_back(officer: Officer) -> None:
    officer.correct_published("CT-1", move_date="2026-05-02")
    assert officer.publish(row(), ALONE) == ["unchanged", "unchanged"]


def test_a_change_that_says_nothing_new_is_not_sent(officer: Officer) -> None:
    assert officer.published_row("CT-1", move_date="01/05/2026", new_postcode="bd11hy").is_unchanged
    assert not officer.published_row("CT-1", move_date="02/05/2026").is_unchanged
    assert not officer.published_row("CT-1", move_date="2026-02-30").is_unchanged


def test_a_value_that_publish_would_refuse_is_refused(officer: Officer) -> None:
    (result,) = officer.correct_published("CT-1", move_date="2026-02-30")
    assert (result.outcome, result.column, result.reason) == ("refused", "move_date", "impossible-date")
    assert len(officer.broker.events) == 2


def test_a_person_without_a_household_stays_known_to_the_memory(officer: Officer) -> None:
    officer.correct_published("CT-9", move_date="2026-05-02")
    another = {**ALONE, "given_names": "Noor", "family_name": "Hollowell", "date_of_birth": "1971-02-03"}
    assert officer.publish(row(), another | {"recorded_at": "2026-11-20T10:00:00Z"})[1] == "review"


def test_a_killed_correction_goes_out_again_under_the_same_id(officer: Officer) -> None:
    officer.broker.dies = True
    with pytest.raises(KeyboardInterrupt):
        officer.correct_published("CT-1", move_date="2026-05-02")
    officer.broker.dies = False
    officer.correct_published("CT-1", move_date="2026-05-02")
    first, second = officer.headers[2:]
    assert first["event_id"] == second["event_id"]


def test_what_no_agreement_lets_leave_has_to_be_given_again_with_a_name(officer: Officer) -> None:
    event = officer.broker.events[1]
    event["person"]["born_on"] = None  # as if it had stayed at home
    with pytest.raises(ConfigurationError, match=r"--set date_of_birth=VALUE"):
        officer.correct_published("CT-9", family_name="Quillfether")
    (moved,) = officer.correct_published("CT-9", move_date="2026-05-02")
    assert moved.outcome == "published", "who the person is was not the question"


@pytest.mark.parametrize(
    ("reference", "rows", "changes", "words"),
    [
        ("CT-2", [row(reference="CT-2", protected="yes", household_reference="")], {}, "went out protected"),
        ("CT-1", [], {"protected": "yes"}, "protects the household"),
        ("CT-1", [], {"reason": "Placement"}, "counts the household"),
        ("CT-3", [row(reference="CT-3", reason="placement")], {}, "more in it than these columns"),
        ("CT-8", [], {}, "has published no record of this reference"),
    ],
)
def test_what_the_outbox_cannot_say_is_left_to_the_file(
    officer: Officer, reference: str, rows: list[dict[str, str]], changes: dict[str, str], words: str
) -> None:
    if rows:
        officer.publish(*rows, name="more.csv")
    count = len(officer.broker.events)
    with pytest.raises(ConfigurationError, match=words):
        officer.correct_published(reference, **changes or {"move_date": "2026-05-02"})
    assert len(officer.broker.events) == count


def test_an_event_with_fields_that_no_column_has_is_left_to_the_file(officer: Officer) -> None:
    officer.broker.events[0]["new_address"]["authority_gss"] = "E08000032"
    with pytest.raises(ConfigurationError, match="more in it than these columns"):
        officer.correct_published("CT-1", move_date="2026-05-02")


@pytest.mark.parametrize(
    "protected",
    [
        row(reference="CT-5", given_names="Jo", protected="yes"),
        row(reference="CT-5", given_names="Jo", protected="yes", household_reference="HH-9"),
    ],
    ids=["of the household", "at the address"],
)
def test_a_record_beside_a_protected_person_is_left_to_the_file(
    officer: Officer, protected: dict[str, str]
) -> None:
    officer.publish(protected, name="protected.csv")
    count = len(officer.broker.events)
    with pytest.raises(ConfigurationError, match="is or may be protected"):
        officer.correct_published("CT-1", move_date="2026-05-02")
    assert len(officer.broker.events) == count


def test_a_person_without_a_household_can_be_protected_by_hand(officer: Officer) -> None:
    (result,) = officer.correct_published("CT-9", protected="yes")
    assert (result.outcome, officer.headers[-1]["handling"]) == ("published", "PROTECTED")


def test_an_annulled_record_is_left_to_the_file(officer: Officer) -> None:
    officer.annul("CT-1")
    with pytest.raises(ConfigurationError, match="was annulled"):
        officer.correct_published("CT-1", move_date="2026-05-02")


def test_an_event_that_has_expired_is_left_to_the_file() -> None:
    class Empty:
        async def records(self, partitions: object) -> Any:
            return
            yield

    at: Any = SimpleNamespace(outbox=lambda: "leeds.outbox")
    reader: Any = Empty()
    with pytest.raises(ConfigurationError, match="does not hold the record any more"):
        asyncio.run(event_of(at, reader, gone().record))


JSON = st.recursive(
    st.none() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)


@settings(max_examples=100)
@given(event=st.dictionaries(st.sampled_from("abc"), JSON))
def test_a_body_holds_itself_and_with_a_value_less_no_longer(event: dict[str, Any]) -> None:
    assert holds(event, event)
    assert holds({**event, "d": "more"}, event)
    for name, value in event.items():
        less = {other: each for other, each in event.items() if other != name}
        assert holds(less, event) == (not json.dumps(value).count('"') or _is_empty(value))


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and all(map(_is_empty, value.values())))
