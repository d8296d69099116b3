"""The batch driver, without a broker."""

import asyncio
import inspect
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.errors import TopicAuthorizationFailedError
from faust.transport.consumer import Consumer
from faust.types import TP

from instep.lanes.driver import BatchThread, NothingRead
from instep.lanes.fetching import _MANY, _REFUSED_SECONDS, RestingConsumer, fetched

IN = TopicPartition("in", 0)


def test_faust_has_no_offset_below_which_it_drops_a_batch() -> None:
    read = NothingRead()
    read[TP("in", 0)] = 2061
    assert read[TP("in", 0)] is None
    assert read.pop(TP("in", 0), None) is None
    # This is what it stands for; Faust looks nowhere else.
    drain = inspect.getsource(Consumer._drain_messages)
    assert "get_read_offset = self._read_offset.__getitem__" in drain
    assert "set_read_offset = self._read_offset.__setitem__" in drain
    assert "if r_offset is None or" in drain


def consumer_of(fetcher: object, *assigned: TopicPartition) -> RestingConsumer:
    """A consumer without a broker, subscribed to `in`, with the given assignment."""
    consumer = RestingConsumer(bootstrap_servers="nowhere:1", group_id="test")
    consumer._subscription.subscribe({"in"})
    if assigned:
        consumer._subscription.assign_from_subscribed(set(assigned))
    consumer._fetcher = fetcher
    consumer._closed = True  # it was never opened
    return consumer


async def test_a_lane_that_starts_to_read_what_was_just_given_up_is_passed_over() -> None:
    sought: list[tuple[TopicPartition, int]] = []
    fetcher = SimpleNamespace(seek_to=lambda tp, offset: sought.append((tp, offset)))
    thread = BatchThread.__new__(BatchThread)
    thread._consumer = consumer_of(fetcher)
    await thread._start_at({IN: 5})  # a new subscription is assigned nothing yet
    assert sought == []
    thread._consumer = consumer_of(fetcher, IN)
    await thread._start_at({IN: 5, TopicPartition("in", 1): 7})
    assert sought == [(IN, 5)]


class Fetcher:
    """Stands in for aiokafka's fetcher, with answers put in by hand."""

    error: Exception | None = None

    def __init__(self) -> None:
        self.ready: dict[TopicPartition, list[Any]] = {}
        self.waiters: list[asyncio.Future[None]] = []

    async def fetched_records(
        self, partitions: object, timeout: float, max_records: int
    ) -> dict[TopicPartition, Any]:
        if self.error is not None:
            raise self.error
        taken, self.ready = self.ready, {}
        return taken

    def _create_fetch_waiter(self) -> "asyncio.Future[None]":
        self.waiters.append(asyncio.get_running_loop().create_future())
        return self.waiters[-1]

    def answer(self, *records: str) -> None:
        self.ready = {IN: list(records)}
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)


def fetching() -> tuple[Fetcher, RestingConsumer, Assignment]:
    fetcher = Fetcher()
    consumer = consumer_of(fetcher, IN)
    cast(Any, fetcher)._subscriptions = consumer._subscription
    return fetcher, consumer, consumer._subscription.subscription.assignment


async def test_a_fetch_ends_with_its_assignment_and_takes_nothing_of_the_next() -> None:
    fetcher, consumer, assignment = fetching()
    task = asyncio.create_task(fetched(consumer, assignment, {IN}, 5.0))
    await asyncio.sleep(0.01)
    consumer._subscription.assign_from_subscribed({IN})
    fetcher.answer("of the next")
    assert await asyncio.wait_for(task, 1.0) == {}
    assert fetcher.ready == {IN: ["of the next"]}


async def test_a_fetch_takes_nothing_that_came_after_a_lane_was_told_where_to_start() -> None:
    fetcher, consumer, assignment = fetching()
    cast(Any, fetcher).seek_to = lambda tp, offset: None
    thread = BatchThread.__new__(BatchThread)
    thread._consumer = consumer
    task = asyncio.create_task(fetched(consumer, assignment, {IN}, 5.0))
    await asyncio.sleep(0.01)
    await thread._start_at({IN: 5})
    fetcher.answer("of the lane's next claim")
    assert await asyncio.wait_for(task, 1.0) == {}
    assert fetcher.ready == {IN: ["of the lane's next claim"]}


async def test_what_is_alone_is_asked_for_soon_again_and_what_comes_thick_after_a_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("instep.lanes.fetching.time", SimpleNamespace(monotonic=lambda: 100.0))
    fetcher, consumer, assignment = fetching()
    asked = []
    for count in (1, 4, 100, _MANY):
        fetcher.answer(*["record"] * count)
        assert len((await fetched(consumer, assignment, {IN}, 5.0))[IN]) == count
        asked.append(consumer.next_fetch)
    assert asked == pytest.approx([100.005, 100.02, 100.04, 0.0])


async def test_what_open_transactions_are_about_to_bring_goes_together_with_what_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("instep.lanes.fetching._OPEN_SECONDS", 2.0)
    fetcher, consumer, assignment = fetching()
    state = assignment.state_value(IN)
    state.highwater, state.lso = 7, 5
    fetcher.answer("first")
    task = asyncio.create_task(fetched(consumer, assignment, {IN}, 5.0))
    await asyncio.sleep(0.005)
    assert not task.done()
    fetcher.answer("second")
    assert await task == {IN: ["first", "second"]}
    state.lso = 7
    fetcher.answer("alone")
    assert await fetched(consumer, assignment, {IN}, 5.0) == {IN: ["alone"]}


async def test_a_topic_that_is_closed_to_us_is_an_error_only_if_it_stays_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr("instep.lanes.fetching.time", SimpleNamespace(monotonic=lambda: clock.now))
    fetcher, consumer, assignment = fetching()
    fetcher.error = TopicAuthorizationFailedError()
    assert await fetched(consumer, assignment, {IN}, 0.0) == {}
    assert consumer.next_fetch > clock.now
    clock.now += _REFUSED_SECONDS
    assert await fetched(consumer, assignment, {IN}, 0.0) == {}
    clock.now += 1
    with pytest.raises(TopicAuthorizationFailedError):
        await fetched(consumer, assignment, {IN}, 0.0)
    consumer._subscription.assign_from_subscribed({IN})  # as after the network was followed
    following = consumer._subscription.subscription.assignment
    assert await fetched(consumer, following, {IN}, 0.0) == {}


async def test_a_consumer_asks_at_the_time_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    async def ask(*of_node: object) -> bool:
        asked.append(time.monotonic())
        return True

    async def start(consumer: AIOKafkaConsumer) -> None:
        consumer._fetcher = SimpleNamespace(_proc_fetch_request=ask)

    monkeypatch.setattr(AIOKafkaConsumer, "start", start)
    consumer = consumer_of(None)
    await consumer.start()
    consumer.next_fetch = time.monotonic() + 0.1
    assert await consumer._fetcher._proc_fetch_request(None, 0, None)
    assert asked[0] >= consumer.next_fetch
    consumer.next_fetch = time.monotonic() + 60
    given_up = asyncio.create_task(consumer._fetcher._proc_fetch_request(None, 0, None))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await given_up is False
