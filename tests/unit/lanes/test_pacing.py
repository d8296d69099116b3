"""When transactions begin, when they are wide or old enough to commit, and for how long a lane has been silent."""

from dataclasses import replace
from pathlib import Path

import pytest

from instep.kafka.connection import Connection
from instep.lanes.pacing import Extent, Pacing
from instep.lanes.settings import LaneSettings

SETTINGS = LaneSettings(
    connection=Connection(bootstrap_servers="nowhere:1", security_protocol="PLAINTEXT"),
    state_directory=Path(),
    schemas_directory=Path(),
    transaction_interval=0.25,
    transaction_seconds=0.5,
    transaction_events=100,
    transaction_bytes=1000,
)
"""Times are sums of powers of two, so that floats are exact."""


def test_what_comes_alone_goes_at_once() -> None:
    pacing = Pacing(SETTINGS, now=8.0)
    assert pacing.wait(8.0) <= 0
    pacing.begin(8.0)
    assert pacing.wait(8.25) <= 0
    assert pacing.wait(16.0) <= 0


def test_what_comes_soon_after_waits_for_an_interval_from_the_last_beginning_and_not_from_its_end() -> None:
    pacing = Pacing(SETTINGS, now=8.0)
    pacing.begin(8.0)
    pacing.opened(8.0)
    pacing.committed(8.125)
    assert pacing.wait(8.125) == 0.125
    pacing.begin(8.25)
    assert pacing.wait(8.25) == 0.25


def test_a_ticks_transaction_holds_up_no_batch() -> None:
    pacing = Pacing(SETTINGS, now=8.0)
    pacing.opened(8.0)
    pacing.committed(8.0)
    assert pacing.wait(8.0) <= 0


@pytest.mark.parametrize(
    ("batches", "room"),
    [
        ([(0, 0)], True),
        ([(99, 999)], True),
        ([(100, 0)], False),
        ([(0, 1000)], False),
        ([(60, 10), (60, 10)], False),
        ([(10, 600), (10, 600)], False),
    ],
)
def test_a_transaction_takes_batches_until_it_is_wide(batches: list[tuple[int, int]], room: bool) -> None:
    extent = Extent(SETTINGS, began=8.0)
    *before, last = [extent.take(events, size) for events, size in batches]
    assert all(before)
    assert last is room


def test_a_transaction_is_old_after_its_seconds() -> None:
    extent = Pacing(SETTINGS, now=0.0).begin(8.0)
    assert extent.old_at == 8.5
    assert extent.seconds(8.75) == 0.75


def test_a_transaction_that_may_last_no_time_is_old_at_its_beginning() -> None:
    assert Extent(replace(SETTINGS, transaction_seconds=0.0), began=8.0).old_at == 8.0


def test_a_transaction_is_open_until_it_commits() -> None:
    pacing = Pacing(SETTINGS, now=0.0)
    assert pacing.open_for(8.0) == 0.0
    pacing.opened(8.0)
    assert pacing.open_for(12.0) == 4.0
    pacing.committed(12.0)
    assert pacing.open_for(16.0) == 0.0


def test_a_transaction_is_given_up_once_and_only_while_it_is_open() -> None:
    pacing = Pacing(SETTINGS, now=0.0)
    assert not pacing.give_up()
    pacing.opened(8.0)
    assert pacing.give_up()
    assert not pacing.give_up()
    assert pacing.open_for(16.0) == 0.0
    pacing.opened(16.0)
    pacing.committed(16.0)
    assert not pacing.give_up()


def test_a_lane_is_silent_since_its_last_commit_or_since_work_came_after_it() -> None:
    pacing = Pacing(SETTINGS, now=8.0)
    assert pacing.silent_for(10.0) == 2.0
    pacing.committed(16.0)
    assert pacing.silent_for(17.0) == 1.0
    pacing.work_arrived(32.0)
    assert pacing.silent_for(33.0) == 1.0
