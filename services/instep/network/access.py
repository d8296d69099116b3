"""Access: who may do what on the bus, so that the broker and not good manners keeps each council out of the others' topics.

A *principal* is who signs in. An authority is its own id (`leeds`); a service of an authority that reads one purpose alone
is `leeds.council-tax`, where `network.toml` names it under `[principals]`; Instep's own are `instep.<service>` and
`instep.admin`. An authority's id has no dot and is never `instep`, so no two of these can be the same, and a group prefix
that ends in a dot (`leeds.`) catches nothing of `leeds-admin`. Every topic and transactional id is named whole: what is
not named here is refused by the broker.

An authority may read `instep.network` too: the schema ids without which it can read and write nothing are there, and the
agreements. The hub's topics, and other councils', are shut to it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from instep.network import topics
from instep.network.network import Network

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


def service(name: str) -> str:
    """The principal of one of Instep's services, `admin` among them."""
    return f"instep.{name}"


def purpose_service(authority: str, purpose: str) -> str:
    """The principal of an authority's service that reads one purpose alone."""
    return f"{authority}.{purpose}"


ADMIN = service("admin")
"""Who applies the network and looks after lanes. It reads no inbox and no outbox."""


def access(network: Network, present: Collection[str] = ()) -> Access:
    """Who may do what in the network.

    `present` are the topics that the cluster has: those of an authority that has left are closed, which is to say that it
    may still read what lies in them, and nobody writes.
    """
    acls: set[Acl] = set()
    inboxes = defaultdict(list)
    for recipient, purpose in topics.inboxes(network):
        inboxes[recipient].append(topics.inbox(recipient, purpose))
    for authority in network.participants:
        acls |= set(_authority(authority, inboxes[authority]))
    for authority, purposes in network.principals.items():
        for purpose in purposes:
            acls |= set(_purpose(authority, purpose))
    for authority in _left(network, present):
        acls |= set(_closed(authority, present))
    limited = frozenset(acl.principal for acl in acls)
    for name, (reads, writes) in _services(network).items():
        acls |= set(_service(network, name, reads, writes))
    acls |= set(_admin(network))
    return Access(principals=frozenset(acl.principal for acl in acls), acls=frozenset(acls), limited=limited)


def _authority(authority: str, inboxes: Iterable[str]) -> Iterator[Acl]:
    outbox = topics.outbox(authority)
    yield _topic(authority, outbox, "WRITE")
    yield from _reader(authority, [outbox, topics.rejected(authority), topics.outcomes(authority), *inboxes])


def _purpose(authority: str, purpose: str) -> Iterator[Acl]:
    """It may write to the outbox, since a recipient answers with receipts; and it reads its one inbox."""
    principal = purpose_service(authority, purpose)
    yield _topic(principal, topics.outbox(authority), "WRITE")
    yield from _reader(principal, [topics.inbox(authority, purpose)])


def _closed(authority: str, present: Collection[str]) -> Iterator[Acl]:
    yield from _reader(authority, [topic for topic in present if topic.startswith(f"{authority}.")])


def _left(network: Network, present: Collection[str]) -> Iterator[str]:
    """Authorities that take part no more and whose topics are kept."""
    taking_part = set(network.participants)
    for authority in network.authorities:
        if authority not in taking_part and topics.outbox(authority) in present:
            yield authority


def _reader(principal: str, names: Iterable[str]) -> Iterator[Acl]:
    for name in (*names, topics.NETWORK):
        yield _topic(principal, name, "READ")
    yield Acl(principal=principal, resource="group", name=f"{principal}.", operation="READ", prefixed=True)


def _services(network: Network) -> dict[str, tuple[list[str], list[str]]]:
    """What each service reads and writes, beside its state and the network."""
    rejected = [topics.rejected(authority) for authority in network.participants]
    outcomes = [topics.outcomes(authority) for authority in network.participants]
    inboxes = [topics.inbox(*one) for one in topics.inboxes(network)]
    return {
        "intake": (list(topics.outboxes(network)), [topics.EVENTS, topics.RECEIPTS, *rejected]),
        "router": ([topics.EVENTS], [topics.DISCLOSURES, *rejected, *outcomes, *inboxes]),
    }


def _service(network: Network, name: str, reads: Iterable[str], writes: Iterable[str]) -> Iterator[Acl]:
    principal, group, state = service(name), topics.group(network, name), topics.state(name)
    for topic in (*reads, state, topics.NETWORK):
        yield _topic(principal, topic, "READ")
    for topic in (*writes, state):
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
    for name in (topics.NETWORK, *(topics.state(name) for name in topics.SERVICES)):
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
