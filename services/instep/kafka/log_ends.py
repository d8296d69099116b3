"""Asks a cluster for ends of logs, ids of topics and states of transactions, beyond the questions of aiokafka's clients.

The *end* of a log is the offset of the next record. The *last stable offset* (LSO) is the beginning of the first open
transaction, or the end where no transaction is open: a `read_committed` reader gets nothing from the LSO on. A
transaction has ended on a partition only when the LSO has passed its records there. Kafka answers EndTxn sooner.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    LeaderNotAvailableError,
    NoError,
    NotCoordinatorError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.offset import OffsetRequest

from instep.kafka.connection import Connection
from instep.kafka.requests import DescribeTopics, DescribeTransactions

READ_UNCOMMITTED, READ_COMMITTED = 0, 1
_LATEST, _EARLIEST = -1, -2
_REQUEST_MS = 10_000
_NO_SUCH_ID = 105  # TRANSACTIONAL_ID_NOT_FOUND
_MOVING = (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError)
_ABSENT = (UnknownTopicOrPartitionError, TopicAuthorizationFailedError)
_PREPARED_SECONDS = 5.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class LastTransaction:
    """The state of a transactional id's last transaction with its coordinator, in Kafka's own words.

    `state` is "" for an id that the coordinator does not know. `partitions` are those of an ongoing transaction.
    """

    state: str
    partitions: frozenset[TopicPartition] = field(default_factory=frozenset)
    producer: tuple[int, int] = (-1, -1)  # its id and epoch


Offsets = dict[TopicPartition, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Log:
    """A partition's log: the offsets of its first and of its next record, and the id of its topic."""

    start: int
    end: int
    topic_id: str


class SharedQuestion:
    """A question that several callers share: all calls during a pending question share the next question.

    No caller gets the answer to a question that was asked before its call.
    """

    def __init__(self, ask: Callable[[Collection[TopicPartition]], Awaitable[Offsets]]) -> None:
        self._ask = ask
        self._next: asyncio.Task[Offsets] | None = None
        self._wanted: set[TopicPartition] = set()
        self._turn = asyncio.Lock()

    async def of(self, partitions: Iterable[TopicPartition]) -> Offsets:
        """The answer for these partitions; a partition that the answer leaves out is missing."""
        self._wanted |= (mine := set(partitions))
        if self._next is None:
            self._next = asyncio.ensure_future(self._put())
        offsets = await asyncio.shield(self._next)
        return {partition: offsets[partition] for partition in mine & offsets.keys()}

    async def _put(self) -> Offsets:
        async with self._turn:
            self._next, wanted, self._wanted = None, self._wanted, set()
            return await self._ask(wanted)


class LogEnds:
    """Asks the leaders; for one event loop. Every question may raise a KafkaError, OSError or TimeoutError."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client: Any = None
        self._leaders: dict[TopicPartition, int] = {}
        self.shared_ends = SharedQuestion(lambda wanted: self._offsets(wanted, READ_UNCOMMITTED, _LATEST))
        """The end of each partition at some moment after the call began."""
        self.shared_stable = SharedQuestion(self.stable)
        """As `stable`, shared by several callers."""

    async def start(self) -> None:
        self._client = AIOKafkaClient(
            **self._connection.kafka(), client_id="instep-log-ends", request_timeout_ms=_REQUEST_MS
        )
        await self._client.bootstrap()

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def stable(self, partitions: Collection[TopicPartition]) -> Offsets:
        """The last stable offset of each partition; a partition without a leader, or without a topic, is missing."""
        return await self._offsets(partitions, READ_COMMITTED, _LATEST)

    async def logs(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Log]:
        """Start, end and topic of each partition whose topic exists. Raises LeaderNotAvailableError."""
        ids = await self.topic_ids({partition.topic for partition in partitions})
        there = [partition for partition in partitions if partition.topic in ids]
        starts = await self._offsets(there, READ_UNCOMMITTED, _EARLIEST)
        ends = await self._offsets(there, READ_UNCOMMITTED, _LATEST)
        if missing := [tp for tp in there if tp not in starts or tp not in ends]:
            raise LeaderNotAvailableError(missing[0])
        return {tp: Log(start=starts[tp], end=ends[tp], topic_id=ids[tp.topic]) for tp in there}

    async def topic_ids(self, topics: Collection[str]) -> dict[str, str]:
        """The id of each topic that exists, as Kafka's tools print ids. Also learns the leaders."""
        if not topics:
            return {}
        answer = await self._client.send(self._any_node(), DescribeTopics(sorted(topics)))
        ids = {}
        for error, name, topic_id, _, partitions, *_ in answer.topics:
            if for_code(error) in _ABSENT:
                continue
            if error:
                raise for_code(error)
            ids[name] = text_of(topic_id)
            for _, number, leader, *_ in partitions:
                self._leaders[TopicPartition(name, number)] = leader
        return ids

    async def cluster(self) -> str:
        """The id that the cluster was given when it was formatted; "" for a cluster without an id."""
        answer = await self._client.send(self._any_node(), DescribeTopics([]))
        return answer.cluster_id or ""

    async def partition_counts(self, topics: Collection[str]) -> dict[str, int]:
        """The number of partitions of each topic that exists."""
        there = await self.topic_ids(topics)
        return {topic: sum(tp.topic == topic for tp in self._leaders) for topic in there}

    async def existing(self, partitions: Collection[TopicPartition]) -> set[TopicPartition]:
        """The partitions whose topic exists."""
        there = await self.topic_ids({partition.topic for partition in partitions})
        return {partition for partition in partitions if partition.topic in there}

    async def last_transaction(self, transactional_id: str) -> LastTransaction:
        """The state of the id's last transaction. Waits a moment where the end is decided and not yet written."""
        until = asyncio.get_running_loop().time() + _PREPARED_SECONDS
        while True:
            last = await self._last_transaction(transactional_id)
            late = asyncio.get_running_loop().time() >= until
            if last is not None and (late or not last.state.startswith("Prepare")):
                return last
            if late:
                raise CoordinatorNotAvailableError
            await asyncio.sleep(_POLL_SECONDS)

    async def _last_transaction(self, transactional_id: str) -> LastTransaction | None:
        try:
            node = await self._client.coordinator_lookup(CoordinationType.TRANSACTION, transactional_id)
            answer = await self._client.send(node, DescribeTransactions(transactional_id))
        except _MOVING:
            return None
        ((error, _, state, _, _, producer_id, epoch, topics, _),) = answer.transactions
        if error == _NO_SUCH_ID:
            return LastTransaction(state="")
        kind = for_code(error)
        if kind in _MOVING:
            return None
        if kind is not NoError:
            raise kind
        partitions = frozenset(
            TopicPartition(topic, number) for topic, numbers, _ in topics for number in numbers
        )
        return LastTransaction(state=state, partitions=partitions, producer=(producer_id, epoch))

    async def _offsets(self, partitions: Collection[TopicPartition], isolation: int, which: int) -> Offsets:
        by_node = await self._by_leader(partitions)
        answers = await asyncio.gather(
            *(self._ask(node, led, isolation, which) for node, led in by_node.items()),
            return_exceptions=True,
        )
        given = [answer for answer in answers if not isinstance(answer, BaseException)]
        if answers and not given:
            raise cast(BaseException, answers[0])  # of several brokers the answers that came count
        return {partition: offset for answer in given for partition, offset in answer.items()}

    async def _by_leader(self, partitions: Collection[TopicPartition]) -> dict[int, list[TopicPartition]]:
        if unknown := {tp.topic for tp in partitions if self._leaders.get(tp, -1) < 0}:
            await self.topic_ids(unknown)
        by_node: dict[int, list[TopicPartition]] = defaultdict(list)
        for partition in partitions:
            leader = self._leaders.get(partition, -1)
            if leader >= 0:
                by_node[leader].append(partition)
        if any(self._client.cluster.broker_metadata(node) is None for node in by_node):
            await self._client.force_metadata_update()
        return by_node

    async def _ask(self, node: int, partitions: list[TopicPartition], isolation: int, which: int) -> Offsets:
        by_topic: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for topic, number in partitions:
            by_topic[topic].append((number, which))
        try:
            answer = await self._client.send(node, OffsetRequest(-1, isolation, list(by_topic.items())))
        except (KafkaError, OSError, TimeoutError):
            self._forget(partitions)  # another may lead by now
            raise
        offsets, moved = {}, []
        for topic, answers in answer.topics:
            for number, error, _, offset in answers:
                if error:
                    moved.append(TopicPartition(topic, number))
                else:
                    offsets[TopicPartition(topic, number)] = offset
        self._forget(moved)
        return offsets

    def _forget(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            self._leaders.pop(partition, None)

    def _any_node(self) -> int:
        node: int | None = self._client.get_random_node()
        if node is None:
            raise CoordinatorNotAvailableError
        return node


def unfinished(
    ends: Mapping[TopicPartition, int], stable: Mapping[TopicPartition, int]
) -> set[TopicPartition]:
    """The partitions whose LSO has not reached the given end, or is not known."""
    return {partition for partition, end in ends.items() if stable.get(partition, -1) < end}


def text_of(topic_id: UUID) -> str:
    """A topic's id as text: 32 hexadecimal digits."""
    return topic_id.hex
