"""Where a lane goes on: silence is never an answer."""

from dataclasses import replace

import pytest
from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from instep.kafka.log_ends import Log
from instep.lanes.positions import Cause, Gap, Position, Start, where_to_start

OUTBOX = TopicPartition("leeds.outbox", 0)
OTHER = TopicPartition("york.outbox", 0)


def start(
    *,
    committed: int | None = None,
    kept: int | None = None,
    kept_of: str = "id-1",
    log: Log | None = None,
    earliest: int = 0,
    has_run: bool = True,
    accept: int | None = None,
) -> Start:
    log = log or Log(start=earliest, end=100, topic_id="id-1")
    logs = {OUTBOX: log} | ({OTHER: Log(start=0, end=1, topic_id="id-2")} if has_run else {})
    return where_to_start(
        committed={OUTBOX: committed},
        changelog_positions={OUTBOX: None if kept is None else Position(offset=kept, topic_id=kept_of)}
        | ({OTHER: Position(offset=1, topic_id="id-2")} if has_run else {}),
        logs=logs,
        accept=lambda gap: accept,
    )


def gap_of(decided: Start) -> tuple[int | None, int, Cause]:
    (gap,) = decided.lost
    assert gap.partition == OUTBOX
    return gap.position, gap.start, gap.cause


def test_a_lane_that_never_ran_begins_at_the_logs_start() -> None:
    assert start(has_run=False, earliest=7).positions == {OUTBOX: 7}


def test_the_changelogs_position_counts() -> None:
    assert start(committed=5, kept=9).positions[OUTBOX] == 9


def test_a_group_that_is_ahead_of_the_changelog_is_a_gap() -> None:
    assert gap_of(start(committed=9, kept=5)) == (5, 9, Cause.GROUP_AHEAD)


def test_a_group_that_knows_more_than_a_changelog_without_any_position_is_a_gap() -> None:
    assert gap_of(start(committed=9, kept=None, has_run=False)) == (None, 9, Cause.GROUP_AHEAD)


def test_a_group_that_is_ahead_of_the_log_itself_goes_on_at_its_end_once_accepted() -> None:
    assert gap_of(start(committed=900, kept=5)) == (5, 100, Cause.GROUP_AHEAD)


def test_offsets_that_the_group_forgot_are_found_in_the_changelog() -> None:
    assert start(committed=None, kept=9).lost == ()


def test_a_new_authoritys_outbox_begins_at_its_whole_log() -> None:
    assert start(committed=None, kept=None, earliest=0).positions[OUTBOX] == 0


def test_a_position_lost_on_a_lane_that_has_run_is_a_gap() -> None:
    assert gap_of(start(committed=None, kept=None, earliest=3)) == (None, 3, Cause.LOST)


def test_a_position_below_the_logs_start_is_a_gap() -> None:
    assert gap_of(start(committed=2, kept=2, earliest=3)) == (2, 3, Cause.EXPIRED)


@pytest.mark.parametrize("end", [0, 4, 99, 1_000])
def test_a_topic_made_anew_is_a_gap_however_long_its_log_is(end: int) -> None:
    anew = Log(start=0, end=end, topic_id="id-9")
    assert gap_of(start(kept=5, log=anew)) == (5, 0, Cause.RECREATED)


def test_a_position_beyond_the_logs_end_is_a_gap() -> None:
    cut = Log(start=1, end=4, topic_id="id-1")
    assert gap_of(start(kept=5, log=cut)) == (5, 1, Cause.BEYOND_END)


def test_a_log_that_was_cut_and_has_grown_past_the_position_is_a_gap_still() -> None:
    cut = Gap(partition=OUTBOX, position=5, start=1, topic_id="id-1", cause=Cause.BEYOND_END)
    grown = {OUTBOX: Log(start=1, end=50, topic_id="id-1")}

    def lost(gap: Gap, kept: int) -> tuple[Gap, ...]:
        position = Position(offset=kept, topic_id="id-1")
        return where_to_start(
            committed={OUTBOX: kept}, changelog_positions={OUTBOX: position}, logs=grown, stated={OUTBOX: gap}
        ).lost

    assert lost(cut, 5) == (cut,)
    assert lost(cut, 6) == ()
    assert lost(replace(cut, cause=Cause.EXPIRED), 5) == ()


def test_a_position_of_an_older_version_knows_no_topic_and_is_gone_on_from() -> None:
    assert start(kept=5, kept_of="").positions[OUTBOX] == 5


@pytest.mark.parametrize("goes_on_at", [3, 7])
def test_an_accepted_gap_goes_on_where_the_operator_said_and_is_told(goes_on_at: int) -> None:
    accepted = start(committed=2, kept=2, earliest=3, accept=goes_on_at)
    assert accepted.positions[OUTBOX] == goes_on_at
    assert accepted.lost == ()
    assert accepted.accepted == (
        Gap(partition=OUTBOX, position=2, start=3, topic_id="id-1", cause=Cause.EXPIRED),
    )


@given(
    st.none() | st.integers(0, 9),
    st.none() | st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 9),
    st.booleans(),
    st.sampled_from(["id-1", "id-9"]),
)
def test_nothing_is_skipped_and_nothing_repeated_in_silence(
    committed: int | None, kept: int | None, earliest: int, more: int, has_run: bool, topic_id: str
) -> None:
    log = Log(start=earliest, end=earliest + more, topic_id=topic_id)
    decided = start(committed=committed, kept=kept, log=log, has_run=has_run)
    if kept is not None and not decided.lost:
        assert topic_id == "id-1"
        assert decided.positions[OUTBOX] == kept
        assert earliest <= kept <= log.end
        assert committed is None or committed <= kept
    if OUTBOX not in decided.positions:
        assert decided.lost
