"""The judge of the cluster: each thing that may be wrong is planted, and found; what is sound is passed."""

from types import SimpleNamespace
from typing import cast

import pytest

from instep.lanes.processor import Record
from instep.lanes.settlement import Marker
from tests.chaos.conductor import ACTS
from tests.chaos.faults import COUNTED, OF_THREE, SLOW, Fault, schedule
from tests.chaos.judge import Judge
from tests.chaos.on_call import ending_of
from tests.chaos.reading import Court, Incarnations
from tests.chaos.soundness import ahead, hanging, settlements, skips, unsettled

P, Q = ("a.outcomes", 0), ("instep.router.state", 3)
SKIPPED = (
    "2026-11-28T03:00:01.000Z [kafka-request-handler-1] INFO TransactionMarkerChannelManager - Couldn't find leader"
    " endpoint for partitions HashSet(a.outcomes-0, b.outcomes-0) while trying to send transaction markers for"
    " sample-router-3, these partitions are likely deleted already and hence can be skipped"
)


def test_a_partition_whose_last_stable_offset_is_not_its_end_hangs() -> None:
    assert hanging({P: 5, Q: 7}, {P: 5, Q: 7}) == {}
    assert hanging({P: 5, Q: 7}, {P: 4, Q: 7}) == {P: (4, 5)}


def test_a_partition_of_which_nobody_tells_the_last_stable_offset_hangs() -> None:
    assert hanging({P: 5}, {}) == {P: (-1, 5)}


def test_a_group_ahead_of_its_changelog_is_found_and_one_behind_is_not() -> None:
    assert ahead({P: 5}, {P: 5}) == ahead({P: 4}, {P: 5}) == {}
    assert ahead({P: 6}, {P: 5}) == {P: (6, 5)}
    assert ahead({P: 6}, {}) == {P: (6, -1)}


def test_a_marker_that_a_broker_skipped_is_found_with_its_partitions_and_its_time() -> None:
    (skip,) = skips(f"another line\n{SKIPPED}\n", ["a.outcomes", "b.outcomes"])
    assert skip.partitions == {("a.outcomes", 0), ("b.outcomes", 0)}
    assert skip.at == 1795834801.0


def test_a_skipped_marker_is_settled_once_its_partition_hangs_no_more() -> None:
    found = skips(SKIPPED, ["a.outcomes"])
    assert unsettled(found, {P}) == [SKIPPED]
    assert unsettled(found, {}) == unsettled(found, {Q}) == []


def test_what_a_lane_settled_is_read_from_its_log() -> None:
    line = '{"event": "transaction settled", "lane": 3, "timestamp": "2026-11-28T03:00:01+00:00"}'
    assert settlements(f"not JSON\n{line}\n") == [(1795834801.0, line)]


def _record(topic: str, offset: int, value: bytes) -> Record:
    return cast(Record, SimpleNamespace(topic=topic, offset=offset, key=b"k", value=value, headers=[]))


def test_what_hangs_is_settled_as_the_next_record_of_the_changelog_was() -> None:
    everything = [(0, 100), (2, 200), (4, 300)]
    assert ending_of(150, everything, [(0, 100), (2, 200)]) is Marker.COMMIT
    assert ending_of(150, everything, [(0, 100), (4, 300)]) is Marker.ABORT
    assert ending_of(301, everything, everything) is Marker.ABORT


class _Hearing(Judge):
    """Notes what it is given."""

    def __init__(self) -> None:
        super().__init__({})
        self.heard: list[tuple[str, int]] = []

    def published(self, source: str, offset: int, event_type: str, datum: object) -> None:
        self.heard.append((source, offset))


def test_a_record_that_was_deleted_is_judged_once_and_apart_from_the_one_at_its_offset_in_the_next_topic() -> (
    None
):
    held = Incarnations()
    first = _record("a.outbox", 0, b"bad")
    held.keep(first)
    held.keep(first)
    judge = _Hearing()
    court = Court(judge, {}, {("a", b"k", b"bad"): "bad-framing"}, {"a": held})
    court.bring_deleted()
    court.bring(first)
    assert judge.heard == [("a", 0)]
    held.begin_next(rejected_end=1)
    court.bring(first)
    assert len(set(judge.heard)) == 2
    assert (held.of_refusal(0), held.of_refusal(1)) == (0, 1)


def test_every_fault_is_scheduled_on_three_brokers_and_those_that_need_three_are_not_on_one() -> None:
    def scheduled(brokers: int) -> set[Fault]:
        return set(schedule(1, worker_kills=12, broker_kills=1, zombies=1, brokers=brokers, disks=True))

    assert scheduled(3) == set(Fault)
    assert scheduled(1) == set(Fault) - OF_THREE


def test_a_short_schedule_has_what_is_quick_and_what_is_asked_for() -> None:
    short = schedule(1, worker_kills=1, broker_kills=0, zombies=0, short=True)
    assert set(short) == {Fault.WIPED, Fault.AGREEMENT, *(set(Fault) - SLOW - COUNTED)}
    only = [Fault.ALL_FROZEN, Fault.IDS_EXPIRED]
    picked = schedule(1, worker_kills=0, broker_kills=0, zombies=0, short=True, only=only)
    assert sorted(picked) == sorted(only)


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_an_act(fault: Fault) -> None:
    assert callable(ACTS[fault])
