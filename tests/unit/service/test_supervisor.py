"""A supervisor starts an ended worker again, later each time, and ends a real process in order."""

import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from instep.service.supervisor import FINAL, Restarts

pytestmark = pytest.mark.slow

SUPERVISE = """
import sys
from instep.service.supervisor import Restarts, Supervisor
sys.exit(Supervisor([sys.executable, "-c", sys.argv[1], sys.argv[2]], Restarts(least=0.05, most=0.2)).run())
"""
NOTE = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n');"


def starts(restarts: Restarts, *, until: float, runs: float) -> list[float]:
    """The starts of a process that ends each time after `runs` seconds, asked for each tenth of a second."""
    started: list[float] = []
    for tenth in range(int(until * 10)):
        now = tenth / 10
        if (not started or now - started[-1] >= runs) and restarts.due(now):
            started.append(now)
    return started


def test_each_start_waits_twice_as_long_up_to_half_a_minute() -> None:
    started = starts(Restarts(), until=200, runs=0.1)
    waits = [later - earlier - 0.1 for earlier, later in pairwise(started)]
    assert started[0] == 0
    assert waits[:8] == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30], abs=0.11)


def test_one_that_ran_well_is_started_again_soon() -> None:
    restarts = Restarts()
    for now in (0.0, 0.1, 0.6, 0.7, 1.8):
        restarts.due(now)
    assert restarts.pause == 1.0
    assert not restarts.due(100.0)
    assert restarts.pause == 0.5
    assert restarts.due(100.5)


def supervised(program: str, notes: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SUPERVISE, NOTE + program, str(notes)])


def noted(notes: Path, count: int) -> list[int]:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        pids = [int(line) for line in notes.read_text().split()] if notes.exists() else []
        if len(pids) >= count:
            return pids
        time.sleep(0.02)
    raise AssertionError(f"it was not started {count} times")


def test_a_worker_that_fails_is_started_again_until_its_settings_are_at_fault(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    program = "sys.exit(70 if len(open(sys.argv[1]).readlines()) < 4 else 1)"
    assert supervised(program, notes).wait(30) == 1
    assert len(noted(notes, 4)) == 4


@pytest.mark.usefixtures("closed_terminal_is_heard")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_told_to_stop_it_ends_the_worker_too(tmp_path: Path, number: signal.Signals) -> None:
    notes = tmp_path / "notes"
    supervisor = supervised("time.sleep(60)", notes)
    (pid,) = noted(notes, 1)
    began = time.monotonic()
    supervisor.send_signal(number)
    assert supervisor.wait(10) == 0
    assert time.monotonic() - began < 5
    assert not psutil.pid_exists(pid)
    assert len(noted(notes, 1)) == 1


def test_told_to_stop_while_it_waits_it_starts_nothing_more(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    supervisor = supervised("sys.exit(70)", notes)
    noted(notes, 3)
    supervisor.terminate()
    assert supervisor.wait(10) == 0
    before = len(noted(notes, 1))
    time.sleep(0.5)
    assert len(noted(notes, 1)) == before


CRASH = """
import asyncio
from mode import Service, Worker
from instep.lanes.process import execute
class Part(Service):
    @Service.task
    async def fail(self):
        raise RuntimeError
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
execute(Worker(Part(), loop=loop, redirect_stdouts=False))
"""


def test_a_crash_within_faust_ends_with_a_code_that_is_not_final() -> None:
    ended = subprocess.run([sys.executable, "-c", CRASH], capture_output=True, timeout=30, check=False)
    assert b"RuntimeError" in ended.stderr
    assert ended.returncode == 70
    assert ended.returncode not in FINAL
