"""The table of services, from which follow topics, access, `instep run`, `instep lane`, the local platform and chaos.

A new service is a row here, a folder beside `intake` and `router`, and tests.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from instep.errors import NetworkError
from instep.network import topics
from instep.network.network import Network
from instep.network.partition import lane_numbering
from instep.network.topics import TopicKind

Partition = tuple[str, int]
"""A topic's name and the number of a partition; aiokafka's TopicPartition is such a pair."""


class Reach(StrEnum):
    """How far one lane writes into a topic."""

    OWN_LANE = "own lane"
    """The partition with the lane's number, and topics of authorities that belong to the lane."""
    EVERY_LANE = "every lane"
    """Any partition, and topics of any authority."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A service. `reads` and `writes` name topics of the hub, and kinds of authorities' topics.

    A service may also read `instep.network`. `port` answers `/healthy`, `/ready` and `/metrics` unless
    INSTEP_MANAGEMENT_PORT says otherwise. A service with `lanes` keeps state: each lane has a partition of the service's
    state topic (`topics.state`). A service without lanes has no state topic, and `instep lane` does not list the service.
    """

    name: str
    port: int
    reads: tuple[str, ...]
    writes: Mapping[str, Reach]
    lanes: bool = True

    def inputs(self, network: Network) -> tuple[str, ...]:
        """The topics that the service reads."""
        return tuple(name for topic in self.reads for name in _named(network, topic))

    def outputs(self, network: Network, lane: int) -> tuple[Partition, ...]:
        """The partitions that a lane may write to, without the partition of the lane's own state.

        A claim must know every partition where a transaction of the lane's earlier owner could still be open.
        """
        return tuple(
            partition
            for topic, reach in self.writes.items()
            for partition in _partitions(network, topic)
            if reach is Reach.EVERY_LANE or _lane_of(network, partition) == lane
        )


def _named(network: Network, topic: str) -> tuple[str, ...]:
    return topics.of_kind(network, TopicKind(topic)) if topic in set(TopicKind) else (topic,)


def _partitions(network: Network, topic: str) -> Iterator[Partition]:
    """The partitions of the topics: one for each lane in a hub topic, one alone in an authority's topic."""
    count = 1 if topic in set(TopicKind) else network.lanes
    return ((name, number) for name in _named(network, topic) for number in range(count))


def _lane_of(network: Network, partition: Partition) -> int:
    return lane_numbering(network.lanes)(*partition)


SERVICES: Mapping[str, Service] = {
    service.name: service
    for service in (
        Service(
            name="intake",
            port=9701,
            reads=(TopicKind.OUTBOX,),
            writes={topics.EVENTS: Reach.EVERY_LANE, TopicKind.REJECTED: Reach.OWN_LANE},
        ),
        Service(
            name="router",
            port=9702,
            reads=(topics.EVENTS,),
            writes={
                topics.DISCLOSURES: Reach.OWN_LANE,
                TopicKind.OUTCOMES: Reach.EVERY_LANE,
                TopicKind.REJECTED: Reach.EVERY_LANE,
                TopicKind.INBOX: Reach.EVERY_LANE,
            },
        ),
    )
}
"""Every service, by name, in the order of an event's way."""


def service(name: str) -> Service:
    """The service of this name. Raises NetworkError, with the names of all services, for an unknown name."""
    if name not in SERVICES:
        raise NetworkError(f"There is no service {name!r}: choose from {', '.join(SERVICES)}.")
    return SERVICES[name]


def on_lanes(table: Mapping[str, Service] = SERVICES) -> tuple[str, ...]:
    """The names of the services that have lanes."""
    return tuple(name for name, row in table.items() if row.lanes)


def hub_topics() -> frozenset[str]:
    """The hub's topics that a service reads or writes."""
    return frozenset(
        topic
        for row in SERVICES.values()
        for topic in (*row.reads, *row.writes)
        if topic not in set(TopicKind)
    )
