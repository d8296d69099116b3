"""How many records a lane decides before other lanes get a turn."""

from instep.lanes.turns import MOST, Turns


def test_a_turn_is_as_long_as_the_last_records_let_it_be() -> None:
    turns = Turns()
    turns.took(500, 0.01)
    assert (turns.records, turns.rest) == (MOST, 0.0)
    turns.took(500, 0.04)
    assert (turns.records, turns.rest) == (250, 0.0)


def test_slow_records_get_short_turns_and_leave_as_long_to_the_others() -> None:
    turns = Turns()
    turns.took(4, 0.008)
    assert (turns.records, turns.rest) == (2, 0.008)
    turns.took(2, 1.0)
    assert (turns.records, turns.rest) == (1, 1.0)


def test_a_turn_that_took_no_time_is_no_division_by_it() -> None:
    turns = Turns()
    turns.took(1, 0.0)
    assert turns.records == MOST
