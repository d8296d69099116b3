"""Somebody on call: sees which lanes stand for a transaction that hangs, and decides as the runbook has it.

The evidence is the lane's changelog. A lane writes its changelog last in every transaction, so whatever hangs elsewhere was
committed if the next record of the changelog is there for a `read_committed` reader, and aborted if it is not.
"""

import asyncio
import re
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from instep.errors import InstepError
from instep.kafka.connection import Connection
from instep.kafka.follow import read_network
from instep.lanes.settlement import Marker
from instep.lanes.survey import hanging_of, settle_lane
from instep.network import topics
from tests.chaos.crew import Crew
from tests.chaos.scene import Say

_STOPPED = re.compile(r"hanging-transaction: A transaction of lane (?P<lane>\d+)")


Appended = tuple[int, int]
"""A record's offset, and when the broker appended it, epoch ms."""


def ending_of(written_at: int, everything: list[Appended], committed: list[Appended]) -> Marker:
    """How a transaction ended whose last record elsewhere was written then, by its lane's changelog: all, and committed."""
    after = next((one for one in everything if one[1] >= written_at), None)
    return Marker.COMMIT if after in committed else Marker.ABORT


@dataclass
class OnCall:
    """`stops` are the sentences of lanes that stood, `settled` what was decided."""

    connection: Connection
    crew: Crew
    say: Say
    stops: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(1.0)
            for member in self.crew.wanted:
                said = await asyncio.to_thread(member.says)
                if found := _STOPPED.match(said):
                    self.stops.append(f"{member.name}: {said}")
                    self.say(f"           {member.name} stands: {said}")
                    await self._decide(member.service, int(found["lane"]))

    async def _decide(self, service: str, lane: int) -> None:
        try:
            network = await read_network(self.connection)
            hanging = await hanging_of(self.connection, network, service, lane)
            for partition, stable in hanging.items():
                ending = await self._ending(TopicPartition(topics.state(service), lane), partition, stable)
                await settle_lane(self.connection, service, lane, {partition: stable}, ending, "chaos")
                self.settled.append(f"{service} {lane}: {partition.topic}-{partition.partition}: {ending}")
                self.say(
                    f"           settled by {ending}: {partition.topic}-{partition.partition} from {stable}"
                )
        except (InstepError, KafkaError, OSError, TimeoutError) as error:
            self.say(f"           settling is tried again ({type(error).__name__}: {error})")

    async def _ending(self, changelog: TopicPartition, partition: TopicPartition, stable: int) -> Marker:
        hung = await self._read(partition, "read_uncommitted", stable)
        if not hung:
            return Marker.ABORT
        everything = await self._read(changelog, "read_uncommitted", 0)
        committed = await self._read(changelog, "read_committed", 0)
        return ending_of(hung[-1][1], everything, committed)

    async def _read(self, partition: TopicPartition, isolation: str, start: int) -> list[Appended]:
        """Offset and time of append of each record from an offset to the end."""
        async with AIOKafkaConsumer(**self.connection.kafka(), isolation_level=isolation) as consumer:
            consumer.assign([partition])
            end = (await consumer.end_offsets([partition]))[partition]
            begin = (await consumer.beginning_offsets([partition]))[partition]
            consumer.seek(partition, max(start, begin))
            found: list[Appended] = []
            while await consumer.position(partition) < end:
                for record in (await consumer.getmany(partition, timeout_ms=300)).get(partition, []):
                    found.append((record.offset, record.timestamp))
            return found
