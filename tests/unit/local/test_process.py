"""Processes: what we started is ended, and no stranger is ever signalled."""

import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from instep.errors import PlatformError
from instep.local import process as process_module
from instep.local.lock import locked
from instep.local.ports import free_ports, is_free, is_open
from instep.local.process import Process, ProcessRecords, interrupts_held, spawn
from instep.local.whole_file import write_atomically

SLEEP = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)",
]

# Goes on after SIGTERM for as many turns as it is told, and writes into its log in the first of them.
PUTS_AWAY = """
import signal, sys, time
def put_away(*_):
    for turn in range(int(sys.argv[1])):
        if turn < int(sys.argv[2]):
            print("put away", flush=True)
        time.sleep(0.1)
    print("done", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, put_away)
print("here", flush=True)
time.sleep(600)
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = spawn("sleeper", SLEEP, log=tmp_path / "logs" / "sleeper.log")
    yield process
    process.kill()


def speaks(log: Path) -> None:
    until = time.monotonic() + 30
    while "here" not in log.read_text():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.slow
def test_what_was_started_lives_in_a_session_of_its_own_and_is_ended(process: Process) -> None:
    assert process.alive()
    assert psutil.Process(process.pid).ppid() == psutil.Process().pid
    speaks(Path(process.log))
    process.stop()
    assert not process.alive()
    process.stop()


@pytest.mark.slow
def test_what_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    stubborn = spawn("stubborn", STUBBORN, log=tmp_path / "log")
    speaks(tmp_path / "log")
    began = time.monotonic()
    stubborn.stop(grace_s=0.3)
    assert not stubborn.alive()
    assert time.monotonic() - began >= 0.3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("turns", "writes", "patience_s", "ends"),
    [
        (20, 20, 60.0, True),  # longer than the grace, at work all the while
        (20, 20, 0.0, False),  # no patience
        (600, 600, 1.5, False),  # at work for longer than its patience
        (600, 3, 60.0, False),  # its work stands still
    ],
)
def test_what_has_much_to_put_away_has_its_time_as_long_as_its_log_goes_on(
    turns: int, writes: int, patience_s: float, ends: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "QUIET_S", 1.0)
    argv = [sys.executable, "-c", PUTS_AWAY, str(turns), str(writes)]
    busy = spawn("busy", argv, log=tmp_path / "log", patience_s=patience_s)
    speaks(tmp_path / "log")
    waited = []
    busy.stop(grace_s=0.3, waiting=lambda: waited.append(True))
    assert not busy.alive()
    assert ("done" in (tmp_path / "log").read_text()) is ends
    assert waited == ([True] if patience_s else [])


@pytest.mark.slow
def test_a_stranger_who_has_the_same_process_id_is_never_signalled(process: Process) -> None:
    before = replace(process, started=process.started - 60)
    assert not before.alive()
    before.stop()
    before.kill()
    before.signal(signal.SIGKILL)
    assert process.alive()


@pytest.mark.slow
def test_a_dead_process_that_nobody_has_collected_is_not_alive() -> None:
    child = psutil.Popen([sys.executable, "-c", ""])
    dead = Process(name="dead", pid=child.pid, started=child.create_time())
    until = time.monotonic() + 30
    while dead.alive():
        assert time.monotonic() < until
        time.sleep(0.01)
    child.wait()


@pytest.mark.slow
def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="/nowhere/java"):
        spawn("broker", ["/nowhere/java"], log=tmp_path / "log")


def test_records_come_back_in_the_order_of_starting(tmp_path: Path) -> None:
    records = ProcessRecords(directory=tmp_path / "processes")
    later = Process(name="a", pid=2, started=20.0, log="a.log", port=9)
    earlier = Process(name="b", pid=1, started=10.0)
    for one in (later, earlier):
        records.write(one)
    assert records.all() == [earlier, later]
    assert records.read("a") == later
    records.remove("a")
    records.remove("a")
    assert records.read("a") is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "a"}', '{"name": "a", "pid": 1, "new": 2}'])
def test_a_record_that_was_cut_off_is_no_record(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    assert ProcessRecords(directory=tmp_path).all() == []


def test_an_interrupt_between_starting_and_recording_is_delivered_after_both(tmp_path: Path) -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interrupts_held():  # noqa: PT012 (what comes after the signal is the claim)
        signal.raise_signal(signal.SIGINT)
        done.append("recorded")
    assert done == ["recorded"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.json"
    write_atomically(path, "old")
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_a_lock_that_is_held_makes_the_next_one_wait(tmp_path: Path) -> None:
    class WaitedError(Exception):
        pass

    def waiting() -> None:
        raise WaitedError

    with locked(tmp_path / "lock"), pytest.raises(WaitedError), locked(tmp_path / "lock", waiting):
        pass
    with locked(tmp_path / "lock", waiting):
        pass


def test_free_ports_differ_and_are_free() -> None:
    found = free_ports(3)
    assert len(set(found)) == 3
    assert all(is_free(port) and not is_open(port) for port in found)
