"""Lanes go whole to one worker, evenly, and stay where they are."""

from typing import Any, cast

from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from hypothesis import given
from hypothesis import strategies as st

from instep.lanes.assignor import lane_assignor, share_out
from instep.network.partition import lane_numbering

MEMBERS = st.dictionaries(
    st.sampled_from([f"worker-{n}" for n in range(6)]), st.sets(st.integers(0, 15)), min_size=1
)


@given(st.integers(1, 16), MEMBERS)
def test_every_lane_has_exactly_one_owner_and_shares_are_even(lanes: int, owned: dict[str, set[int]]) -> None:
    own = share_out(lanes, owned)
    assert sorted(lane for members in own.values() for lane in members) == list(range(lanes))
    assert max(map(len, own.values())) - min(map(len, own.values())) <= 1


@given(st.integers(1, 16), MEMBERS)
def test_sharing_out_again_moves_nothing(lanes: int, owned: dict[str, set[int]]) -> None:
    own = share_out(lanes, owned)
    assert share_out(lanes, own) == {member: sorted(kept) for member, kept in own.items()}


def test_a_worker_that_joins_takes_only_its_share() -> None:
    own = share_out(4, {"old": [0, 1, 2, 3], "new": []})
    assert own["old"] == [0, 1]
    assert own["new"] == [2, 3]


class Cluster:
    """Topics of this many partitions."""

    def __init__(self, **partitions: int) -> None:
        self._partitions = {name.replace("__", "."): count for name, count in partitions.items()}

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(range(self._partitions[topic])) if topic in self._partitions else None


def test_a_topic_that_the_lanes_owner_does_not_know_yet_waits() -> None:
    """No lane is owned twice. Lanes were, when each worker got a share of each topic that the worker knew."""
    numbering = lane_numbering(4)
    lane = numbering("leeds.outbox", 0)
    cluster = Cluster(instep__events=4, leeds__outbox=1)
    old = ConsumerProtocolMemberMetadata(0, ["instep.events"], str(lane).encode())
    new = ConsumerProtocolMemberMetadata(0, ["instep.events", "leeds.outbox"], b"")
    assigned = lane_assignor(4).assign(cast(Any, cluster), {"old": old, "new": new})
    owned = {member: dict(assignment.assignment) for member, assignment in assigned.items()}
    assert lane in owned["old"]["instep.events"]
    assert "leeds.outbox" not in owned["old"]
    assert "leeds.outbox" not in owned["new"]
    old_knows_now = ConsumerProtocolMemberMetadata(0, ["instep.events", "leeds.outbox"], str(lane).encode())
    both = lane_assignor(4).assign(cast(Any, cluster), {"old": old_knows_now, "new": new})
    assert dict(both["old"].assignment)["leeds.outbox"] == [0]


def test_what_one_app_holds_is_not_told_to_another() -> None:
    first, second = lane_assignor(4), lane_assignor(4)
    first.on_assignment(
        first.assign(cast(Any, Cluster(instep__events=4)), {"me": first.metadata(["instep.events"])})["me"]
    )
    assert first.metadata([]).user_data == b"0,1,2,3"
    assert second.metadata([]).user_data == b""
