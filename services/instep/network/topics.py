"""Topics by name: the hub's own, and the four kinds that belong to an authority. `topic_specs` says how each is created."""

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


class Kind(StrEnum):
    """The kinds of topic that belong to an authority, as the second part of their names."""

    OUTBOX = "outbox"
    REJECTED = "rejected"
    OUTCOMES = "outcomes"
    INBOX = "inbox"


TENANT = re.compile(rf"({IDENTIFIER.pattern})\.(?:outbox|rejected|outcomes|inbox\.{IDENTIFIER.pattern})")
"""The name of an authority's topic; the group is the authority."""


def outbox(authority: str) -> str:
    """Where an authority says everything."""
    return f"{authority}.outbox"


def outboxes(network: Network) -> tuple[str, ...]:
    """The outbox of everyone who takes part: what intake reads."""
    return tuple(outbox(authority) for authority in network.participants)


def rejected(authority: str) -> str:
    """Where an authority learns what was refused."""
    return f"{authority}.rejected"


def outcomes(authority: str) -> str:
    """Where an authority learns what became of its events."""
    return f"{authority}.outcomes"


def inbox(authority: str, purpose: str) -> str:
    """Where an authority's service for a purpose is told."""
    return f"{authority}.inbox.{purpose}"


def state(service: str) -> str:
    """Where a processor's state is kept."""
    return f"instep.{service}.state"


def group(network: Network, service: str) -> str:
    """The consumer group of a service, which is its application id and begins its transactional ids."""
    return f"{network.name}-{service}"


def inboxes(network: Network) -> frozenset[tuple[str, str]]:
    """Each (recipient, purpose) that any agreement names, in any standing: a withdrawal needs it still."""
    return frozenset(
        (recipient, agreement.purpose)
        for agreement in network.agreements.values()
        for recipient in agreement.recipients
    )


def of_kind(network: Network, kind: Kind) -> tuple[str, ...]:
    """All topics of one kind that the network names; inboxes in the order of their names."""
    match kind:
        case Kind.INBOX:
            return tuple(sorted(inbox(recipient, purpose) for recipient, purpose in inboxes(network)))
        case Kind.OUTBOX | Kind.REJECTED | Kind.OUTCOMES:
            return tuple(f"{authority}.{kind}" for authority in network.participants)
        case _:
            assert_never(kind)
