"""CI's short form of `make chaos`: workers, a broker and a zombie while agreements change, and nothing goes wrong."""

from pathlib import Path

import pytest

from tests.chaos.faults import Fault
from tests.chaos.run import Plan, run

PLAN = Plan(events=30_000, worker_kills=4, broker_kills=1, zombies=1, seed=20261123, rate=3_000, short=True)


@pytest.mark.chaos
@pytest.mark.kafka
@pytest.mark.timeout(300)
async def test_killed_and_frozen_workers_and_a_killed_broker_lose_and_repeat_nothing(tmp_path: Path) -> None:
    report = await run(PLAN, tmp_path)
    print(report.as_text())
    counts = report.conductor.counts
    assert counts[Fault.WORKER_KILL] + counts[Fault.WIPED] == PLAN.worker_kills
    assert (counts[Fault.BROKER_KILL], counts[Fault.ZOMBIE]) == (PLAN.broker_kills, PLAN.zombies)
    assert all(done.moment.waiting > 0 for done in report.conductor.done), "no work remained at a fault"
    assert report.settled
    assert report.verdict.clean, report.verdict.examples
    assert report.verdict.judged["published"] >= PLAN.events
