"""Waits until the services have decided every event that the demo published, and until readers can see every result.

Kafka answers a commit before its markers are written, topic after topic: a disclosure may be seen while a delivery of the
same transaction is not. So a judge who reads at once could miss what was delivered.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import TopicPartition

from instep.client.reader import Reader, reading
from instep.kafka.connection import Connection
from instep.kafka.log_ends import LogEnds, unfinished
from instep.local.progress import Progress
from instep.local.services import LocalWorker
from instep.local.standstill import STILL_S, Standstill, patiently
from instep.network import topics
from instep.network.network import Network
from instep.network.topic_specs import topic_specs

_POLL_S = 0.25


def partitions_of(names: Iterable[str], count: int = 1) -> list[TopicPartition]:
    """All partitions of these topics, which have `count` partitions each."""
    return [TopicPartition(name, number) for name in names for number in range(count)]


def disclosures_of(network: Network) -> list[TopicPartition]:
    """The partitions with the router's decisions."""
    return partitions_of([topics.DISCLOSURES], network.lanes)


def rejected_of(network: Network) -> list[TopicPartition]:
    """The partitions with refusals."""
    return partitions_of(topics.rejected(authority) for authority in network.participants)


async def all_dealt_with(
    reader: Reader,
    connection: Connection,
    network: Network,
    services: Sequence[LocalWorker],
    published: int,
    tell: Progress,
) -> None:
    """Wait until each event is disclosed or refused, no service has anything left to read, and readers see every record.

    Raises PlatformError when nothing moves any more.
    """
    settling = _Settling(connection, network, services)
    await settling.counted(reader, published, tell)
    tell("waiting until all that was decided can be read")
    await settling.visible()
    for service in services:
        await _nothing_left(service)


class _Settling:
    def __init__(self, connection: Connection, network: Network, services: Sequence[LocalWorker]) -> None:
        self._connection = connection
        self._network = network
        self._services = services
        self._log = services[0].platform.logs

    async def counted(self, reader: Reader, published: int, tell: Progress) -> None:
        """Return when there are as many disclosures and refusals as events.

        Refusals are looked for only while no disclosure comes: they lie in hundreds of topics, which are costly to follow.
        """
        still = Standstill(f"{published} events to be accepted or refused", self._log)
        disclosed = refused = came = 0
        tell("routing", 0, published)
        async for item in reader.follow(dict.fromkeys(disclosures_of(self._network), 0)):
            if item is not None:
                disclosed += 1
                if disclosed % 100 == 0:
                    tell("routing", disclosed, published)
                continue
            if disclosed == came and disclosed + refused < published:
                refused = await patiently(self._refused, still)
            if disclosed + refused >= published:
                return
            still.look((came := disclosed, refused))
            for service in self._services:
                service.supervise()

    async def _refused(self) -> int:
        async with _log_ends(self._connection) as ends:
            stable = await ends.stable(rejected_of(self._network))
        if not any(stable.values()):
            return 0
        async with reading(self._connection, {}, patience_s=STILL_S) as reader:
            return len([record async for record in reader.records([tp for tp, end in stable.items() if end])])

    async def visible(self) -> None:
        """Return when no transaction is open on any topic of the network."""
        tenants = (spec.name for spec in topic_specs(self._network) if spec.partitions == 1)
        hub = partitions_of((topics.EVENTS, topics.DISCLOSURES), self._network.lanes)
        await all_visible(self._connection, [*partitions_of(tenants), *hub], self._log)


async def all_visible(connection: Connection, partitions: Collection[TopicPartition], log: Path) -> None:
    """Return when readers see all that the partitions hold by now: each LSO has reached the end."""
    still = Standstill("transactions to end", log)

    async def seen() -> None:
        async with _log_ends(connection) as ends:
            target = await ends.shared_ends.of(partitions)
            while left := unfinished(target, await ends.stable(target.keys())):
                still.look(frozenset(left))
                target = {partition: target[partition] for partition in left}
                await asyncio.sleep(_POLL_S)

    await patiently(seen, still)


@asynccontextmanager
async def _log_ends(connection: Connection) -> AsyncIterator[LogEnds]:
    ends = LogEnds(connection)
    await ends.start()
    try:
        yield ends
    finally:
        await ends.stop()


async def _nothing_left(service: LocalWorker) -> None:
    """Return when a service says that it has read everything."""
    still = Standstill(f"{service.name} to read what is left", service.log)
    while left := (await service.metrics()).total("kafka_consumergroup_lag"):
        still.look(left)
        service.supervise()
        await asyncio.sleep(_POLL_S)
