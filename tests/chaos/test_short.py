"""CI's short form of `make chaos`: one broker, restarted and frozen while work remains, and nothing goes wrong."""

from pathlib import Path

import pytest

from tests.chaos.faults import Fault
from tests.chaos.run import Plan, run

PLAN = Plan(
    events=20_000,
    worker_kills=2,
    broker_kills=0,
    zombies=1,
    seed=20261123,
    rate=3_000,
    short=True,
    brokers=1,
    councils=20,
    only=(
        Fault.BROKER_STOP,
        Fault.ALL_FROZEN,
        Fault.ANEW_SHORTER,
        Fault.OFFSETS_AHEAD,
        Fault.APPLY_KILLED,
        Fault.STATE_DAMAGED,
        Fault.CLOCK_DAY,
    ),
)


@pytest.mark.chaos
@pytest.mark.kafka
@pytest.mark.timeout(1200)
async def test_what_an_ordinary_morning_brings_loses_and_repeats_nothing(tmp_path: Path) -> None:
    report = await run(PLAN, tmp_path)
    print(report.as_text())
    counts = report.conductor.counts
    assert counts[Fault.WORKER_KILL] + counts[Fault.WIPED] == PLAN.worker_kills
    assert counts[Fault.ZOMBIE] == PLAN.zombies
    assert PLAN.only is not None
    assert all(counts[fault] == 1 for fault in PLAN.only)
    assert all(done.moment.waiting > 0 for done in report.conductor.done), "no work remained at a fault"
    assert report.settled
    assert report.clean, (report.verdict.examples, report.found)
    assert not report.skipped
    assert report.verdict.judged["published"] >= PLAN.events
