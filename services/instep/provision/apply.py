"""Make a cluster match a network's directory: topics, schema ids and the records of `instep.network`.

Topics come first and `generation` last, in one transaction with all that has changed, so services never see a network
whose topics are not there. Whatever ends it on the way, running it again completes it; run on a cluster that matches, it
changes nothing.

Its transactional id is claimed *before* the cluster is read: of two that run at once the earlier is fenced and can not
write what it made up from an older state. What an earlier one has left without an end is ended then, too (`settling`).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    ProducerFenced,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from instep.errors import ConfigurationError, NetworkError, NotConnectedError
from instep.events.schema import Catalogue, Schema
from instep.kafka.connection import NOT_PERMITTED, Connection, connecting, ensure_reachable
from instep.kafka.follow import read_records
from instep.kafka.generations import GENERATION
from instep.network.check import check
from instep.network.days import today_in_london
from instep.network.network import Network, load
from instep.network.problems import plainly
from instep.network.records import from_records
from instep.network.topic_specs import TopicSpec, topic_specs
from instep.network.topics import NETWORK
from instep.provision.access import carry_out, planned_access
from instep.provision.access_changes import AccessChanges
from instep.provision.plan import Cluster, Plan, plan
from instep.provision.registry import Registered, lookup, register
from instep.provision.registry_client import NO_REGISTRY, Registry
from instep.provision.settling import MARKER_WITHIN_S, settle, visible

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is."""
Ask = Callable[[Sequence[Schema], Mapping[int, tuple[str, str]]], Awaitable[Registered]]
"""Of these schemas, and the ids that the network has so far, what the registry has."""

# Above some 400 topics of 12 partitions and 7 settings the controller finds a request "excessively large".
_CHUNK = 200
_WRITER_WITHIN_S = 60.0
_WRITTEN_WITHIN_S = 300.0
_STILL_S = 300.0
"""How long the broker may make no topic of those that it has promised."""
_LONGEST_POLL_S = 2.0
_TRANSACTION_MS = 30_000
"""While the transaction is open every service stands still, so that of an `apply` that has frozen is soon aborted; and a
busy machine takes its time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What `apply` has done: names of topics, keys of records, and the generation that holds now."""

    generation: int
    topics_created: tuple[str, ...]
    topics_configured: tuple[str, ...]
    records_changed: tuple[str, ...]
    plan: Plan = field(compare=False, repr=False)
    """What has been carried out, in full."""
    access: AccessChanges | None = None
    """What has changed of users, ACLs and quotas; None without security, where there are none."""
    schemas_registered: tuple[str, ...] = ()
    """Full name and version of what the registry has now and had not before."""


def silent(doing: str, done: int, total: int) -> None:
    """No progress shown."""


async def apply(
    connection: Connection,
    directory: Path,
    catalogue: Catalogue,
    progress: Progress = silent,
    registry: Registry = NO_REGISTRY,
    *,
    allow_delete: bool = False,
) -> Applied:
    """Bring the cluster to the network in `directory`, with the schema ids of `registry` if it names one.

    No topic is deleted unless `allow_delete`; then the topics of those who left before the last apply are.

    Raises NetworkError for an unsound directory or one that this cluster cannot take, NotConnectedError when the broker
    or the registry does not answer, ConfigurationError when it does not permit this user to do it, SchemaError when the
    registry finds a version incompatible.
    """
    network = sound(directory, catalogue)
    await ensure_reachable(connection)
    transactional_id = f"{network.name}-apply"
    async with (
        _explained(connection, transactional_id),
        _admin(connection) as admin,
        _writer(connection, transactional_id) as writer,
    ):
        ask = _asking(registry, network, register)
        if NETWORK in await admin.list_topics():
            progress(f"waiting for the end of {NETWORK}", 0, 1)
            await _within(_WRITTEN_WITHIN_S, settle(connection, writer))
        planned = await _planned(connection, admin, network, catalogue, progress, ask, allow_delete)
        await _create(admin, planned.create, progress)
        await _configure(admin, planned.configure)
        if planned.access is not None:
            progress("giving access: users, ACLs, quotas", 0, 1)
            await carry_out(admin, connection, planned.access)
        if planned.records:
            await _publish(connection, writer, planned)
        await _delete(admin, planned.delete)
    return Applied(
        generation=planned.generation,
        topics_created=tuple(spec.name for spec in planned.create),
        topics_configured=tuple(spec.name for spec in planned.configure),
        records_changed=tuple(planned.records),
        access=planned.access,
        schemas_registered=tuple(map(" ".join, planned.register)),
        plan=planned,
    )


async def preview(
    connection: Connection,
    directory: Path,
    catalogue: Catalogue,
    registry: Registry = NO_REGISTRY,
    *,
    allow_delete: bool = False,
) -> Plan:
    """What `apply` would do; changes nothing. Raises as `apply` does."""
    network = sound(directory, catalogue)
    await ensure_reachable(connection)
    async with _explained(connection, f"{network.name}-apply"), _admin(connection) as admin:
        ask = _asking(registry, network, lookup)
        return await _planned(connection, admin, network, catalogue, silent, ask, allow_delete)


def _today() -> date:
    return today_in_london(time.time_ns() // 1_000_000)


def sound(directory: Path, catalogue: Catalogue) -> Network:
    """The network of a directory that `check` finds no error in; raises NetworkError with the first, and their number."""
    errors = [problem for problem in check(directory, catalogue, _today()) if problem.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more: `instep network check {directory}`)" if len(errors) > 1 else ""
        raise NetworkError(plainly(f"{errors[0].file}:{errors[0].line}: {errors[0].message}{more}"))
    return load(directory)


async def _planned(
    connection: Connection,
    admin: AIOKafkaAdminClient,
    network: Network,
    catalogue: Catalogue,
    progress: Progress,
    ask: Ask | None,
    allow_delete: bool,
) -> Plan:
    """`ask` comes last: a registry is asked to register nothing that could not be applied."""
    progress("reading the cluster", 0, 1)
    partitions = {
        topic["topic"]: len(topic["partitions"])
        for topic in await admin.describe_topics()
        if not topic["error_code"]
    }
    present = [spec for spec in topic_specs(network) if spec.name in partitions]
    cluster = Cluster(
        partitions=partitions,
        configs=await _configs(admin, present),
        records=(await read_records(connection) or {}) if NETWORK in partitions else {},
    )
    schemas = [(schema.full_name, schema.version) for schema in catalogue.all()]
    planned = plan(network, schemas, cluster, allow_delete=allow_delete)
    formerly = from_records(cluster.records) if cluster.records else None
    staying = partitions.keys() - set(planned.delete)
    access = await planned_access(admin, connection, network, formerly, staying)
    if ask is None:
        return replace(planned, access=access)
    progress("asking the registry", 0, 1)
    registered = await ask(catalogue.all(), formerly.schemas if formerly else {})
    planned = plan(network, schemas, cluster, registered.ids, allow_delete=allow_delete)
    return replace(planned, access=access, register=registered.new)


def _asking(registry: Registry, network: Network, how: Callable[..., Awaitable[Registered]]) -> Ask | None:
    """How to ask the registry that the operator names, or else network.toml; None without one."""
    url = registry.url or network.registry
    return partial(how, replace(registry, url=url)) if url else None


async def _configs(admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec]) -> Mapping[str, Mapping[str, str]]:
    if not specs:
        return {}
    asked = [_resource(spec) for spec in specs]
    # A resource is (error code, error message, kind, name, [(setting, value, …)]).
    return {
        resource[3]: {setting[0]: setting[1] for setting in resource[4]}
        for response in await admin.describe_configs(asked)
        for resource in response.resources
        if not resource[0]
    }


def _resource(spec: TopicSpec) -> ConfigResource:
    return ConfigResource(ConfigResourceType.TOPIC, spec.name, configs=dict(spec.config))


async def _create(admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec], progress: Progress) -> None:
    """Ask for all topics, then wait until each has its leaders: the controller promises faster than the broker makes."""
    for start in range(0, len(specs), _CHUNK):
        progress("creating topics", 0, len(specs))
        chunk = [
            NewTopic(spec.name, spec.partitions, spec.replication_factor, topic_configs=dict(spec.config))
            for spec in specs[start : start + _CHUNK]
        ]
        for name, code, *message in (await admin.create_topics(chunk)).topic_errors:
            _created(name, for_code(code), message[0] if message else None)
    if specs:
        await _await_leaders(admin, [spec.name for spec in specs], progress)


def _created(name: str, answer: type[KafkaError], message: str | None) -> None:
    if (
        answer.errno == 0 or answer is TopicAlreadyExistsError
    ):  # another apply was quicker, or this one's own retry
        return
    if answer is InvalidReplicationFactorError:
        raise NetworkError("The cluster has fewer brokers than network.toml's replication_factor.")
    if issubclass(answer, NOT_PERMITTED):
        raise answer(name)
    raise NetworkError(f"The topic {name} cannot be created: {message or answer.__name__}.")


async def _await_leaders(admin: AIOKafkaAdminClient, names: Sequence[str], progress: Progress) -> None:
    """Look less often the longer it takes: each look at thousands of topics costs a broker that has enough to do."""
    waiting = set(names)
    moved_at, pause = time.monotonic(), 0.1
    while True:
        made = [
            topic["topic"] for topic in await admin.describe_topics(sorted(waiting)) if _has_leaders(topic)
        ]
        waiting.difference_update(made)
        progress("creating topics", len(names) - len(waiting), len(names))
        if not waiting:
            return
        if made:
            moved_at = time.monotonic()
        elif time.monotonic() - moved_at > _STILL_S:
            raise NotConnectedError(
                f"The broker has made {len(names) - len(waiting)} of {len(names)} topics, and no more for {_STILL_S:g} s:"
                " look at its log, then run this again."
            )
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_POLL_S)


def _has_leaders(topic: Mapping[str, Any]) -> bool:
    partitions = topic["partitions"]
    return bool(partitions) and all(partition["leader"] >= 0 for partition in partitions)


async def _configure(admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec]) -> None:
    for start in range(0, len(specs), _CHUNK):
        # Replaces a topic's settings whole: the directory is the whole truth about them.
        chunk = [_resource(spec) for spec in specs[start : start + _CHUNK]]
        for response in await admin.alter_configs(chunk):
            for code, message, _, name in response.resources:
                if code:
                    raise NetworkError(f"The topic {name} cannot be configured: {message}.")


async def _delete(admin: AIOKafkaAdminClient, names: Sequence[str]) -> None:
    for start in range(0, len(names), _CHUNK):
        answer = await admin.delete_topics(list(names[start : start + _CHUNK]))
        for name, code in answer.topic_error_codes:
            if code and for_code(code) is not UnknownTopicOrPartitionError:  # it is gone already
                raise NetworkError(f"The topic {name} cannot be deleted: {for_code(code).__name__}.")


async def _publish(connection: Connection, writer: AIOKafkaProducer, planned: Plan) -> None:
    """Write the generation and return once readers see it; raises NetworkError when they do not."""
    generation = {GENERATION: str(planned.generation).encode()}
    offset = await _within(_WRITTEN_WITHIN_S, _write(writer, {**planned.records, **generation}))
    if await visible(connection, offset + 1, MARKER_WITHIN_S):
        return
    # The commit was answered, its marker was never written: the next one says the same, and ends both.
    offset = await _within(_WRITTEN_WITHIN_S, _write(writer, generation))
    if not await visible(connection, offset + 1, MARKER_WITHIN_S):
        raise NetworkError(
            f"Generation {planned.generation} is committed, but a transaction in {NETWORK} that does not end hides it, and"
            " services wait: run this again, which ends what is left, or says what to do."
        )


async def _write(writer: AIOKafkaProducer, records: Mapping[str, bytes | None]) -> int:
    """Write them in one transaction; returns the offset of the last."""
    async with writer.transaction():
        # One partition and one producer: the order of these calls is the order in the topic.
        sent = [
            await writer.send(NETWORK, value, key=key.encode(), partition=0) for key, value in records.items()
        ]
        *_, last = await asyncio.gather(*sent)
    return int(last.offset)


@asynccontextmanager
async def _admin(connection: Connection) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection.kafka())
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def _writer(connection: Connection, transactional_id: str) -> AsyncIterator[AIOKafkaProducer]:
    writer = AIOKafkaProducer(
        transactional_id=transactional_id, transaction_timeout_ms=_TRANSACTION_MS, **connection.kafka()
    )
    try:
        await _within(_WRITER_WITHIN_S, writer.start())
        yield writer
    finally:
        with suppress(TimeoutError):
            await _within(_WRITER_WITHIN_S, writer.stop())


async def _within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Wait for work at most so long; raises TimeoutError.

    aiokafka looks for a transaction's coordinator for ever, and when it is told to give up it looks for one to abort with:
    so work that is given up is not waited for either.
    """
    task = asyncio.create_task(work)
    try:
        if not (await asyncio.wait({task}, timeout=seconds))[0]:
            raise TimeoutError
        return task.result()
    finally:
        task.cancel()


@asynccontextmanager
async def _explained(connection: Connection, transactional_id: str) -> AsyncIterator[None]:
    """Kafka's errors as ours, each with what to do."""
    try:
        async with connecting(connection):
            yield
    except ProducerFenced as error:
        raise NetworkError(
            "Another `instep network apply` has begun meanwhile and goes on alone, or this one came to a stop for more than"
            f" {_TRANSACTION_MS // 1000} s and Kafka has aborted what it wrote: if no other runs, run this again."
        ) from error
    except NOT_PERMITTED as error:
        raise ConfigurationError(
            f"The cluster does not permit this user to do it ({type(error).__name__}): INSTEP_SASL_USERNAME needs to"
            f" create and configure topics, to write {NETWORK}, and to use the transactional id {transactional_id}."
        ) from error
    except KafkaError as error:
        why = type(error.__cause__ or error).__name__
        raise NotConnectedError(
            f"Kafka at {connection.bootstrap_servers} did not carry it out to the end ({why}): see whether its brokers run"
            " and what their logs say, then run this again; it goes on from there."
        ) from error
