"""The example counts each event once, goes on after a restart, and shows nothing before the commit."""

from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from instep.catalogue.files import default_directory, load_catalogue
from instep.events.framing import frame
from instep.network.network import load
from instep.network.topics import EVENTS
from tests.examples.tally import Tally
from tests.unit.memory_state import MemoryRecord, MemoryState

CATALOGUE = load_catalogue(default_directory())
IDS = {number: (schema.full_name, schema.version) for number, schema in enumerate(CATALOGUE.all(), start=1)}
NETWORK = replace(load(Path(__file__).parents[2] / "deploy" / "network" / "sample"), schemas=IDS)
NOW = 1_795_420_800_000  # 2026-11-23


def events(event_type: str, count: int) -> list[MemoryRecord]:
    """Records of lane 3: to count an event, the processor needs the schema's id alone."""
    full_name = CATALOGUE.events[event_type].full_name
    number = next(number for number, (name, _) in IDS.items() if name == full_name)
    return [MemoryRecord(topic=EVENTS, partition=3, value=frame(number, b"body"))] * count


class Worker:
    """A worker without an engine: its registry is new, its state may be of a worker before."""

    def __init__(self, state: MemoryState) -> None:
        self.registry = CollectorRegistry()
        self.tally = Tally(CATALOGUE, self.registry)
        self.tally.follow(NETWORK)
        self.state = state

    def shown(self, event_type: str) -> float | None:
        labels = {"lane": "3", "event_type": event_type}
        return self.registry.get_sample_value("instep_tally_events", labels)


@pytest.fixture
def worker() -> Worker:
    return Worker(MemoryState())


def test_events_are_counted_by_type(worker: Worker) -> None:
    batch = events("resident-moved", 3) + events("business-registered", 2)
    worker.tally.process(batch, worker.state, NOW).committed()
    assert worker.shown("resident-moved") == 3
    assert worker.shown("business-registered") == 2


def test_the_metric_shows_a_batch_once_the_batch_has_committed(worker: Worker) -> None:
    outputs = worker.tally.process(events("resident-moved", 3), worker.state, NOW)
    assert worker.shown("resident-moved") is None
    outputs.committed()
    assert worker.shown("resident-moved") == 3


def test_another_worker_goes_on_from_the_lane_s_state(worker: Worker) -> None:
    worker.tally.process(events("resident-moved", 3), worker.state, NOW).committed()
    successor = Worker(worker.state)
    successor.tally.process(events("resident-moved", 2), successor.state, NOW).committed()
    assert successor.shown("resident-moved") == 5


def test_nothing_is_sent_and_the_clock_changes_nothing(worker: Worker) -> None:
    assert worker.tally.process(events("resident-moved", 1), worker.state, NOW).records == ()
    before = dict(worker.state.entries)
    assert worker.tally.tick(worker.state, NOW).records == ()
    assert worker.state.entries == before == {b"resident-moved": b"1"}
