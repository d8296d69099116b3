"""The names of topics: the hub's own, and the four kinds that belong to an authority. `topic_specs` configures them."""

import re
from enum import StrEnum
from typing import assert_never

from instep.network.authorities import IDENTIFIER
from instep.network.network import Network

EVENTS = "instep.events"
RECEIPTS = "instep.receipts"
DISCLOSURES = "instep.disclosures"
OUTCOMES = "instep.outcomes"
NETWORK = "instep.network"


class TopicKind(StrEnum):
    """The kinds of topic that belong to an authority; each is the second part of a topic's name."""

    OUTBOX = "outbox"
    REJECTED = "rejected"
    OUTCOMES = "outcomes"
    INBOX = "inbox"


TENANT = re.compile(rf"({IDENTIFIER.pattern})\.(?:outbox|rejected|outcomes|inbox\.{IDENTIFIER.pattern})")
"""The form of the name of an authority's topic; the group of the expression is the authority's id."""


def outbox(authority: str) -> str:
    """The topic where an authority publishes all its events."""
    return f"{authority}.outbox"


def outboxes(network: Network) -> tuple[str, ...]:
    """The outboxes of all participants, which intake reads."""
    return tuple(outbox(authority) for authority in network.participants)


def rejected(authority: str) -> str:
    """The topic where an authority finds the reasons why events of its outbox were refused."""
    return f"{authority}.rejected"


def outcomes(authority: str) -> str:
    """The topic where an authority finds the outcomes of its events."""
    return f"{authority}.outcomes"


def inbox(authority: str, purpose: str) -> str:
    """The topic where an authority's service for a purpose receives events."""
    return f"{authority}.inbox.{purpose}"


def state(service: str) -> str:
    """The topic that holds a processor's state."""
    return f"instep.{service}.state"


def group(network: Network, service: str) -> str:
    """The consumer group of a service: also its application id, and the beginning of its transactional ids."""
    return f"{network.name}-{service}"


def inboxes(network: Network) -> frozenset[tuple[str, str]]:
    """Each (recipient, purpose) of any agreement, whatever its standing: a withdrawal still needs the inbox."""
    return frozenset(
        (recipient, agreement.purpose)
        for agreement in network.agreements.values()
        for recipient in agreement.recipients
    )


def of_kind(network: Network, kind: TopicKind) -> tuple[str, ...]:
    """All topics of a kind that the network names; inboxes are sorted by name."""
    match kind:
        case TopicKind.INBOX:
            return tuple(sorted(inbox(recipient, purpose) for recipient, purpose in inboxes(network)))
        case TopicKind.OUTBOX | TopicKind.REJECTED | TopicKind.OUTCOMES:
            return tuple(f"{authority}.{kind}" for authority in network.participants)
        case _:
            assert_never(kind)
