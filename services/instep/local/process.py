"""Processes of the local platform, known by process id and start time, so that no other process is ever signalled.

A process id alone is worth nothing after a crash: by then it may be somebody else's.
"""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

import psutil

from instep.errors import PlatformError
from instep.local.whole_file import write_atomically
from instep.service import stopping

GRACE_S = 8.0
"""How long a process may take to end after SIGTERM, before SIGKILL."""
QUIET_S = 20.0
"""How long the log of a process with patience may stand still after SIGTERM, before SIGKILL."""

_LOOK_EVERY_S = 0.2
# psutil works out the start from the clock, which may be set right after boot; ids do not come round that fast.
_SAME_START_S = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """A process that we have started. `started` is seconds since the epoch, as the operating system tells it.

    `patience_s` is for a process that has much to put away: how long it may take to end while its log goes on.
    """

    name: str
    pid: int
    started: float
    log: str = ""
    port: int | None = None
    patience_s: float = 0.0

    def alive(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        return self._found() is not None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it is still this very process."""
        if process := self._found():
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                pass

    def stop(self, grace_s: float = GRACE_S, waiting: Callable[[], None] = lambda: None) -> None:
        """End it: SIGTERM, `grace_s` or its patience, SIGKILL; returns when it is gone. Ending it again does nothing.

        `waiting` is called once when it takes longer than `grace_s` and still has time.
        """
        if (process := self._found()) is None:
            return
        self.signal(signal.SIGTERM)
        began = moved = time.monotonic()
        size, said_so = self._log_size(), False
        while not _gone(process):
            now = time.monotonic()
            if size != (size := self._log_size()):
                moved = now
            if now - began < grace_s:
                continue
            if now - began > self.patience_s or now - moved > QUIET_S:
                self.kill()
            elif not said_so:
                said_so = True
                waiting()

    def _log_size(self) -> int:
        try:
            return Path(self.log).stat().st_size
        except OSError:
            return 0

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        if (process := self._found()) is None:
            return
        self.signal(signal.SIGKILL)
        try:
            process.wait(GRACE_S)
        except psutil.TimeoutExpired as stuck:
            raise PlatformError(
                f"{self.name} (process {self.pid}) does not end: the system holds it."
            ) from stuck

    def _found(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _SAME_START_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def spawn(
    name: str,
    argv: Sequence[str | os.PathLike[str]],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    port: int | None = None,
    patience_s: float = 0.0,
    records: "ProcessRecords | None" = None,
) -> Process:
    """Start a process in a session of its own (a Ctrl-C in the terminal does not reach it), output appended to `log`.

    With `records` it is written down before an interrupt can come between. Raises PlatformError if it cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with interrupts_held(), log.open("ab") as output:
        try:
            child = subprocess.Popen(
                argv,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise PlatformError(f"{name} could not be started: {argv[0]}: {error.strerror}.") from error
        _collect(child)
        process = Process(
            name=name,
            pid=child.pid,
            started=_start_of(child.pid),
            log=str(log),
            port=port,
            patience_s=patience_s,
        )
        if records:
            try:
                records.write(process)
            except OSError:
                # On a full disk: a process that nothing tells of must not stay.
                process.kill()
                raise
    return process


def this_process(name: str, port: int | None) -> Process:
    """The process that runs this very code, under a name."""
    return Process(name=name, pid=os.getpid(), started=_start_of(os.getpid()), port=port)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessRecords:
    """What has been started and not yet stopped: one JSON file a process, in the order of starting."""

    directory: Path

    def write(self, process: Process) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path(process.name), json.dumps(asdict(process)))

    def read(self, name: str) -> Process | None:
        try:
            return Process(**json.loads(self._path(name).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            # A record cut off by a full disk tells nothing; `doctor` finds what it may have stood for.
            return None

    def all(self) -> list[Process]:
        records = (self.read(path.stem) for path in self.directory.glob("*.json"))
        return sorted((record for record in records if record), key=lambda record: record.started)

    def remove(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.directory / f"{name}.json"


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold back Ctrl-C, SIGTERM and SIGHUP for a moment, and deliver them after it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals: list[int] = []

    def hold(number: int, _: FrameType | None) -> None:
        signals.append(number)

    before = {number: signal.getsignal(number) for number in stopping.ALL}
    stopping.handle(hold)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for late in signals:
            signal.raise_signal(late)


def _gone(process: psutil.Process) -> bool:
    try:
        process.wait(_LOOK_EVERY_S)
    except psutil.TimeoutExpired:
        return False
    return True


def _collect(child: subprocess.Popen[bytes]) -> None:
    """Take the child's end note when it comes: it is no zombie then, and Popen does not complain that it still runs."""
    threading.Thread(target=child.wait, name=f"collect-{child.pid}", daemon=True).start()


def _start_of(pid: int) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return time.time()
