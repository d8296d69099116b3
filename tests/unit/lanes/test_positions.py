"""Where a lane goes on: silence is never an answer."""

from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from instep.lanes.positions import Gap, Start, where_to_start

OUTBOX = TopicPartition("leeds.outbox", 0)


def start(
    *,
    committed: int | None = None,
    kept: int | None = None,
    earliest: int = 0,
    has_run: bool = True,
    accept: bool = False,
) -> Start:
    return where_to_start(
        committed={OUTBOX: committed},
        kept={OUTBOX: kept},
        earliest={OUTBOX: earliest},
        has_run=has_run,
        accept=lambda gap: accept,
    )


def test_a_lane_that_never_ran_begins_at_the_logs_start() -> None:
    assert start(has_run=False, earliest=7).positions == {OUTBOX: 7}


def test_the_larger_position_counts() -> None:
    assert start(committed=5, kept=9).positions == {OUTBOX: 9}
    assert start(committed=9, kept=5).positions == {OUTBOX: 9}


def test_offsets_that_the_group_forgot_are_found_in_the_changelog() -> None:
    assert start(committed=None, kept=9).lost == ()


def test_a_new_authoritys_outbox_begins_at_its_whole_log() -> None:
    assert start(committed=None, kept=None, earliest=0, has_run=True) == Start({OUTBOX: 0}, (), ())


def test_a_position_lost_on_a_lane_that_has_run_is_a_gap() -> None:
    assert start(committed=None, kept=None, earliest=3, has_run=True).lost == (Gap(OUTBOX, None, 3),)


def test_a_position_below_the_logs_start_is_a_gap() -> None:
    assert start(committed=2, kept=2, earliest=3).lost == (Gap(OUTBOX, 2, 3),)


def test_an_accepted_gap_goes_on_at_the_logs_start_and_is_told() -> None:
    accepted = start(committed=2, earliest=3, accept=True)
    assert accepted == Start({OUTBOX: 3}, (), (Gap(OUTBOX, 2, 3),))


@given(st.none() | st.integers(0, 9), st.none() | st.integers(0, 9), st.integers(0, 9), st.booleans())
def test_nothing_between_the_known_position_and_the_start_is_skipped_in_silence(
    committed: int | None, kept: int | None, earliest: int, has_run: bool
) -> None:
    decided = start(committed=committed, kept=kept, earliest=earliest, has_run=has_run)
    known = [at for at in (committed, kept) if at is not None]
    if known and max(known) < decided.positions[OUTBOX]:
        assert decided.lost
