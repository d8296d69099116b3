"""Starts a worker's process again when it has ended, later each time if it ends soon; for places without another
supervisor.
"""

import subprocess
import threading
import time
from collections.abc import Sequence
from types import FrameType

import structlog

from instep.service import stopping

_log = structlog.get_logger("instep.supervisor")

FINAL = frozenset((0, 1, 2))
"""Exit codes after which a worker is not started again: the worker stopped on request, or its settings are unusable."""

_LOOK_S = 0.05
_STOP_S = 5.0


class Restarts:
    """When to start an ended process again: after 0.5 s, and twice as long each time up to 30 s. Plain state.

    After a minute of running well the pause is 0.5 s again. Times are seconds of one monotonic clock.
    """

    def __init__(self, *, least: float = 0.5, most: float = 30.0, well: float = 60.0) -> None:
        self._least = least
        self._most = most
        self._well = well
        self._started: float | None = None
        self._again: float | None = None
        self.pause = 0.0
        """The length of the latest wait."""

    def due(self, now: float) -> bool:
        """Whether to start the process now; asked any number of times while the process is not running.

        True counts as the start.
        """
        if self._started is not None and self._again is None:
            longer = 0.0 if now - self._started >= self._well else 2 * self.pause
            self.pause = min(self._most, max(self._least, longer))
            self._again = now + self.pause
        if self._again is not None and now < self._again:
            return False
        self._started, self._again = now, None
        return True


class Supervisor:
    """Keeps a command running until SIGTERM, SIGHUP or Ctrl-C."""

    def __init__(self, command: Sequence[str], restarts: Restarts | None = None) -> None:
        self._command = command
        self._restarts = restarts or Restarts()
        self._stopping = threading.Event()

    def run(self) -> int:
        """Run until SIGTERM, SIGHUP, Ctrl-C or a final exit code; returns the exit code. For the main thread only."""
        stopping.handle(self._stop)
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
        """Run the command to its end. When asked to stop, terminate the process, and kill a process that takes too long."""
        process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        terminated_at: float | None = None
        while True:
            try:
                return process.wait(_LOOK_S)
            except subprocess.TimeoutExpired:
                if self._stopping.is_set() and terminated_at is None:
                    process.terminate()
                    terminated_at = time.monotonic()
                elif terminated_at is not None and time.monotonic() - terminated_at > _STOP_S:
                    process.kill()

    def _stop(self, number: int, _: FrameType | None) -> None:
        self._stopping.set()
