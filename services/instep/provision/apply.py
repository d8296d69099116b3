"""Makes a cluster match the directory of a network (its authorities and agreements): topics, access, schema ids and the
records of `instep.network`.

`apply` creates topics first and writes the `generation` record last, in the same transaction as every changed record. So
services never see a network whose topics do not exist. An `apply` that was stopped at any point is completed by the next
run, and a run on a cluster that matches changes nothing.

`apply` claims its transactional id *before* it reads the cluster. Of two runs at the same time, Kafka fences the
earlier: so the earlier cannot write a plan made from an older state. The claim of the id also ends a transaction that
an earlier run has left open, and the module `settling` ends any that still hangs.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, ProducerFenced

from instep.errors import ConfigurationError, NetworkError, NotConnectedError
from instep.events.schema import Catalogue, Schema
from instep.kafka.connection import NOT_PERMITTED, Connection, connecting, ensure_reachable
from instep.kafka.follow import read_records
from instep.network.check import check
from instep.network.days import today_in_london
from instep.network.network import Network, load
from instep.network.problems import plainly
from instep.network.records import from_records
from instep.network.topic_specs import topic_specs
from instep.network.topics import NETWORK
from instep.provision import cluster_topics
from instep.provision.access import carry_out, planned_access
from instep.provision.access_changes import AccessChanges
from instep.provision.network_writer import TRANSACTION_MS, network_writer, publish, settle_earlier
from instep.provision.plan import Cluster, Plan, plan
from instep.provision.progress import Progress, silent
from instep.provision.registry import Registered, lookup, register
from instep.provision.registry_client import NO_REGISTRY, Registry

Ask = Callable[[Sequence[Schema], Mapping[int, tuple[str, str]]], Awaitable[Registered]]
"""Asks the registry for the ids of these schemas; the second argument is the network's ids so far."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What `apply` has done: names of topics, keys of records, and the generation in force now."""

    generation: int
    topics_created: tuple[str, ...]
    topics_configured: tuple[str, ...]
    records_changed: tuple[str, ...]
    plan: Plan = field(compare=False, repr=False)
    """The whole plan that was carried out."""
    access: AccessChanges | None = None
    """Changes of users, ACLs and quotas; None on a cluster without security, which has none of them."""
    schemas_registered: tuple[str, ...] = ()
    """Full name and version of each schema that was new to the registry."""


async def apply(
    connection: Connection,
    directory: Path,
    catalogue: Catalogue,
    progress: Progress = silent,
    registry: Registry = NO_REGISTRY,
    *,
    allow_delete: bool = False,
) -> Applied:
    """Bring the cluster to the network in `directory`, with the schema ids of `registry` if there is a registry.

    `apply` deletes no topic unless `allow_delete` is set, and then only topics of those who had left before the last apply.

    Raises NetworkError for an unsound directory, or for a network that this cluster cannot take; NotConnectedError when
    the broker or the registry does not answer; ConfigurationError when the broker or the registry does not permit the
    work to this user; SchemaError when the registry finds a version incompatible.
    """
    network = sound(directory, catalogue)
    await ensure_reachable(connection)
    transactional_id = f"{network.name}-apply"
    async with (
        _explained(connection, transactional_id),
        _admin(connection) as admin,
        network_writer(connection, transactional_id) as writer,
    ):
        if NETWORK in await admin.list_topics():
            progress(f"waiting for the end of {NETWORK}", 0, 1)
            await settle_earlier(connection, writer)
        ask = _asking(registry, network, register)
        planned = await _planned(connection, admin, network, catalogue, progress, ask, allow_delete)
        await _change(connection, admin, writer, planned, progress)
    return _applied(planned)


async def _change(
    connection: Connection,
    admin: AIOKafkaAdminClient,
    writer: AIOKafkaProducer,
    planned: Plan,
    progress: Progress,
) -> None:
    """Carry the plan out. Topics and access come before the generation that names them; topics are deleted last."""
    await cluster_topics.create(admin, planned.create, progress)
    await cluster_topics.configure(admin, planned.configure)
    if planned.access is not None:
        progress("giving access: users, ACLs, quotas", 0, 1)
        await carry_out(admin, connection, planned.access)
    if planned.records:
        await publish(connection, writer, planned)
    await cluster_topics.delete(admin, planned.delete)


def _applied(planned: Plan) -> Applied:
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
    """The plan that `apply` would carry out; changes nothing. Raises as `apply` does."""
    network = sound(directory, catalogue)
    await ensure_reachable(connection)
    async with _explained(connection, f"{network.name}-apply"), _admin(connection) as admin:
        ask = _asking(registry, network, lookup)
        return await _planned(connection, admin, network, catalogue, silent, ask, allow_delete)


def sound(directory: Path, catalogue: Catalogue) -> Network:
    """The network of a directory without errors. Raises NetworkError with the first error and the number of the others."""
    today = today_in_london(time.time_ns() // 1_000_000)
    errors = [problem for problem in check(directory, catalogue, today) if problem.severity == "error"]
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
    """The plan. The registry comes last, so that no schema is registered for a plan that cannot be carried out."""
    progress("reading the cluster", 0, 1)
    cluster = await _cluster(connection, admin, network)
    schemas = [(schema.full_name, schema.version) for schema in catalogue.all()]
    planned = plan(network, schemas, cluster, allow_delete=allow_delete)
    formerly = from_records(cluster.records) if cluster.records else None
    staying = cluster.partitions.keys() - set(planned.delete)
    access = await planned_access(admin, connection, network, formerly, staying)
    if ask is None:
        return replace(planned, access=access)
    progress("asking the registry", 0, 1)
    registered = await ask(catalogue.all(), formerly.schemas if formerly else {})
    planned = plan(network, schemas, cluster, registered.ids, allow_delete=allow_delete)
    return replace(planned, access=access, register=registered.new)


async def _cluster(connection: Connection, admin: AIOKafkaAdminClient, network: Network) -> Cluster:
    partitions = await cluster_topics.partition_counts(admin)
    present = [spec for spec in topic_specs(network) if spec.name in partitions]
    return Cluster(
        partitions=partitions,
        configs=await cluster_topics.configurations(admin, present),
        records=(await read_records(connection) or {}) if NETWORK in partitions else {},
    )


def _asking(
    registry: Registry, network: Network, request: Callable[..., Awaitable[Registered]]
) -> Ask | None:
    """Asks the registry that the operator names, else the registry of network.toml; None where neither names one."""
    url = registry.url or network.registry
    return partial(request, replace(registry, url=url)) if url else None


@asynccontextmanager
async def _admin(connection: Connection) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection.kafka())
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def _explained(connection: Connection, transactional_id: str) -> AsyncIterator[None]:
    """Turn Kafka's errors into ours; each message says what to do."""
    try:
        async with connecting(connection):
            yield
    except ProducerFenced as error:
        raise NetworkError(
            "Another `instep network apply` has begun meanwhile and goes on alone, or this one came to a stop for more than"
            f" {TRANSACTION_MS // 1000} s and Kafka has aborted what it wrote: if no other runs, run this again."
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
