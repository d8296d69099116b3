"""Access: the ACLs by which the broker keeps each council out of the others' topics.

A *principal* is a name that signs in to the broker:

- `leeds`: an authority, by its id;
- `leeds.council-tax`: an authority's service for one purpose, where `network.toml` names the purpose under `[principals]`;
- `instep.<service>` and `instep.admin`: Instep's own.

An authority's id has no dot and is never `instep`. So no two principals can have the same name, and a group prefix that
ends in a dot (`leeds.`) matches no group of `leeds-admin`. ACLs name every topic and transactional id in full; the broker
refuses everything else.

An authority may also read `instep.network`, which holds the agreements, and the schema ids that every reader and writer
needs. An authority may not use the hub's other topics or topics of other councils.

The decision: `services/decisions/014-the-broker-is-the-gatekeeper.md`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from instep.network import topics
from instep.network.network import Network
from instep.network.services import SERVICES, Service, on_lanes
from instep.network.topic_specs import topic_specs
from instep.network.topics import TopicKind

Resource = Literal["cluster", "topic", "group", "transactional-id"]
Operation = Literal[
    "READ",
    "WRITE",
    "CREATE",
    "DELETE",
    "ALTER",
    "DESCRIBE",
    "DESCRIBE_CONFIGS",
    "ALTER_CONFIGS",
]

CLUSTER = "kafka-cluster"
"""Kafka's name for the cluster itself."""
ANY = "*"
"""Kafka's wildcard for every name of a kind. Only `instep.admin` has such ACLs, and none allows reading or writing."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Acl:
    """A permission of a principal, from any host. With `prefixed`, for every resource whose name begins with `name`."""

    principal: str
    resource: Resource
    name: str
    operation: Operation
    prefixed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """All ACLs and the principals that they name."""

    principals: frozenset[str]
    acls: frozenset[Acl]
    limited: frozenset[str]
    """The principals that have a quota: those of authorities."""


def service_principal(name: str) -> str:
    """The principal of one of Instep's services, `admin` among them."""
    return f"instep.{name}"


def purpose_service(authority: str, purpose: str) -> str:
    """The principal of an authority's service that reads one purpose alone."""
    return f"{authority}.{purpose}"


ADMIN = service_principal("admin")
"""The operator, who applies the network and looks after lanes. The operator may read no inbox and no outbox."""


def access(network: Network, present: Collection[str] = ()) -> Access:
    """Every principal of the network, and every ACL.

    `present` are the topics that the cluster has. A topic that the network no longer names is closed: its authority may
    still read the records in it, even after leaving, and may write no more. Services keep their rights to closed topics,
    because a service that still follows the earlier generation must not fail.
    """
    tenants = _tenants(network, present)
    acls: set[Acl] = set()
    for authority, names in tenants.items():
        acls |= set(_reader(authority, names))
    for authority in network.participants:
        acls.add(_topic(authority, topics.outbox(authority), "WRITE"))
    for authority, purposes in network.principals.items():
        for purpose in purposes:
            acls |= set(_purpose(authority, purpose))
    limited = frozenset(acl.principal for acl in acls)
    for row in SERVICES.values():
        acls |= set(acls_of(network, row, tenants))
    acls |= set(_admin(network))
    return Access(principals=frozenset(acl.principal for acl in acls), acls=frozenset(acls), limited=limited)


def _tenants(network: Network, present: Collection[str]) -> dict[str, list[str]]:
    """By authority: the topics that the network names, and the authority's other topics on the cluster."""
    tenants: dict[str, list[str]] = defaultdict(list)
    for name in {topic.name for topic in topic_specs(network)} | set(present):
        authority, _, rest = name.partition(".")
        if authority in network.authorities and rest.partition(".")[0] in set(TopicKind):
            tenants[authority].append(name)
    return tenants


def _purpose(authority: str, purpose: str) -> Iterator[Acl]:
    """The service writes to the outbox, because a recipient answers with receipts; the service reads its inbox alone."""
    principal = purpose_service(authority, purpose)
    yield _topic(principal, topics.outbox(authority), "WRITE")
    yield from _reader(principal, [topics.inbox(authority, purpose)])


def _reader(principal: str, names: Iterable[str]) -> Iterator[Acl]:
    for name in (*names, topics.NETWORK):
        yield _topic(principal, name, "READ")
    yield Acl(principal=principal, resource="group", name=f"{principal}.", operation="READ", prefixed=True)


def _topics_of(names: Iterable[str], tenants: Mapping[str, Collection[str]]) -> Iterator[str]:
    """The topics behind the names in a row of the table of services: a kind stands for all topics of the kind."""
    tenant_topics = list(chain.from_iterable(tenants.values()))
    for name in names:
        if name in set(TopicKind):
            yield from (topic for topic in tenant_topics if topic.split(".")[1] == name)
        else:
            yield name


def acls_of(network: Network, row: Service, tenants: Mapping[str, Collection[str]]) -> Iterator[Acl]:
    """What a service may do; `tenants` are the topics of each authority."""
    principal, group = service_principal(row.name), topics.group(network, row.name)
    state = (topics.state(row.name),) if row.lanes else ()
    for topic in (*_topics_of(row.reads, tenants), *state, topics.NETWORK):
        yield _topic(principal, topic, "READ")
    for topic in (*_topics_of(row.writes, tenants), *state):
        yield _topic(principal, topic, "WRITE")
    yield Acl(principal=principal, resource="group", name=group, operation="READ")
    for lane in range(network.lanes if row.lanes else 0):
        id = f"{group}-{lane}"
        yield Acl(principal=principal, resource="transactional-id", name=id, operation="WRITE")


_DESCRIBE_AND_CONFIGURE: tuple[Operation, ...] = ("ALTER", "ALTER_CONFIGS", "DESCRIBE", "DESCRIBE_CONFIGS")


def _admin(network: Network) -> Iterator[Acl]:
    for operation in (*_DESCRIBE_AND_CONFIGURE, "CREATE"):
        yield Acl(principal=ADMIN, resource="cluster", name=CLUSTER, operation=operation)
    for operation in (*_DESCRIBE_AND_CONFIGURE, "DELETE"):
        yield _topic(ADMIN, ANY, operation)
    yield _topic(ADMIN, topics.NETWORK, "READ")
    for name in (topics.NETWORK, *(topics.state(name) for name in on_lanes())):
        yield _topic(ADMIN, name, "WRITE")  # an operator accepts a gap by a record in a state topic
    yield Acl(principal=ADMIN, resource="group", name=ANY, operation="DESCRIBE")
    id = f"{network.name}-apply"
    yield Acl(principal=ADMIN, resource="transactional-id", name=id, operation="WRITE")


def unknown_principals(network: Network) -> Iterator[tuple[str, str, str]]:
    """Each entry of `[principals]` without an inbox in the network: authority, purpose and an error message."""
    inboxes = topics.inboxes(network)
    for authority, purposes in network.principals.items():
        for purpose in purposes:
            if (authority, purpose) not in inboxes:
                yield authority, purpose, f"{authority} receives nothing for {purpose!r} under any agreement"


def _topic(principal: str, name: str, operation: Operation) -> Acl:
    return Acl(principal=principal, resource="topic", name=name, operation=operation)
