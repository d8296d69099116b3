"""Names the council for which a command speaks: its authority, its network, its schemas, its topics."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from aiokafka import TopicPartition

from instep.errors import ConfigurationError
from instep.events.schema import Catalogue, Schema
from instep.kafka.connection import Connection
from instep.kafka.follow import read_network
from instep.network import topics
from instep.network.network import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Council:
    """A council's authority, connection, schemas and network: a command needs them to read or write a topic."""

    authority: str
    connection: Connection
    catalogue: Catalogue
    network: Network

    @property
    def schemas(self) -> Mapping[int, Schema]:
        """The network's schemas by id."""
        return self.catalogue.bind(self.network.schemas)

    def inboxes(self, purpose: str | None = None) -> list[TopicPartition]:
        """The council's inboxes, or its inbox for a purpose; raises ConfigurationError where no agreement gives any."""
        purposes = sorted(p for authority, p in topics.inboxes(self.network) if authority == self.authority)
        if purpose is None and not purposes:
            raise ConfigurationError(f"{self.authority} has no inbox: it receives under no agreement.")
        if purpose is not None and purpose not in purposes:
            has = f"it has {', '.join(purposes)}" if purposes else "it receives under no agreement"
            raise ConfigurationError(f"{self.authority} has no inbox for '{purpose}': {has}.")
        chosen = purposes if purpose is None else [purpose]
        return [TopicPartition(topics.inbox(self.authority, purpose), 0) for purpose in chosen]

    def rejected(self) -> TopicPartition:
        """The topic of refusals."""
        return TopicPartition(topics.rejected(self.authority), 0)

    def outcomes(self) -> TopicPartition:
        """The topic of outcomes."""
        return TopicPartition(topics.outcomes(self.authority), 0)

    def outbox(self) -> TopicPartition:
        """The topic where the council publishes everything."""
        return TopicPartition(topics.outbox(self.authority), 0)


async def council(connection: Connection, catalogue: Catalogue, name: str) -> Council:
    """The council of a name in the cluster's network; raises ConfigurationError with the nearest name where there is none.

    On the local platform the council is signed in as itself. A full name is looked up first, as the user of the connection.
    """
    as_named = connection.signed_in_as(name) if connection.has_secret_of(name) else connection
    network = await read_network(as_named)
    authority = participant(network, name)
    return Council(
        authority=authority,
        connection=connection.signed_in_as(authority),
        catalogue=catalogue,
        network=network,
    )


def participant(network: Network, name: str) -> str:
    """The id of the authority called `name` (an id or full name); raises ConfigurationError where none takes part."""
    by_name = {authority.name.lower(): authority.id for authority in network.authorities.values()}
    id = by_name.get(name.lower(), name)
    if id in network.participants:
        return id
    gone = network.authorities.get(id)
    if gone is not None:
        successors = f"; it was replaced by {' and '.join(gone.replaced_by)}" if gone.replaced_by else ""
        raise ConfigurationError(
            f"'{name}' takes no part in the network '{network.name}' any more{successors}."
        )
    near = get_close_matches(name.lower(), [*network.participants, *by_name], n=1)
    hint = f": did you mean {by_name.get(near[0], near[0])}?" if near else "."
    raise ConfigurationError(f"There is no authority '{name}' in the network '{network.name}'{hint}")
