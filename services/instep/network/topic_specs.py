"""The specification of each topic: partitions, copies and configuration.

The broker sets timestamps (`LogAppendTime`): a council's own clock must not decide retention. An authority's topic has a
single partition, so that no client's choice of partitioner can break order; a hub topic has a partition for each lane. A hub
topic exists once a service in the table (`services`) reads or writes the topic.

The decisions: `services/decisions/005-one-partition-for-a-tenants-topic.md`, `010-log-append-time.md`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from instep.network.network import Network
from instep.network.services import hub_topics, on_lanes
from instep.network.topics import (
    DISCLOSURES,
    EVENTS,
    NETWORK,
    OUTCOMES,
    RECEIPTS,
    TopicKind,
    of_kind,
    state,
)

MAX_MESSAGE_BYTES = 1_048_576
"""The largest batch a topic takes."""
TOMBSTONE_DAYS = 7
"""How long a state topic keeps a deletion. A restore from an older checkpoint would bring deleted keys back."""

_DAY_MS = 86_400_000


@dataclass(frozen=True, kw_only=True, slots=True)
class TopicSpec:
    """The partitions, copies and configuration of a topic. Settings bear Kafka's own names; all values are text."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]


def topic_specs(network: Network) -> tuple[TopicSpec, ...]:
    """Every topic of the network: hub topics first, then authorities' topics by name.

    A participant (`Network.participants`) has an outbox, a rejected and an outcomes topic, whether or not an agreement
    names the authority. An authority that has left has none. Each pair of `inboxes` has an inbox.
    """
    return (*_hub(network), *sorted(_tenants(network), key=lambda spec: spec.name))


def _hub(network: Network) -> Iterator[TopicSpec]:
    days = network.retention
    yield _topic(network, NETWORK, partitions=1, config=_compact())
    days_by_topic = {
        EVENTS: days.events,
        RECEIPTS: days.tenants,
        DISCLOSURES: days.register,
        OUTCOMES: days.register,
    }
    used = hub_topics()
    for name, retention_days in days_by_topic.items():
        if name in used:
            yield _topic(network, name, partitions=network.lanes, config=_kept(retention_days))
    for service in on_lanes():
        config = _compact() | {
            "cleanup.policy": "compact,delete",
            "retention.ms": str(days.register * _DAY_MS),
        }
        yield _topic(network, state(service), partitions=network.lanes, config=config)


def _tenants(network: Network) -> Iterator[TopicSpec]:
    config = _kept(network.retention.tenants)
    for kind in TopicKind:
        for name in of_kind(network, kind):
            yield _topic(network, name, partitions=1, config=config)


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
    # Kafka never expires the active segment, so a segment has to be much shorter than the retention of its records.
    segment = max(1, min(7, days // 7))
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(days * _DAY_MS),
        "segment.ms": str(segment * _DAY_MS),
    }


def _compact() -> dict[str, str]:
    # Kafka never compacts the active segment either, and a restore reads every record that compaction has left.
    return {
        "cleanup.policy": "compact",
        "segment.ms": str(_DAY_MS),
        "segment.bytes": str(64 * 1024 * 1024),
        "min.cleanable.dirty.ratio": "0.2",
        "delete.retention.ms": str(TOMBSTONE_DAYS * _DAY_MS),
    }
