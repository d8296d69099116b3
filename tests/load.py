"""`make demo` again and again beside a load: a machine that is busy makes it late, and never wrong.

    python -m tests.load --times 3 --load 8 --network uk

The load is one writer that syncs and, for the rest, loops that are always ready to run. They end with this program, whatever
becomes of it: each looks whether its parent lives. Exit code 1 when a run did not hold or left something running.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

INSTEP = Path(sys.executable).with_name("instep")
_LOOP = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""
_WRITER = """
import os, sys
parent, block = os.getppid(), bytes(65536)
with open(sys.argv[1], "wb") as file:
    while os.getppid() == parent:
        file.seek(0)
        for _ in range(64):
            file.write(block)
            file.flush()
            os.fsync(file.fileno())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One demo: how long it took, its exit code, the last it said, and commands that it left running."""

    seconds: float
    code: int
    last_said: str
    left: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return self.code == 0 and not self.left


@contextmanager
def load(count: int, directory: Path) -> Iterator[None]:
    """`count` processes that are always at work, one of them a writer that syncs in `directory`; none for 0."""
    commands = [["-c", _WRITER, str(directory / "synced")]] * min(1, count) + [["-c", _LOOP]] * (count - 1)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            processes.append(subprocess.Popen([sys.executable, *command], stdin=subprocess.DEVNULL))
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def run(network: str, home: Path) -> Run:
    """One demo in a directory of its own; what it says is left there in `said`."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("INSTEP_")}
    said = home / "said"
    began = time.monotonic()
    with said.open("wb") as output:
        demo = subprocess.Popen(
            [INSTEP, "demo", "--network", network],
            cwd=home,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C here is passed on once, below
        )
    try:
        code = demo.wait()
    finally:
        demo.terminate()  # nothing happens where it has ended
        demo.wait()
    seconds = time.monotonic() - began
    lines = said.read_text("utf-8", errors="replace").strip().splitlines()
    return Run(seconds=seconds, code=code, last_said=lines[-1] if lines else "", left=running_in(home))


def running_in(home: Path) -> tuple[str, ...]:
    """Commands of processes that name the directory, or work in it."""
    found = []
    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())
            dead = process.status() == psutil.STATUS_ZOMBIE
            if (
                not dead
                and process.pid != os.getpid()
                and (str(home) in command or process.cwd() == str(home))
            ):
                found.append(command)
        except psutil.Error:
            continue
    return tuple(found)


def main() -> int:
    """Run the demos and tell of each; the directory of one that did not hold is kept."""
    parser = argparse.ArgumentParser(description="`instep demo` beside a load.")
    parser.add_argument("--times", type=int, default=20, help="how often, one after another")
    parser.add_argument("--load", type=int, default=8, help="processes that are always at work")
    parser.add_argument("--network", choices=("uk", "sample"), default="uk")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    failed = 0
    for number in range(1, given.times + 1):
        home = Path(tempfile.mkdtemp(prefix="instep-demo-"))
        with tempfile.TemporaryDirectory() as scratch, load(given.load, Path(scratch)):
            one = run(given.network, home)
        failed += not one.holds
        _tell(number, one, home)
    print(f"{given.times - failed} of {given.times} held.")
    return 1 if failed else 0


def _tell(number: int, one: Run, home: Path) -> None:
    verdict = (
        "holds" if one.holds else f"DOES NOT HOLD (exit code {one.code}; {home} is kept): {one.last_said}"
    )
    print(f"{number:3}  {one.seconds:6.1f} s  load {os.getloadavg()[0]:4.1f}  {verdict}", flush=True)
    for command in one.left:
        print(f"     left running: {command[:100]}", flush=True)
    if one.holds:
        shutil.rmtree(home)


if __name__ == "__main__":
    sys.exit(main())
