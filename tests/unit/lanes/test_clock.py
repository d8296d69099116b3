"""How far this machine's clock and Kafka's differ is told by the append time of what was just written."""

import pytest

from instep.lanes.claim import clock_difference


@pytest.mark.parametrize(
    ("before", "kafkas", "after", "difference"),
    [
        (100.0, 100.2, 100.5, 0.0),
        (100.0, 130.0, 160.0, 0.0),  # a broker that stood still for a minute tells nothing of clocks
        (100.0, 40.0, 100.5, 60.0),
        (100.0, 160.5, 100.5, -60.0),
    ],
)
def test_the_difference_is_what_lies_outside_the_time_of_the_question(
    before: float, kafkas: float, after: float, difference: float
) -> None:
    assert clock_difference(before, kafkas, after) == difference
