"""`/ready` and the watchdog name the first problem of a worker's lanes."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from instep.lanes.lane import Lane
from instep.lanes.readiness import stalled, unready


def lane(number: int, *, silent: float = 0.0, open_for: float = 0.0, **state: Any) -> Lane:
    """A claimed lane, unless the test says otherwise."""
    seen = {"claimed": True, "stopped": None, "waiting_for": "", "restored": None} | state
    return cast(
        Lane,
        SimpleNamespace(number=number, silent_for=lambda: silent, open_for=lambda: open_for, **seen),
    )


def test_a_worker_is_ready_when_every_lane_is_claimed_and_also_when_it_has_none() -> None:
    assert unready([lane(0), lane(1)]) is None
    assert unready([]) is None


def test_a_lane_that_stands_still_is_named_before_those_that_are_claimed() -> None:
    lanes = [lane(0, claimed=False), lane(1, claimed=False, stopped="lost-records: gone")]
    assert unready(lanes) == "lost-records: gone"


def test_lanes_that_are_being_claimed_are_named_in_order_with_what_each_waits_for() -> None:
    lanes = [
        lane(3, claimed=False, waiting_for="another try, after TimeoutError"),
        lane(1, claimed=False, restored=0.25, waiting_for="nothing that matters now"),
        lane(0),
        lane(2, claimed=False),
    ]
    assert unready(lanes) == (
        "lanes [1, 2, 3] are not claimed yet: lane 1 has 25% of its state,"
        " lane 3 waits for another try, after TimeoutError"
    )


def test_lanes_that_wait_for_nothing_in_particular_are_named_alone() -> None:
    assert unready([lane(0, claimed=False)]) == "lanes [0] are not claimed yet"


@pytest.mark.parametrize(("silent", "open_for"), [(120.0, 0.0), (0.0, 180.0)])
def test_a_lane_at_its_limit_is_not_stalled(silent: float, open_for: float) -> None:
    assert stalled([lane(0, silent=silent, open_for=open_for)], 60.0) is None


def test_a_lane_that_has_work_and_commits_nothing_is_stalled() -> None:
    problem = stalled([lane(0), lane(1, silent=121.0)], 60.0)
    assert problem == "lane 1 has work and has committed nothing for 120 s"


def test_a_lane_whose_transaction_outlives_the_brokers_limit_is_stalled() -> None:
    assert stalled([lane(0, open_for=181.0)], 60.0) == "lane 0 has had a transaction open for 181 s"
