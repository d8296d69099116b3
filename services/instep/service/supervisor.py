"""Starts a worker again when it has ended, later each time that it ends soon; for where nothing else supervises it."""

import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from types import FrameType

import structlog

_log = structlog.get_logger("instep.supervisor")

FINAL = frozenset((0, 1, 2))
"""Exit codes after which a worker is not started again: it was told to stop, or its settings cannot be used."""

_LOOK_S = 0.05
_STOP_S = 5.0


class Restarts:
    """When a process that has ended is started again: after 0.5 s, and twice as long each time up to 30 s.

    One that has run well for a minute begins anew at 0.5 s. Times are seconds of one monotonic clock.
    """

    def __init__(self, *, least: float = 0.5, most: float = 30.0, well: float = 60.0) -> None:
        self._least = least
        self._most = most
        self._well = well
        self._started: float | None = None
        self._again: float | None = None
        self.pause = 0.0
        """How long the latest wait is, or was."""

    def due(self, now: float) -> bool:
        """Asked while it is not running, any number of times: whether to start it now. True is taken for its start."""
        if self._started is not None and self._again is None:
            longer = 0.0 if now - self._started >= self._well else 2 * self.pause
            self.pause = min(self._most, max(self._least, longer))
            self._again = now + self.pause
        if self._again is not None and now < self._again:
            return False
        self._started, self._again = now, None
        return True


class Supervisor:
    """Keeps one command running until it is told to stop."""

    def __init__(self, command: Sequence[str], restarts: Restarts | None = None) -> None:
        self._command = command
        self._restarts = restarts or Restarts()
        self._stopping = threading.Event()

    def run(self) -> int:
        """Run until SIGTERM, Ctrl-C or an exit code that is final; returns the exit code. Call it in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._stopping.wait(_LOOK_S):
            if not self._restarts.due(time.monotonic()):
                continue
            code = self._once()
            if self._stopping.is_set():
                break
            if code in FINAL:
                return code
            self._restarts.due(time.monotonic())
            _log.warning("worker ended", exit_code=code, again_in_seconds=self._restarts.pause)
        return 0

    def _once(self) -> int:
        """Run it until it ends; passes on that it is to stop, and ends it when it takes too long over that."""
        process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        told: float | None = None
        while True:
            try:
                return process.wait(_LOOK_S)
            except subprocess.TimeoutExpired:
                if self._stopping.is_set() and told is None:
                    process.terminate()
                    told = time.monotonic()
                elif told is not None and time.monotonic() - told > _STOP_S:
                    process.kill()

    def _stop(self, number: int, _: FrameType | None) -> None:
        self._stopping.set()
