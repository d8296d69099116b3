"""Decides when a worker's consumer asks the broker for records, and takes the records that came.

aiokafka asks the broker again as soon as the records of an answer are taken. Many small answers keep broker, threads
and lanes busy. So the consumer rests before each question, the longer the more records the last fetch brought
(`_REST_PER_RECORD` for each record, at most `_LONGEST_REST`). A record that comes alone is taken at once. Records that come
thick are taken together. In a backlog (`_MANY` records or more) there is no rest. The consumer does not rest between an
answer and the taking of its records: these records would grow old, and so would the records behind them, which are asked
for only afterwards.

A fetch may show transactions that are still open: the service that writes the topic is about to commit. Their records come
next. So the fetch waits for them a moment (`_OPEN_SECONDS`), and a burst of records goes on whole.
"""

import asyncio
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError, TopicAuthorizationFailedError
from aiokafka.structs import ConsumerRecord

_REST_PER_RECORD = 0.005
_LONGEST_REST = 0.04
_MANY = 500  # records; a fetch that brings as many is followed by the next at once
_OPEN_SECONDS = 0.008  # how long a fetch waits for transactions that were open when it was answered
_REFUSED_SECONDS = 10.0  # how long a topic may be closed to us before that is an error
_REFUSED_REST = 0.1


class RestingConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """Asks for records at `next_fetch` (by the monotonic clock) and not before."""

    next_fetch = 0.0
    out_of_range: frozenset[TopicPartition] = frozenset()
    """The partitions whose positions were not in their logs, since the last fetch."""
    starts = 0
    """The number of calls of `start_at`: a fetch that began before such a call takes no records that came later."""
    _refused: tuple[Assignment, float] | None = None

    def refused_for(self, assignment: Assignment) -> float:
        """Seconds since the first refusal under this assignment, for a refusal just now; the next fetch rests."""
        now = time.monotonic()
        if self._refused is None or self._refused[0] is not assignment:
            self._refused = assignment, now
        self.next_fetch = now + _REFUSED_REST
        return now - self._refused[1]

    async def start(self) -> None:
        await super().start()
        ask = self._fetcher._proc_fetch_request

        async def rest_and_ask(*of_node: Any) -> bool:
            early = self.next_fetch - time.monotonic()
            try:
                await asyncio.sleep(max(0.0, early))
            except asyncio.CancelledError:
                return False  # as aiokafka's own method: nobody wants the answer any more
            asked: bool = await ask(*of_node)
            return asked

        self._fetcher._proc_fetch_request = rest_and_ask


def assignment_of(consumer: AIOKafkaConsumer) -> Assignment | None:
    """The consumer's assignment; None between a new subscription and its first assignment."""
    subscription = consumer._subscription.subscription
    return subscription.assignment if subscription is not None else None


def positions_in(assignment: Assignment, partitions: set[TopicPartition]) -> dict[TopicPartition, int]:
    states = {tp: assignment.state_value(tp) for tp in partitions & assignment.tps}
    return {tp: state._position for tp, state in states.items() if state.has_valid_position}


def _open_transactions(assignment: Assignment, partitions: set[TopicPartition]) -> bool:
    """Whether any partition has, as of its last fetch, records of transactions that had not ended."""
    states = (assignment.state_value(tp) for tp in partitions)
    return any((state.highwater or 0) > (state.lso or 0) for state in states)


async def fetched(
    consumer: RestingConsumer, assignment: Assignment, partitions: set[TopicPartition], timeout: float
) -> dict[TopicPartition, list[ConsumerRecord]]:
    """The records of a fetch; where transactions are about to end, with the records of the next fetch too."""
    starts = consumer.starts
    records_of = await _taken(consumer, assignment, partitions, timeout, starts)
    if not records_of:
        return records_of
    now = time.monotonic()
    count = sum(map(len, records_of.values()))
    if count < _MANY and _open_transactions(assignment, partitions):
        consumer.next_fetch = now + _OPEN_SECONDS
        more = await _taken(consumer, assignment, partitions, 2 * _OPEN_SECONDS, starts)
        for tp, records in more.items():
            records_of.setdefault(tp, []).extend(records)
            count += len(records)
    rest = min(count * _REST_PER_RECORD, _LONGEST_REST)
    consumer.next_fetch = now + rest if count < _MANY else 0.0
    return records_of


async def _taken(
    consumer: RestingConsumer,
    assignment: Assignment,
    partitions: set[TopicPartition],
    timeout: float,
    starts: int,
) -> dict[TopicPartition, list[ConsumerRecord]]:
    """The records of these partitions that are fetched, or come in time, under this assignment and these claims alone.

    aiokafka's own wait goes on through a rebalance, and then takes records of the next assignment. A lane that has claimed
    again meanwhile would get the records under the number of its earlier claim, and drop them.
    """
    fetcher = consumer._fetcher
    until = time.monotonic() + timeout
    with fetcher._subscriptions.fetch_context():
        while _goes_on(consumer, assignment, starts):
            taken: dict[TopicPartition, list[ConsumerRecord]] = {}
            try:
                taken = await fetcher.fetched_records(
                    partitions, timeout=0, max_records=consumer._max_poll_records
                )
            except NoOffsetForPartitionError:
                pass  # a partition was assigned anew, and its lane has yet to claim
            except OffsetOutOfRangeError as error:
                # The error must not cost the records that were fetched of other partitions.
                consumer.out_of_range |= frozenset(error.args[0])
                consumer.next_fetch = time.monotonic() + _REFUSED_REST
                return {}
            except TopicAuthorizationFailedError:
                # The topics of an authority that leaves the network are closed to us a moment before we follow.
                if consumer.refused_for(assignment) > _REFUSED_SECONDS:
                    raise
            left = until - time.monotonic()
            if taken or left <= 0:
                return taken
            await _records_or_rebalance(consumer, assignment, left)
    await asyncio.sleep(0.01)  # in a rebalance there is nothing to hurry for
    return {}


async def _records_or_rebalance(consumer: RestingConsumer, assignment: Assignment, timeout: float) -> None:
    """Wait until records have been fetched or the assignment ends, at most `timeout` seconds.

    Raises an error that ends the consumer.
    """
    waiter = consumer._fetcher._create_fetch_waiter()
    await asyncio.wait(
        (waiter, assignment.unassign_future), timeout=timeout, return_when=asyncio.FIRST_COMPLETED
    )
    if waiter.done():
        waiter.result()
    waiter.cancel()


def _goes_on(consumer: RestingConsumer, assignment: Assignment, starts: int) -> bool:
    """Whether a fetch may still take records: neither a rebalance nor a lane's new start has come between."""
    rebalancing = consumer._fetcher._subscriptions.reassignment_in_progress
    return assignment.active and not rebalancing and consumer.starts == starts
