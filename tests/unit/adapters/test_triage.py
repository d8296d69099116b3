"""Triage finds new rows, corrections and repeats, through kills, lost memories and repeated runs."""

import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instep.adapters import Memory, Plain, Refused, Review, Skipped
from instep.errors import PlainEventError, PlatformError, RowError
from tests.strategies import examples
from tests.unit.adapters.publishing import (
    AUTHORITY,
    ROW,
    Publisher,
    csv_of,
    events,
    ids,
    leaves,
    names,
    row,
    sent,
)

LATER = "2026-05-06T10:00:00Z"


def test_an_unchanged_row_publishes_nothing_the_second_time(publisher: Publisher) -> None:
    assert names(publisher.rows(ROW)) == ["Send"]
    assert names(publisher.rows(ROW)) == ["Unchanged"]


def test_an_unchanged_row_that_is_merely_recorded_again_publishes_nothing(publisher: Publisher) -> None:
    publisher.rows(ROW)
    assert names(publisher.rows(row(recorded_at=LATER))) == ["Unchanged"]


def test_a_changed_row_is_a_correction_of_what_was_sent(publisher: Publisher) -> None:
    (new,) = events(publisher.rows(ROW))
    (correct,) = events(publisher.rows(row(move_date="2026-05-02", recorded_at=LATER)))
    assert correct["header"]["change_kind"] == "CORRECT"
    assert correct["header"]["replaces"] == new["header"]["event_id"]
    assert correct["header"]["subject_ref"] == new["header"]["subject_ref"]
    assert correct["person"] == new["person"], "a correction carries the whole event"


def test_the_sequence_rises_even_where_the_recorded_time_does_not(publisher: Publisher) -> None:
    first, second = events(publisher.rows(ROW, row(move_date="2026-05-02")))
    assert second["header"]["change_kind"] == "CORRECT"
    assert second["header"]["sequence"] == first["header"]["sequence"] + 1


def test_an_address_written_differently_is_counted_and_not_sent(publisher: Publisher) -> None:
    publisher.rows(ROW)
    rewritten = row(new_address_line_1="Flat 2, New St", new_town="BRADFORD CITY", recorded_at=LATER)
    assert names(publisher.rows(rewritten)) == ["SameAddress"]


@pytest.mark.parametrize(
    "change",
    [
        {"new_uprn": "", "new_address_line_1": "Flat 2, New St"},
        {"new_uprn": "999000000003"},
        {"new_postcode": "BD1 1HX"},
        {"new_address_line_1": "Flat 2, New St", "family_name": "Quillfeather-Oak"},
    ],
)
def test_an_address_that_is_another_or_not_alone_in_changing_is_sent(
    publisher: Publisher, change: dict[str, str]
) -> None:
    publisher.rows(ROW)
    (correct,) = events(publisher.rows(row(**change, recorded_at=LATER)))
    assert correct["header"]["change_kind"] == "CORRECT"


def test_a_row_older_than_what_was_sent_is_left_alone(publisher: Publisher) -> None:
    publisher.rows(ROW)
    (outcome,) = publisher.rows(row(move_date="2026-05-02", recorded_at="2026-05-03T10:00:00Z"))
    assert isinstance(outcome, Skipped)
    assert outcome.reason == "superseded"


def test_history_in_one_file_is_not_told_again(publisher: Publisher) -> None:
    """The file still holds the corrected row: a comparison with the newest event alone would send the row again."""
    history = (
        ROW,
        row(move_date="2026-05-02", recorded_at=LATER),
        row(move_date="2026-05-03", recorded_at=LATER),
    )
    assert names(publisher.rows(*history)) == ["Send"] * 3
    assert names(publisher.rows(*history)) == ["Unchanged"] * 3


def test_what_was_recorded_between_two_rows_that_say_the_same_is_out_of_date(publisher: Publisher) -> None:
    between = row(move_date="2026-05-02", recorded_at="2026-05-05T10:00:00Z")
    assert names(publisher.rows(ROW, row(recorded_at=LATER), between)) == ["Send", "Skipped", "Skipped"]
    assert names(publisher.rows(between)) == ["Skipped"]


def test_running_a_file_again_sends_nothing_whatever_its_order(publisher: Publisher) -> None:
    rows = [
        row(move_date=f"2026-05-0{day}", recorded_at=f"2026-06-0{recorded}T10:00:00Z")
        for day, recorded in ((2, 1), (2, 3), (1, 1), (1, 2), (3, 3), (2, 2))
    ]
    assert "Send" in names(publisher.rows(*rows))
    assert "Send" not in names(publisher.rows(*rows))


def test_an_earlier_row_again_never_goes_out_under_its_old_id(publisher: Publisher) -> None:
    """Neither while the first is still under way nor afterwards: an id with two contents is a conflict."""
    file = publisher.file(csv_of(ROW, row(move_date="2026-05-02"), ROW))
    assert names(publisher.publish(file, deliver=lambda number: False)) == ["Send", "Send", "Skipped"]
    assert names(publisher.publish(file)) == ["Send", "Send", "Unchanged"]


def test_another_person_in_another_household_under_one_reference_is_never_a_correction(
    publisher: Publisher,
) -> None:
    other = row(given_names="Robin", family_name="Marshbank", household_reference="HH-2", recorded_at=LATER)
    in_one_file = publisher.rows(ROW, other)
    in_the_next = publisher.rows(other)
    for outcome in (in_one_file[1], in_the_next[0]):
        assert isinstance(outcome, Review)
        assert (outcome.column, outcome.reason) == ("reference", "reference-conflict")


def test_the_same_person_in_another_household_is_corrected(publisher: Publisher) -> None:
    publisher.rows(ROW)
    assert names(publisher.rows(row(household_reference="HH-2", recorded_at=LATER))) == ["Send"]


def test_a_new_name_in_the_same_household_is_corrected(publisher: Publisher) -> None:
    publisher.rows(ROW)
    assert names(publisher.rows(row(family_name="Oak", recorded_at=LATER))) == ["Send"]


def test_what_was_not_confirmed_is_sent_again_under_the_same_id(publisher: Publisher) -> None:
    file = publisher.file(csv_of(*(row(reference=f"CT-{n}", household_reference="") for n in range(10))))
    killed = publisher.publish(file, deliver=lambda number: number < 4)
    again = publisher.publish(file)
    assert names(again) == ["Unchanged"] * 4 + ["Send"] * 6
    assert ids(again) == ids(killed)[4:]


HISTORY = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 28), st.sampled_from(["no", "yes"]), st.integers(0, 3)),
    max_size=8,
)


@settings(examples(50), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORY, delivered=st.integers(0, 8))
def test_a_run_that_was_killed_and_run_again_sends_exactly_what_one_run_would(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[int, int, str, int]], delivered: int
) -> None:
    rows = [
        row(
            reference=f"CT-{person}",
            given_names=f"Person {person}",
            move_date=f"2026-05-{day:02}",
            protected=protected,
            recorded_at=f"2026-06-0{1 + recorded}T10:00:00Z",
        )
        for person, day, protected, recorded in history
    ]
    whole = Publisher(tmp_path_factory.mktemp("whole"))
    undisturbed = whole.rows(*rows)
    killed = Publisher(tmp_path_factory.mktemp("killed"))
    file = killed.file(csv_of(*rows))
    (killed.state / AUTHORITY).mkdir(parents=True)
    (killed.state / AUTHORITY / "secret").write_bytes((whole.state / AUTHORITY / "secret").read_bytes())
    # Confirmations come in order, so what a kill leaves is the beginning of what was sent.
    confirmed = [outcome.line for outcome in sent(undisturbed)][:delivered]
    first = killed.publish(file, deliver=lambda number: number + 2 in confirmed)
    second = killed.publish(file)
    assert ids(first) == ids(undisturbed)
    assert ids(first)[: len(confirmed)] + ids(second) == ids(undisturbed)
    by_id = {event["header"]["event_id"]: event for event in events(undisturbed)}
    assert all(by_id[event["header"]["event_id"]] == event for event in events(second))
    assert not sent(killed.publish(file)), "and then there is nothing left to send"


def test_with_the_memory_lost_the_same_file_gives_the_same_events(publisher: Publisher) -> None:
    file = publisher.file(csv_of(ROW, row(move_date="2026-05-02", recorded_at=LATER), row(reference="CT-2")))
    before = events(publisher.publish(file))
    publisher.forget_everything_but_the_secret()
    assert events(publisher.publish(file)) == before


def test_ids_cannot_be_made_without_the_secret(tmp_path: Path) -> None:
    headers = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        headers.append(events(Publisher(tmp_path / name).rows(ROW))[0]["header"])
    assert headers[0]["event_id"] != headers[1]["event_id"]
    assert headers[0]["subject_ref"] != headers[1]["subject_ref"]
    assert uuid.UUID(headers[0]["event_id"]).version == 8
    assert uuid.UUID(headers[0]["event_id"]).variant == uuid.RFC_4122


def test_one_protected_row_anywhere_in_the_file_makes_the_household_protected(publisher: Publisher) -> None:
    outcomes = publisher.rows(
        ROW, row(reference="CT-2", protected="yes"), row(reference="CT-3", household_reference="HH-9")
    )
    assert [event["header"]["handling"] for event in events(outcomes)] == [
        "PROTECTED",
        "PROTECTED",
        "ORDINARY",
    ]
    assert [note.reason for note in sent(outcomes)[0].notes] == ["household-protected"]


def test_a_protected_row_that_is_itself_refused_still_protects_its_household(publisher: Publisher) -> None:
    outcomes = publisher.rows(ROW, row(reference="CT-2", protected="yes", move_date="TBC"))
    assert names(outcomes) == ["Send", "Refused"]
    assert events(outcomes)[0]["header"]["handling"] == "PROTECTED"


def test_a_household_stays_protected_in_later_files_until_the_protected_member_is_not(
    publisher: Publisher,
) -> None:
    publisher.rows(row(reference="CT-2", protected="yes"))
    (shielded,) = events(publisher.rows(ROW))
    assert shielded["header"]["handling"] == "PROTECTED"
    publisher.rows(row(reference="CT-2", protected="no", recorded_at=LATER))
    (lifted,) = events(publisher.rows(row(recorded_at=LATER)))
    assert lifted["header"]["handling"] == "ORDINARY"


def test_a_household_that_becomes_protected_corrects_who_was_sent_as_ordinary(publisher: Publisher) -> None:
    (before,) = events(publisher.rows(ROW))
    after, _ = events(publisher.rows(ROW, row(reference="CT-2", protected="yes")))
    assert (before["header"]["handling"], after["header"]["handling"]) == ("ORDINARY", "PROTECTED")
    assert after["header"]["change_kind"] == "CORRECT"
    assert after["header"]["replaces"] == before["header"]["event_id"] != after["header"]["event_id"]


def test_what_intake_would_refuse_is_refused_and_not_corrected_later(publisher: Publisher) -> None:
    def refuse(event_type: str, event: Plain) -> None:
        if event["moved_on"] == ROW["move_date"]:
            raise RowError("moved_on", "bad-date")

    file = publisher.file(csv_of(ROW, row(move_date="2026-05-02", recorded_at=LATER)))
    refused, accepted = publisher.publish(file, validate=refuse)
    assert isinstance(refused, Refused)
    assert (refused.line, refused.column, refused.reason) == (2, "moved_on", "bad-date")
    assert events([accepted])[0]["header"]["change_kind"] == "NEW"


def test_a_refusal_by_intakes_rules_keeps_its_code_and_its_words(publisher: Publisher) -> None:
    def refuse(event_type: str, event: Plain) -> None:
        raise PlainEventError("moved_on", "is missing", "missing-field")

    (refused,) = publisher.publish(publisher.file(csv_of(ROW)), validate=refuse)
    assert isinstance(refused, Refused)
    assert (refused.column, refused.reason, refused.problem) == ("moved_on", "missing-field", "is missing")


def test_an_event_that_the_network_refused_can_be_forgotten(publisher: Publisher) -> None:
    (outcome,) = sent(publisher.rows(ROW))
    with Memory.open(publisher.state, AUTHORITY) as memory:
        memory.forget(outcome.sent.event_id)
    assert names(publisher.rows(ROW)) == ["Send"]


def test_two_publishes_of_one_authority_do_not_run_at_once(publisher: Publisher) -> None:
    with (
        Memory.open(publisher.state, AUTHORITY),
        pytest.raises(PlatformError, match="Another publish for leeds is running"),
    ):
        Memory.open(publisher.state, AUTHORITY)
    assert names(publisher.rows(ROW)) == ["Send"]


def test_a_damaged_memory_is_one_sentence(publisher: Publisher) -> None:
    publisher.rows(ROW)
    publisher.forget_everything_but_the_secret()
    (publisher.state / AUTHORITY / "memory.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(PlatformError, match="cannot be used"):
        Memory.open(publisher.state, AUTHORITY)


def test_the_secret_is_readable_by_its_owner_alone_and_stays(publisher: Publisher) -> None:
    publisher.rows(ROW)
    secret = publisher.state / AUTHORITY / "secret"
    before = secret.read_bytes()
    assert secret.stat().st_mode & 0o777 == 0o600
    publisher.rows(ROW)
    assert secret.read_bytes() == before
    assert len(before) == 32


def test_the_memory_holds_nothing_that_can_be_read(publisher: Publisher) -> None:
    telling = {value for value in ROW.values() if len(value) > 4}
    (event,) = events(publisher.rows(ROW))
    assert telling & set(leaves(event)), "the search finds what is there"
    memory = b"".join(
        file.read_bytes() for file in (publisher.state / AUTHORITY).iterdir() if file.name != "secret"
    )
    assert uuid.UUID(event["header"]["event_id"]).bytes in memory, "and looks where the memory is"
    readable = [value for value in telling if value.encode() in memory or value.casefold().encode() in memory]
    assert not readable


PLACED = {"reason": "placement", "residence_kind": "temporary", "household_reference": "HH-7"}


def test_a_placement_says_what_a_section_208_notice_says(publisher: Publisher) -> None:
    household = [
        row(**PLACED, reference="P-1", given_names="Kim", date_of_birth="2019-01-01"),
        row(**PLACED, reference="P-2", given_names="Lee", date_of_birth="1980-01-01"),
        row(**PLACED, reference="P-3", given_names="Max", date_of_birth="2008-05-02"),
    ]
    notices = [event["placement"] for event in events(publisher.rows(*household))]
    assert notices[0] == notices[1] == notices[2], "one household, one notice"
    assert notices[0]["applicant"]["given_names"] == "Lee", "the first who is old enough to apply"
    assert (notices[0]["others_number"], notices[0]["others_description"]) == (2, "2 children")
    assert notices[0]["made_available_on"] == ROW["move_date"]
    assert notices[0]["address"]["uprn"] == ROW["new_uprn"]


def test_a_placement_that_a_later_file_tells_in_part_still_counts_all_members(publisher: Publisher) -> None:
    household = [row(**PLACED, reference=f"P-{n}", given_names=f"Kim {n}") for n in range(3)]
    publisher.rows(*household)
    corrected = {**household[1], "move_date": "2026-05-02", "recorded_at": LATER}
    (event,) = events(publisher.rows(corrected))
    assert event["placement"]["others_number"] == 2
    assert "others_description" not in event["placement"]


def test_a_protected_row_that_the_network_refuses_goes_on_to_protect_its_household(
    publisher: Publisher,
) -> None:
    publisher.rows(row(protected="yes"))
    (refused,) = ids(publisher.rows(row(protected="yes", move_date="2026-05-02", recorded_at=LATER)))
    with Memory.open(publisher.state, AUTHORITY) as memory:
        memory.forget(uuid.UUID(refused).bytes)
    (other,) = events(publisher.rows(row(reference="CT-2", given_names="Robin")))
    assert other["header"]["handling"] == "PROTECTED"
    publisher.rows(row(protected="no", move_date="2026-05-02", recorded_at="2026-05-07T10:00:00Z"))
    (third,) = events(publisher.rows(row(reference="CT-3", given_names="Jo")))
    assert third["header"]["handling"] == "ORDINARY", "a published row of the person says all there is"
