"""Reads, creates, configures and deletes topics through Kafka's admin protocol. The module `plan` decides which."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from instep.errors import NetworkError, NotConnectedError
from instep.kafka.connection import NOT_PERMITTED
from instep.network.topic_specs import TopicSpec
from instep.provision.progress import Progress

# Above some 400 topics of 12 partitions and 7 settings the controller finds a request "excessively large".
_CHUNK = 200
_STILL_S = 300.0
"""How long the broker may make none of the topics that the controller has promised."""
_LONGEST_POLL_S = 2.0


async def partition_counts(admin: AIOKafkaAdminClient) -> dict[str, int]:
    """The number of partitions of every topic."""
    return {
        topic["topic"]: len(topic["partitions"])
        for topic in await admin.describe_topics()
        if not topic["error_code"]
    }


async def configurations(
    admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec]
) -> Mapping[str, Mapping[str, str]]:
    """By topic: the values that the cluster has for the settings of these specifications."""
    if not specs:
        return {}
    # A resource is (error code, error message, kind, name, [(setting, value, …)]).
    return {
        resource[3]: {setting[0]: setting[1] for setting in resource[4]}
        for response in await admin.describe_configs([_resource(spec) for spec in specs])
        for resource in response.resources
        if not resource[0]
    }


async def create(admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec], progress: Progress) -> None:
    """Create the topics and return once every partition has a leader: the controller answers before brokers are ready."""
    for start in range(0, len(specs), _CHUNK):
        progress("creating topics", 0, len(specs))
        chunk = [
            NewTopic(spec.name, spec.partitions, spec.replication_factor, topic_configs=dict(spec.config))
            for spec in specs[start : start + _CHUNK]
        ]
        for name, code, *message in (await admin.create_topics(chunk)).topic_errors:
            _ensure_created(name, for_code(code), message[0] if message else None)
    if specs:
        await _await_leaders(admin, [spec.name for spec in specs], progress)


def _ensure_created(name: str, answer: type[KafkaError], message: str | None) -> None:
    # A topic that exists already: another `apply` was quicker, or this request was sent twice.
    if answer.errno == 0 or answer is TopicAlreadyExistsError:
        return
    if answer is InvalidReplicationFactorError:
        raise NetworkError("The cluster has fewer brokers than network.toml's replication_factor.")
    if issubclass(answer, NOT_PERMITTED):
        raise answer(name)
    raise NetworkError(f"The topic {name} cannot be created: {message or answer.__name__}.")


async def _await_leaders(admin: AIOKafkaAdminClient, names: Sequence[str], progress: Progress) -> None:
    """Poll less and less often: a description of thousands of topics costs a broker that is busy already."""
    waiting = set(names)
    progressed_at, pause = time.monotonic(), 0.1
    while True:
        topics = await admin.describe_topics(sorted(waiting))
        ready = [topic["topic"] for topic in topics if _has_leaders(topic)]
        waiting.difference_update(ready)
        progress("creating topics", len(names) - len(waiting), len(names))
        if not waiting:
            return
        if ready:
            progressed_at = time.monotonic()
        elif time.monotonic() - progressed_at > _STILL_S:
            raise NotConnectedError(
                f"The broker has made {len(names) - len(waiting)} of {len(names)} topics, and no more for {_STILL_S:g} s:"
                " look at its log, then run this again."
            )
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_POLL_S)


def _has_leaders(topic: Mapping[str, Any]) -> bool:
    partitions = topic["partitions"]
    return bool(partitions) and all(partition["leader"] >= 0 for partition in partitions)


async def configure(admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec]) -> None:
    """Replace every setting of the topics: the network's directory alone decides about settings."""
    for start in range(0, len(specs), _CHUNK):
        chunk = [_resource(spec) for spec in specs[start : start + _CHUNK]]
        for response in await admin.alter_configs(chunk):
            for code, message, _, name in response.resources:
                if code:
                    raise NetworkError(f"The topic {name} cannot be configured: {message}.")


async def delete(admin: AIOKafkaAdminClient, names: Sequence[str]) -> None:
    """Delete the topics with all their records; a topic that is gone already is no error."""
    for start in range(0, len(names), _CHUNK):
        answer = await admin.delete_topics(list(names[start : start + _CHUNK]))
        for name, code in answer.topic_error_codes:
            if code and for_code(code) is not UnknownTopicOrPartitionError:
                raise NetworkError(f"The topic {name} cannot be deleted: {for_code(code).__name__}.")


def _resource(spec: TopicSpec) -> ConfigResource:
    return ConfigResource(ConfigResourceType.TOPIC, spec.name, configs=dict(spec.config))
