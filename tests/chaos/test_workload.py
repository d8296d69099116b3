"""Without a broker: the workload through intake and router as they are, and what comes of it before the judge."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from prometheus_client import CollectorRegistry

from instep.catalogue.files import default_directory, load_catalogue
from instep.events.reader import decode
from instep.intake.metrics import IntakeMetrics
from instep.intake.processor import Intake
from instep.lanes.processor import Output, Record
from instep.network.network import Network, load
from instep.router.metrics import RouterMetrics
from instep.router.processor import Router
from tests.chaos.judge import Judge, Verdict
from tests.chaos.network import NEWCOMER, add_authority, sample_of_three, snapshot, toggle
from tests.chaos.reading import Court, in_order
from tests.chaos.truth import Generation
from tests.chaos.workload import ELSEWHERE, Published, Workload
from tests.kafka.journey import MILLIS
from tests.unit.memory_state import MemoryRecord, MemoryState

CATALOGUE = load_catalogue(default_directory())
IDS = {number: (schema.full_name, schema.version) for number, schema in enumerate(CATALOGUE.all(), start=1)}
NOW = MILLIS + 30 * 86_400_000
RECORDS = 2_000


class NoPostcodes:
    codes = frozenset({ELSEWHERE})

    def gss(self, postcode: str) -> str | None:
        return None


class Bench:
    """Both services in memory, under a network whose directory is changed as they go."""

    def __init__(self, home: Path) -> None:
        self.directory = sample_of_three(home)
        self.intake = Intake(CATALOGUE, IntakeMetrics(CollectorRegistry()))
        self.router = Router(CATALOGUE, NoPostcodes(), RouterMetrics(CollectorRegistry()))
        self.state = MemoryState()
        self.history: dict[int, Generation] = {}
        self.topics: dict[str, list[MemoryRecord]] = {}
        self.published: list[Published] = []
        self.network = self.apply()
        self.workload = Workload(7, CATALOGUE, self.network)

    def apply(self) -> Network:
        """The next generation."""
        self.network = replace(load(self.directory), generation=len(self.history) + 1, schemas=IDS)
        self.history[self.network.generation] = snapshot(self.directory)
        self.intake.follow(self.network)
        self.router.follow(self.network)
        return self.network

    def run(self, count: int) -> None:
        for _ in range(count):
            made = self.workload.next()
            self.published.append(made)
            record = self.put(Output(f"{made.source}.outbox", 0, made.key, made.value))
            for output in self.intake.process([record], self.state, NOW).records:
                came = self.put(output)
                if output.topic == "instep.events":
                    for of_router in self.router.process([came], self.state, NOW).records:
                        self.put(of_router)

    def put(self, output: Output) -> Record:
        lying = self.topics.setdefault(output.topic, [])
        record = MemoryRecord(
            topic=output.topic,
            partition=output.partition,
            offset=len(lying),
            key=output.key,
            value=output.value,
            headers=list(output.headers),
        )
        lying.append(record)
        return cast(Record, record)

    def verdict(self) -> Verdict:
        judge = Judge(self.history)
        planted = {(one.source, one.key, one.value): one.refusal for one in self.published if one.refusal}
        court = Court(judge, CATALOGUE.bind(IDS), planted)
        outboxes, *others = in_order(list(self.topics))
        self._bring(outboxes, court.bring)
        judge.confirmed(one.event_id for one in self.published if one.refusal is None)
        for topics in others:
            self._bring(topics, court.bring)
        return judge.verdict()

    def _bring(self, topics: Iterable[str], bring: Callable[[Record], None]) -> None:
        for topic in topics:
            for record in self.topics.get(topic, ()):
                bring(cast(Record, record))


@pytest.mark.slow
def test_what_the_services_make_of_the_workload_is_true(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(RECORDS)
    toggle(bench.directory)
    bench.apply()
    bench.run(RECORDS)
    toggle(bench.directory)
    add_authority(bench.directory)
    bench.apply()
    bench.workload.councils.append(NEWCOMER)
    bench.workload.gss[NEWCOMER] = bench.network.authorities[NEWCOMER].gss
    bench.run(RECORDS)
    verdict = bench.verdict()
    assert verdict.clean, verdict.examples
    assert verdict.judged["published"] == 3 * RECORDS
    assert verdict.judged["refusals"] == verdict.judged["hostile"] > 3 * RECORDS // 200


def test_the_workload_holds_every_kind_of_record(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(RECORDS)
    assert len({one.refusal for one in bench.published}) == 9
    decided = Counter(
        (one["result"], one["reason"])
        for record in bench.topics["instep.disclosures"]
        for one in decode(CATALOGUE.bus["disclosure"], cast(bytes, record.value)[5:])["decisions"]
    )
    assert {result for result, _ in decided} == {"DELIVERED", "WITHHELD", "WITHDRAWN"}
    assert {"suspended", "not-approved", "not-yet-effective", "protected", "no-agreement", "ANNULLED"} <= {
        reason for _, reason in decided
    }


def test_the_same_seed_makes_the_same_workload(tmp_path: Path) -> None:
    network = replace(load(sample_of_three(tmp_path)), schemas=IDS)
    one, same, other = (Workload(seed, CATALOGUE, network) for seed in (1, 1, 2))
    first = [one.next() for _ in range(200)]
    assert first == [same.next() for _ in range(200)]
    assert first != [other.next() for _ in range(200)]
