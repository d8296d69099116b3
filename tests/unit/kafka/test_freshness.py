"""When what is known of `instep.network` is fresh: only while the end of the log itself has been read within a second."""

from instep.kafka.freshness import FetchAnswer, Freshness


def answer(asked_at: float, end: int, *, stable: int | None = None) -> FetchAnswer:
    return FetchAnswer(asked_at=asked_at, stable=end if stable is None else stable, end=end)


def confirmed(at: float, end: int = 10) -> Freshness:
    freshness = Freshness()
    freshness.answered(answer(at, end))
    freshness.taken_over(end)
    return freshness


def test_nothing_is_fresh_before_the_end_has_been_read() -> None:
    freshness = Freshness()
    assert not freshness.fresh(0.0)
    freshness.answered(answer(0.0, 10))
    freshness.taken_over(9)
    assert not freshness.fresh(0.0)
    freshness.taken_over(10)
    assert freshness.fresh(0.0)


def test_a_confirmation_counts_for_a_second_from_its_question() -> None:
    freshness = confirmed(at=100.0)
    assert freshness.fresh(101.0)
    assert not freshness.fresh(101.01)
    freshness.answered(answer(100.5, 10))
    assert freshness.fresh(101.5)
    assert not freshness.fresh(101.51)


def test_an_answer_that_lay_unread_while_the_process_was_frozen_makes_nothing_fresh() -> None:
    freshness = confirmed(at=100.0)
    freshness.answered(answer(100.1, 10))  # read at 160, when it thaws
    assert not freshness.fresh(160.0)
    assert not freshness.answering(160.0)


def test_records_that_are_not_read_yet_cost_freshness_after_the_second() -> None:
    freshness = confirmed(at=100.0)
    freshness.answered(answer(100.8, 15))
    assert freshness.fresh(100.9)
    freshness.answered(answer(101.2, 15))
    assert not freshness.fresh(101.2)
    freshness.taken_over(15)
    assert freshness.fresh(101.2)


def test_a_transaction_that_does_not_end_costs_freshness_a_second_after_the_last_true_end() -> None:
    freshness = confirmed(at=100.0)
    for tenth in range(1, 60):
        freshness.answered(answer(100.0 + tenth / 10, 15, stable=10))
    assert freshness.fresh(101.0)
    assert not freshness.fresh(101.01)
    assert freshness.answering(105.9)
    assert freshness.open_for(105.1) == 5.0


def test_a_transaction_that_ends_within_the_second_costs_nothing() -> None:
    freshness = confirmed(at=100.0)
    freshness.answered(answer(100.3, 15, stable=10))
    freshness.answered(answer(100.9, 16))
    assert freshness.fresh(101.0)
    freshness.taken_over(16)
    assert freshness.fresh(101.9)
    assert freshness.open_for(101.0) is None


def test_one_open_transaction_after_another_is_not_told_as_one() -> None:
    freshness = confirmed(at=100.0)
    freshness.answered(answer(101.0, 15, stable=10))
    freshness.answered(answer(103.0, 20, stable=16))
    assert freshness.open_for(104.0) == 1.0


def test_what_a_former_leader_answers_late_is_dropped() -> None:
    freshness = confirmed(at=100.0, end=10)
    freshness.answered(answer(105.0, 20))
    freshness.answered(answer(100.5, 10))
    assert freshness.answer == answer(105.0, 20)
    assert not freshness.fresh(105.0)


def test_what_is_read_again_from_its_start_is_confirmed_only_at_the_end() -> None:
    freshness = confirmed(at=100.0)
    freshness.begin_again()
    assert freshness.fresh(100.5)
    freshness.answered(answer(102.0, 10))
    assert not freshness.fresh(102.0)
    freshness.taken_over(10)
    assert freshness.fresh(102.0)
