"""Brokers that are restarted under load, with the toy service: nothing is lost, repeated or disordered.

The long forms: `make restarts`.
"""

from pathlib import Path

import pytest

from tests.chaos.bench import became
from tests.chaos.restarts import run


@pytest.mark.chaos
@pytest.mark.parametrize(("how", "times"), [("stop", 3), ("leaderless", 1)])
async def test_values_are_passed_on_once_and_in_order(how: str, times: int, tmp_path: Path) -> None:
    outcome = await run(how, times, tmp_path)
    print(outcome)
    assert outcome.published > 100
    assert (outcome.lost, outcome.repeated, outcome.disordered, outcome.hanging) == (0, 0, 0, 0)
    assert outcome.skipped == 0, "this Kafka is unsound"


def test_a_value_that_is_lost_repeated_or_late_is_counted() -> None:
    assert became([b"v0", b"v8"], [(0, b"v0"), (0, b"v8")]) == (0, 0, 0)
    assert became([b"v0", b"v8"], [(0, b"v8")]) == (1, 0, 0)
    assert became([b"v0", b"v8"], [(0, b"v0"), (0, b"v8"), (0, b"v8")]) == (0, 1, 0)
    assert became([b"v0", b"v8"], [(0, b"v8"), (0, b"v0")]) == (0, 0, 1)
    assert became([b"v0", b"v1"], [(1, b"v1"), (0, b"v0")]) == (0, 0, 0)
