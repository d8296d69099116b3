"""What has to change for a cluster to match a network. Pure; `apply` finds out what the cluster holds and does it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from instep.errors import NetworkError
from instep.kafka.generations import GENERATION
from instep.network.authorities import RESERVED, row
from instep.network.network import Network
from instep.network.records import from_records, to_records
from instep.network.revisions import changed_keys, stale_versions
from instep.network.topic_specs import TopicSpec, topic_specs
from instep.network.topics import TENANT
from instep.provision.access_changes import AccessChanges
from instep.provision.registry import agreed


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """What a cluster holds: partitions by topic, configuration by topic, and the records of `instep.network` by key."""

    partitions: Mapping[str, int]
    configs: Mapping[str, Mapping[str, str]]
    records: Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Topics to create and to configure anew, records to write (None removes one), and the generation it will be then.

    Topics of authorities that have left stay, unless their deletion is allowed: what lies in them is still theirs to read
    until it expires.
    """

    generation: int
    create: tuple[TopicSpec, ...]
    configure: tuple[TopicSpec, ...]
    records: Mapping[str, bytes | None]
    added: frozenset[str] = frozenset()
    """Which of the records are of things that `instep.network` has not held."""
    details: Mapping[str, str] = field(default_factory=dict)
    """By key of a record that becomes another, what of it does."""
    settings: Mapping[str, Mapping[str, tuple[str | None, str]]] = field(default_factory=dict)
    """Of topics to configure anew: each setting that differs, as it is and as it is to be."""
    unnamed: tuple[str, ...] = ()
    """Topics that the cluster has and the network does not name: they are told, and left alone."""
    kept: frozenset[str] = frozenset()
    """Which of these were the network's own: of an authority or a purpose that has left, or of the hub."""
    delete: tuple[str, ...] = ()
    """Topics to delete with all that lies in them: none unless that is allowed."""
    access: AccessChanges | None = None
    """Users, ACLs and quotas to make and to take away; None without security, where there are none."""
    register: tuple[tuple[str, str], ...] = ()
    """Schemas (full name, version) that the registry does not have yet."""

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
    """How to bring `cluster` to `network`, with an id for each of `schemas` (full name, version).

    `registered` are the ids of a registry, where there is one; what it lacks has none yet. With `allow_delete` the topics go
    of those who had left already when the network was applied last: nobody is at work on them any more. Hub topics and those
    of strangers never go.

    Raises NetworkError when the cluster holds another network, when an agreement has changed and its version has not, or
    when the number of lanes has changed: a key's lane would be another from one event to the next, and order and memory
    would be lost.
    """
    applied = from_records(cluster.records) if cluster.records else None
    if applied is not None and applied.name != network.name:
        raise NetworkError(
            f"This cluster holds the network {applied.name}: apply {network.name} to another cluster."
        )
    if applied is not None and applied.lanes != network.lanes:
        raise NetworkError(
            f"The network {network.name} was born with {applied.lanes} lanes and keeps them: set lanes = {applied.lanes}."
        )
    if applied is not None:
        _refuse_stale_versions(applied, network)
    schemas, specs = tuple(schemas), topic_specs(network)
    _refuse_other_partitions(specs, cluster.partitions)
    known = applied.schemas if applied is not None else {}
    ids = allot(known, schemas) if registered is None else agreed(known, registered)
    wanted = to_records(replace(network, schemas=ids))
    before = {key: value for key, value in cluster.records.items() if key != GENERATION}
    records: dict[str, bytes | None] = {
        key: value for key, value in wanted.items() if before.get(key) != value
    }
    records |= dict.fromkeys(sorted(before.keys() - wanted.keys()))
    generation = applied.generation if applied is not None else 0
    named = {spec.name for spec in specs}
    settings = {
        spec.name: differing
        for spec in specs
        if (differing := _differing(spec, cluster.configs.get(spec.name)))
    }
    authorities = {*network.authorities, *(applied.authorities if applied is not None else ())}
    unnamed = sorted(name for name in cluster.partitions.keys() - named if not name.startswith("__"))
    delete = _deletable(unnamed, applied, authorities) if allow_delete else ()
    unnamed = [name for name in unnamed if name not in delete]
    return Plan(
        generation=generation + 1 if records or not set(schemas) <= set(ids.values()) else generation,
        create=tuple(spec for spec in specs if spec.name not in cluster.partitions),
        configure=tuple(spec for spec in specs if spec.name in settings),
        records=records,
        added=frozenset(records.keys() - before.keys()),
        details=_details(applied, network) if applied is not None else {},
        settings=settings,
        unnamed=tuple(unnamed),
        kept=frozenset(name for name in unnamed if _once_own(name, authorities)),
        delete=delete,
    )


def allot(
    known: Mapping[int, tuple[str, str]], schemas: Iterable[tuple[str, str]]
) -> dict[int, tuple[str, str]]:
    """Ids of schemas: those known keep theirs for good, also when the catalogue has lost them; new ones go on from there."""
    ids = dict(known)
    for schema in schemas:
        if schema not in ids.values():
            ids[max(ids, default=0) + 1] = schema
    return ids


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
    """Whether a topic that the network does not name has a name of the network's own, of an authority that it knows."""
    tenant = TENANT.fullmatch(name)
    return name.startswith(f"{RESERVED}.") or (tenant is not None and tenant[1] in authorities)


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
            others = [key for key in changed_keys(was, now) if key != "version"]
            details[f"agreement/{id}"] = (
                f"version {was.version} -> {now.version} ({', '.join(others) or 'nothing else'})"
            )
    for id in applied.authorities.keys() & network.authorities.keys():
        before, after = row(applied.authorities[id]), row(network.authorities[id])
        differing = [f"{key} {before[key]} -> {after[key]}" for key in after if before[key] != after[key]]
        details[f"authority/{id}"] = ", ".join(differing)
    return details


def _differing(spec: TopicSpec, config: Mapping[str, str] | None) -> Mapping[str, tuple[str | None, str]]:
    if config is None:
        return {}
    return {
        name: (config.get(name), value) for name, value in spec.config.items() if config.get(name) != value
    }
