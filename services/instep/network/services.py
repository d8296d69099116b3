"""The services that run on lanes: the topics that each reads, and the partitions that one lane of each may write.

A lane that claims has to know every partition where a transaction of an earlier owner could still be open.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from instep.errors import NetworkError
from instep.network import topics
from instep.network.network import Network
from instep.network.partition import lane_numbering

Partition = tuple[str, int]
"""A topic's name and a partition of it; aiokafka's TopicPartition is one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneService:
    """One service on lanes. `outputs` leaves out the lane's own changelog, which every lane writes."""

    name: str
    inputs: Callable[[Network], tuple[str, ...]]
    outputs: Callable[[Network, int], tuple[Partition, ...]]


def lane_service(name: str) -> LaneService:
    """The service of this name. Raises NetworkError, which names those that there are."""
    if name not in LANE_SERVICES:
        raise NetworkError(f"There is no service {name!r}: choose from {', '.join(LANE_SERVICES)}.")
    return LANE_SERVICES[name]


def _intake_outputs(network: Network, lane: int) -> tuple[Partition, ...]:
    """Every lane of the hub's events, for an event goes by its subject; rejections to the lane's own authorities."""
    numbering = lane_numbering(network.lanes)
    own = (one for one in network.participants if numbering(topics.outbox(one), 0) == lane)
    events = ((topics.EVENTS, partition) for partition in range(network.lanes))
    return (*events, *((topics.rejected(authority), 0) for authority in own))


def _router_outputs(network: Network, lane: int) -> tuple[Partition, ...]:
    """The lane's own partition of the disclosures; and whatever an authority reads but its outbox."""
    inboxes = ((topics.inbox(recipient, purpose), 0) for recipient, purpose in topics.inboxes(network))
    answers = (
        (name, 0)
        for authority in network.participants
        for name in (topics.outcomes(authority), topics.rejected(authority))
    )
    return ((topics.DISCLOSURES, lane), *answers, *sorted(inboxes))


LANE_SERVICES: Mapping[str, LaneService] = {
    service.name: service
    for service in (
        LaneService(name="intake", inputs=topics.outboxes, outputs=_intake_outputs),
        LaneService(name="router", inputs=lambda network: (topics.EVENTS,), outputs=_router_outputs),
    )
}
