"""Access: who may do what on the bus, so that the broker and not good manners keeps each council out of the others' topics.

A *principal* is who signs in. An authority is its own id (`leeds`); a service of an authority that reads one purpose alone
is `leeds.council-tax`, where `network.toml` names it under `[principals]`; Instep's own are `instep.<service>` and
`instep.admin`. An authority's id has no dot and is never `instep`, so no two of these can be the same, and a group prefix
that ends in a dot (`leeds.`) catches nothing of `leeds-admin`. Every topic and transactional id is named whole: what is
not named here is refused by the broker.

An authority may read `instep.network` too: the schema ids without which it can read and write nothing are there, and the
agreements. The hub's topics, and other councils', are shut to it.

The decision: `services/decisions/014-the-broker-is-the-gatekeeper.md`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from instep.network import topics
from instep.network.network import Network
from instep.network.services import SERVICES, Service
from instep.network.topic_specs import topic_specs
from instep.network.topics import Kind

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
"""What Kafka calls the cluster itself."""
ANY = "*"
"""What Kafka calls every name of a kind; only `instep.admin`, and only to look and to configure."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Acl:
    """One thing that a principal is allowed, from any host. With `prefixed`, for every name that begins so."""

    principal: str
    resource: Resource
    name: str
    operation: Operation
    prefixed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Who may do what; the principals of authorities are those with a quota."""

    principals: frozenset[str]
    acls: frozenset[Acl]
    limited: frozenset[str]


def service_principal(name: str) -> str:
    """The principal of one of Instep's services, `admin` among them."""
    return f"instep.{name}"


def purpose_service(authority: str, purpose: str) -> str:
    """The principal of an authority's service that reads one purpose alone."""
    return f"{authority}.{purpose}"


ADMIN = service_principal("admin")
"""Who applies the network and looks after lanes. It reads no inbox and no outbox."""


def access(network: Network, present: Collection[str] = ()) -> Access:
    """Who may do what in the network.

    `present` are the topics that the cluster has. A topic that the network names no more is closed: its authority, even one
    that has left, may still read what lies in it. The services keep their rights to it too: one that is still at work under
    the generation before must not fall over what has just been taken from it.
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
        acls |= set(_service(network, row, tenants))
    acls |= set(_admin(network))
    return Access(principals=frozenset(acl.principal for acl in acls), acls=frozenset(acls), limited=limited)


def _tenants(network: Network, present: Collection[str]) -> dict[str, list[str]]:
    """The topics of each authority: those that the network names, and what else of its is there."""
    tenants: dict[str, list[str]] = defaultdict(list)
    for name in {topic.name for topic in topic_specs(network)} | set(present):
        authority, _, rest = name.partition(".")
        if authority in network.authorities and rest.partition(".")[0] in set(Kind):
            tenants[authority].append(name)
    return tenants


def _purpose(authority: str, purpose: str) -> Iterator[Acl]:
    """It may write to the outbox, since a recipient answers with receipts; and it reads its one inbox."""
    principal = purpose_service(authority, purpose)
    yield _topic(principal, topics.outbox(authority), "WRITE")
    yield from _reader(principal, [topics.inbox(authority, purpose)])


def _reader(principal: str, names: Iterable[str]) -> Iterator[Acl]:
    for name in (*names, topics.NETWORK):
        yield _topic(principal, name, "READ")
    yield Acl(principal=principal, resource="group", name=f"{principal}.", operation="READ", prefixed=True)


def _topics_of(names: Iterable[str], tenants: Mapping[str, Collection[str]]) -> Iterator[str]:
    """What a row of the table of services names: topics of the hub, and for each kind all that the tenants have."""
    held = list(chain.from_iterable(tenants.values()))
    for name in names:
        if name in set(Kind):
            yield from (topic for topic in held if topic.split(".")[1] == name)
        else:
            yield name


def _service(network: Network, row: Service, tenants: Mapping[str, Collection[str]]) -> Iterator[Acl]:
    principal, group = service_principal(row.name), topics.group(network, row.name)
    state = topics.state(row.name)
    for topic in (*_topics_of(row.reads, tenants), state, topics.NETWORK):
        yield _topic(principal, topic, "READ")
    for topic in (*_topics_of(row.writes, tenants), state):
        yield _topic(principal, topic, "WRITE")
    yield Acl(principal=principal, resource="group", name=group, operation="READ")
    for lane in range(network.lanes):
        id = f"{group}-{lane}"
        yield Acl(principal=principal, resource="transactional-id", name=id, operation="WRITE")


_LOOK_AND_CONFIGURE: tuple[Operation, ...] = ("ALTER", "ALTER_CONFIGS", "DESCRIBE", "DESCRIBE_CONFIGS")


def _admin(network: Network) -> Iterator[Acl]:
    for operation in (*_LOOK_AND_CONFIGURE, "CREATE"):
        yield Acl(principal=ADMIN, resource="cluster", name=CLUSTER, operation=operation)
    for operation in (*_LOOK_AND_CONFIGURE, "DELETE"):
        yield _topic(ADMIN, ANY, operation)
    yield _topic(ADMIN, topics.NETWORK, "READ")
    for name in (topics.NETWORK, *(topics.state(name) for name in SERVICES)):
        yield _topic(ADMIN, name, "WRITE")  # the state: there an operator accepts a gap
    yield Acl(principal=ADMIN, resource="group", name=ANY, operation="DESCRIBE")
    id = f"{network.name}-apply"
    yield Acl(principal=ADMIN, resource="transactional-id", name=id, operation="WRITE")


def unknown_principals(network: Network) -> Iterator[tuple[str, str, str]]:
    """What `[principals]` names and the network does not have: (authority, purpose, what is wrong)."""
    inboxes = topics.inboxes(network)
    for authority, purposes in network.principals.items():
        for purpose in purposes:
            if (authority, purpose) not in inboxes:
                yield authority, purpose, f"{authority} receives nothing for {purpose!r} under any agreement"


def _topic(principal: str, name: str, operation: Operation) -> Acl:
    return Acl(principal=principal, resource="topic", name=name, operation=operation)
