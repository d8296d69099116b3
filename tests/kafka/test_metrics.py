"""What `/metrics`, `/ready` and `/healthy` say after a known set of events: the contract's names, and exactly true."""

import asyncio
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.kafka.journey import Event, Events, publish
from tests.kafka.promtool import complaints
from tests.kafka.services import Worker
from tests.kafka.stage import Stage, opened, sample

BACKLOG = 3000
"""Moves from Camden to Croydon that wait for the router before it starts."""


class Page:
    """A `/metrics` page, read by Prometheus's own parser."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = [one for family in text_string_to_metric_families(text) for one in family.samples]

    def values(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Every sample of that name, by the values of these labels, which are all that it has."""
        found: dict[tuple[str, ...], float] = {}
        for one in self.samples:
            if one.name == name:
                assert set(one.labels) == set(labels)
                found[tuple(one.labels[label] for label in labels)] = one.value
        return found


@dataclass(frozen=True, kw_only=True)
class Scraped:
    """The pages of both services, once nothing is left to do; `backlog` is the router's, while there was."""

    stage: Stage
    intake_worker: Worker
    router_worker: Worker
    intake: Page
    router: Page
    backlog: Page


def known_set(events: Events) -> list[Event]:
    """Published one after the other; every number below is counted from this list."""
    now = time.time_ns() // 1_000_000

    def moved(source: str, old: str, new: str, subject: str, sequence: int, **other: object) -> Event:
        return events.moved(source, old, new, subject=subject, sequence=sequence, published_at=now, **other)

    five = [moved("lambeth", "camden", "lambeth", "five", number) for number in range(1, 6)]
    mistaken = moved("lambeth", "camden", "lambeth", "mistaken", 1)
    broken = moved("lambeth", "camden", "lambeth", "broken", 1)
    return [
        *five,
        five[0],  # a repeat
        moved("lambeth", "camden", "lambeth", "five", 0),  # late
        moved("lambeth", "croydon", "lambeth", "five", 5, event_id=five[4].event_id),  # id-conflict
        events.placed(
            "camden", "lambeth", subject="placed", sequence=1, handling="PROTECTED", published_at=now
        ),
        moved("leeds", "leeds", "leeds", "within", 1),  # has not approved
        moved("lambeth", "chesterfield", "lambeth", "county", 1),  # its county has no agreement with Lambeth
        mistaken,
        moved(
            "lambeth", "croydon", "lambeth", "mistaken", 2, change_kind="CORRECT", replaces=mistaken.event_id
        ),
        events.registered("chesterfield", "leeds", subject="shop", sequence=1, published_at=now),
        events.registered("camden", "camden", subject="pub", sequence=1, published_at=now),
        replace(broken, value=b"hello"),
        replace(broken, value=b""),
        moved("lambeth", "camden", "lambeth", "old", 1, occurred_on=-99_999),
        replace(broken, source="croydon"),  # lambeth's event in croydon's outbox
    ]


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    home = tmp_path_factory.mktemp("metrics")
    with opened(home, sample(home), "intake") as stage:
        backlog = [
            stage.events.moved(
                "croydon", "camden", "croydon", subject=f"backlog-{number % 100}", sequence=number
            )
            for number in range(BACKLOG)
        ]
        asyncio.run(publish(stage.connection, backlog))
        # Takes few at once, so that there is time to see the backlog melt.
        stage.fleet.start("router", INSTEP_POLL_RECORDS="20")
        intake, router = stage.fleet.workers
        melting = page_when(router, lambda page: total_lag(page) > 0)
        asyncio.run(publish(stage.connection, known_set(stage.events)))
        asyncio.run(stage.bus())
        yield Scraped(
            stage=stage,
            intake_worker=intake,
            router_worker=router,
            intake=page_when(intake, lambda page: total_lag(page) == 0),
            router=page_when(router, lambda page: total_lag(page) == 0 and routed(page) == BACKLOG + 13),
            backlog=melting,
        )


def page_when(worker: Worker, wanted: Callable[[Page], bool], seconds: float = 60.0) -> Page:
    """The worker's page once it says what is wanted: metrics are raised after the commit, so a little after the topics."""
    until = time.monotonic() + seconds
    while True:
        try:
            page = Page(worker.get("/metrics"))
        except OSError:
            page = None  # it has just been started
        if page is not None and wanted(page):
            return page
        assert time.monotonic() < until, f"{page and page.text}\n{worker.tail()}"
        time.sleep(0.01)


def lags(page: Page) -> dict[tuple[str, ...], float]:
    return page.values("kafka_consumergroup_lag", "consumergroup", "topic", "partition")


def total_lag(page: Page) -> float:
    """Of all that the worker has claimed; -1 before it has claimed anything."""
    return sum(lags(page).values()) if lags(page) else -1


def routed(page: Page) -> float:
    return sum(page.values("instep_router_events_total", "ending").values())


def test_intake_counts_what_it_accepts_and_refuses_by_reason(scraped: Scraped) -> None:
    page = scraped.intake
    assert page.values("instep_intake_events_total", "source", "event_type", "outcome") == {
        ("camden", "business-registered", "accepted"): 1,
        ("camden", "resident-moved", "accepted"): 1,
        ("chesterfield", "business-registered", "accepted"): 1,
        ("croydon", "resident-moved", "accepted"): BACKLOG,
        ("croydon", "resident-moved", "refused"): 1,
        ("lambeth", "resident-moved", "accepted"): 11,
        ("lambeth", "resident-moved", "refused"): 1,
        ("lambeth", "unknown", "refused"): 2,
        ("leeds", "resident-moved", "accepted"): 1,
    }
    assert page.values("instep_intake_rejections_total", "source", "reason") == {
        ("croydon", "wrong-source"): 1,
        ("lambeth", "bad-date"): 1,
        ("lambeth", "bad-framing"): 2,
    }


def test_the_router_counts_deliveries_by_recipient_purpose_and_type(scraped: Scraped) -> None:
    name = "instep_router_deliveries_total"
    assert scraped.router.values(name, "recipient", "purpose", "event_type") == {
        ("camden", "council-tax", "resident-moved"): BACKLOG + 7,
        ("camden", "food-safety", "business-registered"): 1,
        ("camden", "placements", "resident-moved"): 1,
        ("chesterfield", "council-tax", "resident-moved"): 1,
        ("croydon", "council-tax", "resident-moved"): BACKLOG + 1,
        ("derbyshire", "trading-standards", "business-registered"): 1,
        ("lambeth", "council-tax", "resident-moved"): 9,
        ("lambeth", "placements", "resident-moved"): 1,
        ("leeds", "food-safety", "business-registered"): 1,
    }


def test_the_router_counts_what_it_withholds_drops_refuses_and_withdraws(scraped: Scraped) -> None:
    page = scraped.router
    assert page.values("instep_router_withheld_total", "reason") == {
        ("no-agreement",): 1,
        ("not-approved",): 1,
        ("not-yet-effective",): 1,
        ("protected",): 2,
        ("suspended",): 10,
    }
    assert page.values("instep_router_duplicates_total", "source") == {("lambeth",): 1}
    assert page.values("instep_router_late_total", "source") == {("lambeth",): 1}
    assert page.values("instep_router_rejections_total", "source", "reason") == {
        ("lambeth", "id-conflict"): 1
    }
    assert page.values("instep_router_withdrawals_total", "reason") == {("NO_LONGER_CONCERNS",): 1}


def test_the_age_of_events_is_taken_of_those_delivered(scraped: Scraped) -> None:
    """The backlog was published, by its own account, thirty days ago; the others just now."""
    page = scraped.router
    assert page.values("instep_event_age_seconds_count", "event_type") == {
        ("business-registered",): 2,
        ("resident-moved",): BACKLOG + 10,
    }
    buckets = page.values("instep_event_age_seconds_bucket", "event_type", "le")
    assert buckets["resident-moved", "60.0"] == buckets["resident-moved", "86400.0"] == 10
    ((_, total),) = [
        item
        for item in page.values("instep_event_age_seconds_sum", "event_type").items()
        if "moved" in item[0][0]
    ]
    assert 29 * 86_400 < total / BACKLOG < 32 * 86_400


def test_lag_is_there_while_there_is_work_and_0_everywhere_when_nothing_is_left(scraped: Scraped) -> None:
    assert 0 < total_lag(scraped.backlog) <= 2 * BACKLOG
    lanes = {("sample-router", "instep.events", str(lane)): 0.0 for lane in range(4)}
    assert lags(scraped.router) == lanes
    outboxes = {
        ("sample-intake", f"{authority}.outbox", "0"): 0.0
        for authority in scraped.stage.events.network.participants
    }
    assert len(outboxes) == 11
    assert lags(scraped.intake) == outboxes


def test_lanes_count_every_event_that_they_took(scraped: Scraped) -> None:
    published = BACKLOG + len(known_set(scraped.stage.events))
    for page, service, events in (
        (scraped.intake, "intake", published),
        (scraped.router, "router", published - 4),
    ):
        assert page.values("instep_lane_batch_events_sum", "service") == {(service,): events}
        transactions = page.values("instep_lane_transactions_total", "service", "result")
        assert transactions[service, "committed"] > 0
        assert transactions[service, "aborted"] == 0
        assert page.values("instep_lane_transaction_seconds_count", "service")[(service,)] > 0
        assert page.values("instep_lane_restore_seconds_count", "service") == {(service,): 4}


def test_generation_build_and_the_agreements_last_days_are_shown(scraped: Scraped) -> None:
    for page, service in ((scraped.intake, "intake"), (scraped.router, "router")):
        assert page.values("instep_network_generation", "service") == {(service,): 1}
        ((labels, one),) = page.values("instep_build_info", "service", "version").items()
        assert (labels[0], one) == (service, 1)
    name = "instep_agreement_expiry_timestamp_seconds"
    assert scraped.router.values(name, "agreement") == last_days(scraped.stage.network)


def last_days(network: Path) -> dict[tuple[str, ...], float]:
    """When each agreement's last day ends in London, from the files."""
    found: dict[tuple[str, ...], float] = {}
    for path in (network / "agreements").glob("*.toml"):
        last: date = tomllib.loads(path.read_text())["review_by"]
        end = last + timedelta(days=1)
        at = datetime(end.year, end.month, end.day, tzinfo=ZoneInfo("Europe/London"))
        found[(path.stem,)] = at.timestamp()
    return found


def test_metrics_pass_promtool(scraped: Scraped) -> None:
    assert "no help text" in complaints("# TYPE a_total counter\na_total 1\n"), "promtool checks nothing"
    for page in (scraped.intake, scraped.router):
        assert complaints(page.text) == ""


def test_a_service_without_its_broker_is_not_ready_yet_healthy_and_stops_when_told(scraped: Scraped) -> None:
    """Waiting is what it should do: it must not be restarted, and an operator need not kill it."""
    workers = (scraped.intake_worker, scraped.router_worker)
    for worker in workers:
        assert (worker.get("/ready"), worker.get("/healthy")) == ("ok\n", "ok\n")
    scraped.stage.broker.kill()
    for worker in workers:
        until = time.monotonic() + 20
        while (said := worker.not_ready_because()) is None:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert said == f"Kafka at {scraped.stage.broker.bootstrap_servers} does not answer\n"
        assert worker.get("/healthy") == "ok\n"
        assert worker.exit_code is None, worker.tail()
    with ThreadPoolExecutor() as at_once:
        assert max(at_once.map(Worker.stop, workers)) < 6
    assert [worker.process and worker.process.returncode for worker in workers] == [0, 0]
