"""Topics: their names, and what each is created with.

Timestamps are the broker's (`LogAppendTime`): a council's own clock must not decide retention. A tenant's topic
has one partition, so that no client's choice of partitioner can break order; a hub topic has one a lane.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from instep.network.authorities import IDENTIFIER
from instep.network.network import Network

EVENTS = "instep.events"
RECEIPTS = "instep.receipts"
DISCLOSURES = "instep.disclosures"
OUTCOMES = "instep.outcomes"
NETWORK = "instep.network"

SERVICES = ("intake", "router")
"""The processors that keep state."""

MAX_MESSAGE_BYTES = 1_048_576
"""The largest batch a topic takes."""
TOMBSTONE_DAYS = 7
"""How long a state topic remembers a deletion; an older checkpoint would bring deleted keys back."""

TENANT = re.compile(rf"({IDENTIFIER.pattern})\.(?:outbox|rejected|outcomes|inbox\.{IDENTIFIER.pattern})")
"""The name of an authority's topic; the group is the authority."""

_DAY_MS = 86_400_000


@dataclass(frozen=True, kw_only=True, slots=True)
class TopicSpec:
    """A topic as it is to be: its partitions, its copies, its configuration (Kafka's own names, all text)."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]


def outbox(authority: str) -> str:
    """Where an authority says everything."""
    return f"{authority}.outbox"


def outboxes(network: Network) -> tuple[str, ...]:
    """The outbox of everyone who takes part: what intake reads."""
    return tuple(outbox(authority) for authority in network.participants)


def rejected(authority: str) -> str:
    """Where an authority learns what was refused."""
    return f"{authority}.rejected"


def outcomes(authority: str) -> str:
    """Where an authority learns what became of its events."""
    return f"{authority}.outcomes"


def inbox(authority: str, purpose: str) -> str:
    """Where an authority's service for a purpose is told."""
    return f"{authority}.inbox.{purpose}"


def state(service: str) -> str:
    """Where a processor's state is kept."""
    return f"instep.{service}.state"


def group(network: Network, service: str) -> str:
    """The consumer group of a service, which is its application id and begins its transactional ids."""
    return f"{network.name}-{service}"


def inboxes(network: Network) -> frozenset[tuple[str, str]]:
    """Each (recipient, purpose) that any agreement names, in any standing: a withdrawal needs it still."""
    return frozenset(
        (recipient, agreement.purpose)
        for agreement in network.agreements.values()
        for recipient in agreement.recipients
    )


def topics(network: Network) -> tuple[TopicSpec, ...]:
    """Every topic of the network, hub topics first, then by name.

    An authority that takes part (`Network.participants`) has an outbox, a rejected and an outcomes topic, whether
    or not an agreement names it; one that is gone has none. An inbox is there for each of `inboxes`.
    """
    return (*_hub(network), *sorted(_tenants(network), key=lambda spec: spec.name))


def _hub(network: Network) -> Iterator[TopicSpec]:
    days = network.retention
    yield _topic(network, NETWORK, partitions=1, config=_compact())
    yield _topic(network, EVENTS, partitions=network.lanes, config=_kept(days.events))
    yield _topic(network, RECEIPTS, partitions=network.lanes, config=_kept(days.tenants))
    yield _topic(network, DISCLOSURES, partitions=network.lanes, config=_kept(days.register))
    yield _topic(network, OUTCOMES, partitions=network.lanes, config=_kept(days.register))
    for service in SERVICES:
        config = _compact() | {
            "cleanup.policy": "compact,delete",
            "retention.ms": str(days.register * _DAY_MS),
        }
        yield _topic(network, state(service), partitions=network.lanes, config=config)


def _tenants(network: Network) -> Iterator[TopicSpec]:
    config = _kept(network.retention.tenants)
    for authority in network.participants:
        for name in (outbox(authority), rejected(authority), outcomes(authority)):
            yield _topic(network, name, partitions=1, config=config)
    for recipient, purpose in inboxes(network):
        yield _topic(network, inbox(recipient, purpose), partitions=1, config=config)


def _topic(network: Network, name: str, *, partitions: int, config: Mapping[str, str]) -> TopicSpec:
    common = {
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
        "min.insync.replicas": str(network.min_insync_replicas),
    }
    return TopicSpec(
        name=name,
        partitions=partitions,
        replication_factor=network.replication_factor,
        config=dict(config) | common,
    )


def _kept(days: int) -> dict[str, str]:
    # The segment being written never expires, so it must not be as old as the records are to become.
    segment = max(1, min(7, days // 7))
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(days * _DAY_MS),
        "segment.ms": str(segment * _DAY_MS),
    }


def _compact() -> dict[str, str]:
    # The segment being written is never compacted either; a restore reads whatever compaction has left over.
    return {
        "cleanup.policy": "compact",
        "segment.ms": str(_DAY_MS),
        "segment.bytes": str(64 * 1024 * 1024),
        "min.cleanable.dirty.ratio": "0.2",
        "delete.retention.ms": str(TOMBSTONE_DAYS * _DAY_MS),
    }
