"""Decides what has to change for a cluster to match the directory of a network (its authorities and agreements). Pure.

A plan holds the topics to create, to configure and to delete, and the records of `instep.network` to write. The
module `apply` reads the cluster and makes the changes. The module `access_changes` decides about users, ACLs and
quotas.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from instep.errors import NetworkError
from instep.kafka.generations import GENERATION
from instep.network.authorities import RESERVED, row
from instep.network.network import Network
from instep.network.records import from_records, to_records
from instep.network.revisions import changes_in_words, stale_versions
from instep.network.topic_specs import TopicSpec, topic_specs
from instep.network.topics import TENANT
from instep.provision.access_changes import AccessChanges
from instep.provision.registry import agreed


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """The present contents of a cluster: partitions by topic, settings by topic, records of `instep.network` by key."""

    partitions: Mapping[str, int]
    configs: Mapping[str, Mapping[str, str]]
    records: Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Topics to create and to configure, records to write (None removes a record), and the generation afterwards.

    Topics of authorities that have left stay, unless their deletion is allowed: those authorities may read the records in
    them until the records expire.
    """

    generation: int
    create: tuple[TopicSpec, ...]
    configure: tuple[TopicSpec, ...]
    records: Mapping[str, bytes | None]
    added: frozenset[str] = frozenset()
    """The keys among `records` that are new to `instep.network`."""
    details: Mapping[str, str] = field(default_factory=dict)
    """For each changed record, by key: which of its fields change."""
    settings: Mapping[str, Mapping[str, tuple[str | None, str]]] = field(default_factory=dict)
    """For each topic to configure: every setting that differs, with its present and its future value."""
    unnamed: tuple[str, ...] = ()
    """Topics of the cluster that the network does not name. The command lists them, and `apply` leaves them alone."""
    kept: frozenset[str] = frozenset()
    """Those of `unnamed` that were the network's own: of an authority or a purpose that has left, or of the hub."""
    delete: tuple[str, ...] = ()
    """Topics to delete with all their records; none unless deletion is allowed."""
    access: AccessChanges | None = None
    """Changes of users, ACLs and quotas; None on a cluster without security, which has none of them."""
    register: tuple[tuple[str, str], ...] = ()
    """Schemas (full name, version) that are new to the registry."""

    @property
    def empty(self) -> bool:
        access = self.access is None or self.access.empty
        return access and not (self.create or self.configure or self.records or self.register or self.delete)


def plan(
    network: Network,
    schemas: Iterable[tuple[str, str]],
    cluster: Cluster,
    registered: Mapping[tuple[str, str], int] | None = None,
    *,
    allow_delete: bool = False,
) -> Plan:
    """The plan that brings `cluster` to `network`, with an id for each of `schemas` (full name, version).

    `registered` are the ids of a registry, where there is one. With `allow_delete`, the plan deletes the topics of those who
    had left already when the network was applied last: no service uses them any more. The plan never deletes a hub topic,
    or a topic with a name outside the network.

    Raises NetworkError when the cluster holds another network, when an agreement has changed without a new version, or
    when the number of lanes has changed: a key's lane would differ from one event to the next, and order and memory would
    be lost.
    """
    applied = from_records(cluster.records) if cluster.records else None
    if applied is not None:
        _refuse_another_network(applied, network)
        _refuse_stale_versions(applied, network)
    schemas, specs = tuple(schemas), topic_specs(network)
    _refuse_other_partitions(specs, cluster.partitions)
    earlier_ids = applied.schemas if applied is not None else {}
    ids = allot(earlier_ids, schemas) if registered is None else agreed(earlier_ids, registered)
    before = {key: value for key, value in cluster.records.items() if key != GENERATION}
    records = _changed_records(before, to_records(replace(network, schemas=ids)))
    generation = applied.generation if applied is not None else 0
    settings = _differing_settings(specs, cluster.configs)
    authorities = {*network.authorities, *(applied.authorities if applied is not None else ())}
    unnamed = _unnamed(specs, cluster)
    delete = _deletable(unnamed, applied, authorities) if allow_delete else ()
    unnamed = tuple(name for name in unnamed if name not in delete)
    return Plan(
        generation=generation + 1 if records or not set(schemas) <= set(ids.values()) else generation,
        create=tuple(spec for spec in specs if spec.name not in cluster.partitions),
        configure=tuple(spec for spec in specs if spec.name in settings),
        records=records,
        added=frozenset(records.keys() - before.keys()),
        details=_details(applied, network) if applied is not None else {},
        settings=settings,
        unnamed=unnamed,
        kept=frozenset(name for name in unnamed if _once_own(name, authorities)),
        delete=delete,
    )


def allot(
    earlier: Mapping[int, tuple[str, str]], schemas: Iterable[tuple[str, str]]
) -> dict[int, tuple[str, str]]:
    """The ids of schemas. Earlier ids stay for good, even of schemas that the catalogue has lost; new ids are higher."""
    ids = dict(earlier)
    for schema in schemas:
        if schema not in ids.values():
            ids[max(ids, default=0) + 1] = schema
    return ids


def _changed_records(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """The records to write, by key; None for a record to remove."""
    changed: dict[str, bytes | None] = {
        key: value for key, value in after.items() if before.get(key) != value
    }
    return changed | dict.fromkeys(sorted(before.keys() - after.keys()))


def _unnamed(specs: Iterable[TopicSpec], cluster: Cluster) -> tuple[str, ...]:
    """The cluster's topics without a specification, Kafka's own left out."""
    others = cluster.partitions.keys() - {spec.name for spec in specs}
    return tuple(sorted(name for name in others if not name.startswith("__")))


def _deletable(
    unnamed: Iterable[str], applied: Network | None, authorities: Collection[str]
) -> tuple[str, ...]:
    in_use = {spec.name for spec in topic_specs(applied)} if applied is not None else set()
    return tuple(
        name
        for name in unnamed
        if name not in in_use and _once_own(name, authorities) and TENANT.fullmatch(name)
    )


def _once_own(name: str, authorities: Collection[str]) -> bool:
    """Whether the name of a topic is the hub's, or of an authority of the network."""
    tenant = TENANT.fullmatch(name)
    return name.startswith(f"{RESERVED}.") or (tenant is not None and tenant[1] in authorities)


def _refuse_another_network(applied: Network, network: Network) -> None:
    if applied.name != network.name:
        raise NetworkError(
            f"This cluster holds the network {applied.name}: apply {network.name} to another cluster."
        )
    if applied.lanes != network.lanes:
        raise NetworkError(
            f"The network {network.name} was born with {applied.lanes} lanes and keeps them: set lanes = {applied.lanes}."
        )


def _refuse_other_partitions(specs: Iterable[TopicSpec], partitions: Mapping[str, int]) -> None:
    for spec in specs:
        partition_count = partitions.get(spec.name, spec.partitions)
        if partition_count != spec.partitions:
            raise NetworkError(
                f"The topic {spec.name} has {partition_count} partitions and must have {spec.partitions}:"
                " somebody else made it; delete it, or apply to another cluster."
            )


def _refuse_stale_versions(applied: Network, network: Network) -> None:
    stale = list(stale_versions(applied.agreements, network.agreements))
    if stale:
        id, words = stale[0]
        more = f" (and {len(stale) - 1} more agreements)" if len(stale) > 1 else ""
        raise NetworkError(f"The agreement {id}: {words}{more}.")


def _details(applied: Network, network: Network) -> dict[str, str]:
    details: dict[str, str] = {}
    for id in applied.agreements.keys() & network.agreements.keys():
        was, now = applied.agreements[id], network.agreements[id]
        if was != now:
            others = "; ".join(changes_in_words(was, now)) or "nothing else"
            details[f"agreement/{id}"] = f"version {was.version} -> {now.version} ({others})"
    for id in applied.authorities.keys() & network.authorities.keys():
        before, after = row(applied.authorities[id]), row(network.authorities[id])
        differing = [f"{key} {before[key]} -> {after[key]}" for key in after if before[key] != after[key]]
        details[f"authority/{id}"] = ", ".join(differing)
    return details


def _differing_settings(
    specs: Iterable[TopicSpec], configs: Mapping[str, Mapping[str, str]]
) -> dict[str, Mapping[str, tuple[str | None, str]]]:
    """For each topic of the cluster with settings that differ: those settings, as they are and as they should be."""
    differing: dict[str, Mapping[str, tuple[str | None, str]]] = {}
    for spec in specs:
        config = configs.get(spec.name, spec.config)
        settings = {
            name: (config.get(name), value)
            for name, value in spec.config.items()
            if config.get(name) != value
        }
        if settings:
            differing[spec.name] = settings
    return differing
