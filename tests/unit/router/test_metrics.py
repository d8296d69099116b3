"""The router's counts: every result has its metric, and lateness is counted for the subjects seen last, within a bound."""

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from instep.events.identifiers import AuthorityId
from instep.router.decide import Decision, Ending, Entry, Result
from instep.router.delivery_plan import DeliveryPlan
from instep.router.metrics import RouterMetrics, RouterTally, Sequences

METRICS = {
    Result.DELIVERED: "instep_router_deliveries_total",
    Result.WITHHELD: "instep_router_withheld_total",
    Result.WITHDRAWN: "instep_router_withdrawals_total",
}


def plan(result: Result) -> DeliveryPlan:
    """The plan of an event with an entry of this result for Leeds."""
    entry = Entry(authority=AuthorityId("leeds"), purpose="council-tax", result=result, reason="a reason")
    return DeliveryPlan(
        event_type="resident-moved",
        decision=Decision(ending=Ending.DECIDED, entries=(entry,)),
        blanked=(),
        withdrawn=(),
        decisions=b"",
        decided=b"",
        packed_pairs=b"",
        delivered=0,
        withheld=0,
    )


def raised_by(result: Result) -> dict[str, float]:
    """The counters of deliveries, withholdings and withdrawals after three events with this result."""
    registry, tally = CollectorRegistry(), RouterTally()
    tally.planned[plan(result)] = 3
    RouterMetrics(registry).raise_by(tally)
    samples = [sample for metric in registry.collect() for sample in metric.samples]
    return {sample.name: sample.value for sample in samples if sample.name in METRICS.values()}


@pytest.mark.parametrize("result", Result)
def test_every_result_is_counted_by_its_own_metric_alone(result: Result) -> None:
    assert raised_by(result) == {METRICS[result]: 3}


def test_a_result_without_a_metric_is_an_error_and_not_dropped() -> None:
    with pytest.raises(AssertionError, match="POSTPONED"):
        raised_by(cast(Result, "POSTPONED"))


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.integers(0, 9))))
def test_an_event_is_late_when_a_later_one_of_its_subject_went_before(
    events: list[tuple[bytes, int]],
) -> None:
    sequences = Sequences()
    for place, (subject, sequence) in enumerate(events):
        before = [other for whose, other in events[:place] if whose == subject]
        assert sequences.is_late(subject, sequence) == any(other > sequence for other in before)


def test_the_subject_seen_longest_ago_is_forgotten_first() -> None:
    sequences = Sequences(subjects=2)
    for subject in (b"a", b"b", b"a", b"c"):
        sequences.is_late(subject, 5)
    assert sequences.is_late(b"a", 1)
    assert not sequences.is_late(b"b", 1)
