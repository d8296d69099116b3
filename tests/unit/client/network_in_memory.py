"""A network without a broker: what Bradford publishes goes through the real intake and router into lists of records.

`MemoryReader` reads these topics as `instep.client.reader.Reader` reads Kafka's.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from instep.client.council import Council
from instep.client.reader import Item, item
from instep.events.framing import frame
from instep.events.writer import encode
from instep.intake.metrics import IntakeMetrics
from instep.intake.processor import Intake
from instep.kafka.connection import Connection
from instep.lanes.processor import Output
from instep.network.network import Network
from instep.router.metrics import RouterMetrics
from instep.router.processor import Router
from tests.unit.events.sample import CATALOGUE, MOVED
from tests.unit.memory_state import MemoryRecord, MemoryState
from tests.unit.router.test_router import MOVED_ID, NOW, NoPostcodes


@dataclass(frozen=True, kw_only=True)
class MemoryReader:
    """Reads a network's topics."""

    network: "NetworkInMemory"

    async def records(self, partitions: Iterable[TopicPartition]) -> AsyncIterator[MemoryRecord]:
        for partition in partitions:
            for record in list(self.network.topics[partition.topic]):
                yield record

    def decoded(self, record: MemoryRecord) -> Item:
        return item(record, CATALOGUE.bind(self.network.sharing.schemas))


class NetworkInMemory:
    """Topics by name. Nothing moves before `run`."""

    def __init__(self, sharing: Network) -> None:
        self.topics: dict[str, list[MemoryRecord]] = defaultdict(list)
        self.reader: Any = MemoryReader(network=self)
        self._intake = Intake(CATALOGUE, IntakeMetrics(CollectorRegistry()))
        self._router = Router(CATALOGUE, NoPostcodes(), RouterMetrics(CollectorRegistry()))
        self._state = MemoryState()
        self._taken = 0
        self.apply(sharing)

    def apply(self, sharing: Network) -> None:
        """Decide by this network from now on."""
        self.sharing = sharing
        self._intake.follow(sharing)
        self._router.follow(sharing)

    def council(self, authority: str) -> Council:
        connection = Connection(bootstrap_servers="nowhere:1", security_protocol="PLAINTEXT")
        return Council(authority=authority, connection=connection, catalogue=CATALOGUE, network=self.sharing)

    def publish(self, event: Mapping[str, Any]) -> None:
        """Put an event into Bradford's outbox."""
        value = frame(MOVED_ID, encode(MOVED.latest, event))
        self._put(Output("bradford.outbox", 0, event["header"]["subject_ref"].encode(), value, []))

    def run(self, now: int = NOW) -> None:
        """Let intake and router take everything that they have not read yet."""
        waiting, self._taken = self.topics["bradford.outbox"][self._taken :], self._outbox_end()
        for record in waiting:
            for accepted in self._intake.process([record], MemoryState(), now).records:
                if accepted.topic != "instep.events":
                    self._put(accepted, now)
                    continue
                event = MemoryRecord(
                    topic=accepted.topic,
                    partition=accepted.partition,
                    key=accepted.key,
                    value=accepted.value,
                    headers=list(accepted.headers),
                )
                for output in self._router.process([event], self._state, now).records:
                    self._put(output, now)

    def forget(self, topic: str) -> None:
        """Retention takes all records of a topic."""
        self.topics[topic] = [replace(record, value=None, key=b"") for record in self.topics[topic]]

    def _outbox_end(self) -> int:
        return len(self.topics["bradford.outbox"])

    def _put(self, output: Output, now: int = NOW) -> None:
        topic = self.topics[output.topic]
        topic.append(
            MemoryRecord(
                topic=output.topic,
                offset=len(topic),
                timestamp=now,
                key=output.key,
                value=output.value,
                headers=list(output.headers),
            )
        )
