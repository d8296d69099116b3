"""The lanes override or lean on methods of Faust, mode and aiokafka: an upgrade that changes any of them fails here, by
name.

Read the change and our code that stands on the method, and run `make chaos`. Only then put the new digest here and the new
version into `instep.lanes.versions`.
"""

import hashlib
import inspect
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer import fetcher, subscription_state
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from faust.transport.conductor import Conductor
from faust.transport.consumer import Consumer
from mode import Worker as ModeWorker

from instep.kafka import record_parser
from instep.lanes import driver, fetching
from instep.lanes.assignor import lane_assignor

UPSTREAM = {"aiokafka", "faust", "mode"}
OURS = (
    fetching.RestingConsumer,
    driver.BatchThread,
    driver.BatchConsumer,
    driver.BatchTransport,
    driver.NoProducer,
    driver.WholeBatches,
    record_parser._TolerantBatch,
    lane_assignor(1),
)
LEANED_ON = (
    AIOKafkaConsumer.getmany,
    AIOKafkaConsumer.seek,
    AIOKafkaConsumer.pause,
    AIOKafkaConsumer.resume,
    fetcher.PartitionRecords,
    fetcher.FetchResult,
    fetcher.Fetcher._create_fetch_waiter,
    fetcher.Fetcher._fetch_requests_routine,
    fetcher.Fetcher._get_actions_per_node,
    fetcher.Fetcher._proc_fetch_request,
    fetcher.Fetcher.fetched_records,
    subscription_state.Assignment,
    subscription_state.SubscriptionState,
    subscription_state.TopicPartitionState,
    _DefaultRecordBatchPy,
    _DefaultRecordPy,
    _MemoryRecordsPy,
    BatchBuilder,
    Conductor._update_indices,
    Consumer._drain_messages,
    ModeWorker.execute_from_commandline,
)
"""Used, beside the overridden methods."""

PROVEN = {
    "aiokafka.consumer.consumer.AIOKafkaConsumer.getmany": "01257a2c9786",
    "aiokafka.consumer.consumer.AIOKafkaConsumer.pause": "3b2487f0d1f1",
    "aiokafka.consumer.consumer.AIOKafkaConsumer.resume": "52dbfa31174f",
    "aiokafka.consumer.consumer.AIOKafkaConsumer.seek": "fec4e1829687",
    "aiokafka.consumer.consumer.AIOKafkaConsumer.start": "5ba1baa38f62",
    "aiokafka.consumer.fetcher.FetchResult": "d7db13f06de8",
    "aiokafka.consumer.fetcher.Fetcher._create_fetch_waiter": "65046fcd40e7",
    "aiokafka.consumer.fetcher.Fetcher._fetch_requests_routine": "12dc901a1e4a",
    "aiokafka.consumer.fetcher.Fetcher._get_actions_per_node": "fd175a69d8d4",
    "aiokafka.consumer.fetcher.Fetcher._proc_fetch_request": "ace04969424f",
    "aiokafka.consumer.fetcher.Fetcher.fetched_records": "e20ce0c8117f",
    "aiokafka.consumer.fetcher.PartitionRecords": "94aa0da0dbec",
    "aiokafka.consumer.subscription_state.Assignment": "ce6859542c70",
    "aiokafka.consumer.subscription_state.SubscriptionState": "387f8a497901",
    "aiokafka.consumer.subscription_state.TopicPartitionState": "2b83334afadf",
    "aiokafka.coordinator.assignors.abstract.AbstractPartitionAssignor.assign": "7bd5eb56019e",
    "aiokafka.coordinator.assignors.abstract.AbstractPartitionAssignor.metadata": "20fb0f37b0f6",
    "aiokafka.coordinator.assignors.abstract.AbstractPartitionAssignor.name": "2d6869f5dc07",
    "aiokafka.coordinator.assignors.abstract.AbstractPartitionAssignor.on_assignment": "b9ce460f35aa",
    "aiokafka.producer.message_accumulator.BatchBuilder": "8050802ca751",
    "aiokafka.record.default_records._DefaultRecordBatchPy": "f63fbb5a8a24",
    "aiokafka.record.default_records._DefaultRecordPy": "89405104e45a",
    "aiokafka.record.memory_records._MemoryRecordsPy": "795a0314fbca",
    "faust.serializers.schemas.Schema.compile": "bd271ec59690",
    "faust.transport.conductor.Conductor._update_indices": "bf2bb3f46e6b",
    "faust.transport.consumer.Consumer._add_gap": "f1cc1db634f5",
    "faust.transport.consumer.Consumer._drain_messages": "8f35dd7a1114",
    "faust.transport.consumer.Consumer._new_offset": "2b29afe4dd9a",
    "faust.transport.consumer.Consumer.getmany": "e486c434b792",
    "faust.transport.consumer.Consumer.perform_seek": "2b4ceebd23de",
    "faust.transport.consumer.ThreadDelegateConsumer.__init__": "eb97deeb86ee",
    "faust.transport.drivers.aiokafka.AIOKafkaConsumerThread._create_worker_consumer": "c179c0bdb975",
    "faust.transport.drivers.aiokafka.AIOKafkaConsumerThread.verify_event_path": "3f5576be1141",
    "faust.transport.drivers.aiokafka.Consumer._new_consumer_thread": "8fd0d41b1514",
    "faust.transport.drivers.aiokafka.Producer.flush": "31d2ece965d5",
    "faust.transport.drivers.aiokafka.Producer.on_start": "a1601325eb84",
    "faust.transport.drivers.aiokafka.Producer.on_stop": "49f75b1337f5",
    "faust.transport.drivers.aiokafka.Transport.__init__": "ae80bd69013f",
    "mode.worker.Worker.execute_from_commandline": "d441fd6a414d",
}


def _overridden(classes: Iterable[type]) -> Iterator[Any]:
    """The methods that our classes override."""
    for ours in classes:
        for name in vars(ours):
            theirs = next((vars(base)[name] for base in ours.__mro__[1:-1] if name in vars(base)), None)
            function = getattr(theirs, "fget", None) or getattr(theirs, "__func__", theirs)
            if inspect.isfunction(function) and function.__module__.partition(".")[0] in UPSTREAM:
                yield function


USED = {
    f"{function.__module__}.{function.__qualname__}": function
    for function in (*LEANED_ON, *_overridden(OURS))
}


def _digest(of: Any) -> str:
    return hashlib.sha256(textwrap.dedent(inspect.getsource(of)).encode()).hexdigest()[:12]


@pytest.mark.parametrize("name", sorted(USED))
def test_it_is_what_the_lanes_were_proven_on(name: str) -> None:
    assert _digest(USED[name]) == PROVEN.get(name), (
        f"{name} has changed: read it before this digest is changed"
    )


def test_nothing_is_listed_that_no_lane_uses_any_more() -> None:
    assert set(PROVEN) <= set(USED)
