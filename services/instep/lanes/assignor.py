"""Assigns partitions to the workers of a group: each lane goes whole to one worker, and stays there while the worker stays.

A lane is all partitions with the same lane number. Faust's own assignor keeps the partitions of a lane together only while
every worker subscribes to the same topics. In a rolling restart that adds an authority, the workers' topics differ. Lanes
were then owned twice, and workers fenced each other. Here a lane's number follows from topic and partition alone
(`network/partition.py`). A topic of the lane to which its owner does not subscribe yet is assigned to nobody.

The decision: `services/decisions/004-our-own-partition-assignor.md`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

from instep.network.partition import lane_numbering


def share_out(lanes: int, owned: Mapping[str, Iterable[int]]) -> dict[str, list[int]]:
    """Give each of `lanes` lanes to a member (the keys of `owned`), evenly, and leave a lane with its owner if possible."""
    least, over = divmod(lanes, len(owned))
    free = set(range(lanes))
    own: dict[str, list[int]] = {}
    for member in sorted(owned):
        own[member] = sorted(set(owned[member]) & free)[: least + 1]
        if len(own[member]) > least:
            # Only `over` members may have a lane more than the others.
            own[member] = own[member][: least + (over > 0)]
            over -= over > 0
        free -= set(own[member])
    for lane in sorted(free):
        min(own.values(), key=len).append(lane)
    return own


def lane_assignor(lanes: int) -> type[AbstractPartitionAssignor]:
    """The assignor class of a worker. aiokafka calls class methods, so the owned lanes live on the class."""
    lane = lane_numbering(lanes)

    class LaneAssignor(AbstractPartitionAssignor):  # type: ignore[misc]  # aiokafka's assignors carry no types
        name = "instep-lanes"
        version = 0
        owned: frozenset[int] = frozenset()

        @classmethod
        def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
            return ConsumerProtocolMemberMetadata(
                cls.version, sorted(topics), ",".join(map(str, sorted(cls.owned))).encode()
            )

        @classmethod
        def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
            cls.owned = frozenset(
                lane(topic, partition)
                for topic, partitions in assignment.assignment
                for partition in partitions
            )

        @classmethod
        def assign(
            cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
        ) -> dict[str, ConsumerProtocolMemberAssignment]:
            owned = {
                member: [int(number) for number in (meta.user_data or b"").decode().split(",") if number]
                for member, meta in members.items()
            }
            own = share_out(lanes, owned)
            return {
                member: ConsumerProtocolMemberAssignment(
                    cls.version, _partitions(set(own[member]), meta.subscription, cluster, lane), b""
                )
                for member, meta in members.items()
            }

    return LaneAssignor


def _partitions(
    lanes: set[int], topics: Iterable[str], cluster: ClusterMetadata, lane: Callable[[str, int], int]
) -> list[tuple[str, list[int]]]:
    """The partitions of these lanes among a member's topics, by topic; `lane` gives a partition's lane."""
    partitions: dict[str, list[int]] = defaultdict(list)
    for topic in sorted(set(topics)):
        for partition in sorted(cluster.partitions_for_topic(topic) or ()):
            if lane(topic, partition) in lanes:
                partitions[topic].append(partition)
    return sorted(partitions.items())
