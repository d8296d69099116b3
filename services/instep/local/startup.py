"""How far a starting broker has come, as its log tells.

After a crash Kafka recovers every log before it answers: thousands take minutes on a slow machine. So the limit is on the
time in which nothing happens, and the whole start may take an hour.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from instep.local.progress import Progress, silent

AT_MOST_S = 3600.0
"""A start that takes longer is given up, whatever its log says."""

_RECOVERING = re.compile(r"Recovering (\d+) logs from ")
_LOADED = re.compile(r"\((\d+)/(\d+) completed in ")
_STARTED = "Kafka Server started"


@dataclass(frozen=True, kw_only=True, slots=True)
class LogProgress:
    """What a log has said: how many logs are loaded, of how many; whether they are recovered; whether Kafka has started."""

    loaded: int = 0
    total: int = 0
    recovers: bool = False
    started: bool = False


def heard(before: LogProgress, text: str) -> LogProgress:
    """What a log has said when `text` comes after `before`."""
    recovering = _RECOVERING.search(text)
    # Two threads load logs: their lines may change places.
    counts = [(int(done), int(total)) for done, total in _LOADED.findall(text)]
    loaded, total = max(counts, default=(before.loaded, before.total))
    return replace(
        before,
        loaded=max(before.loaded, loaded),
        total=max(total, int(recovering[1]) if recovering else 0),
        recovers=before.recovers or recovering is not None,
        started=before.started or _STARTED in text,
    )


class Startup:
    """Watches the log of a broker from where it starts; `look` again and again, and ask whether it is `overdue`.

    Before Kafka has started, each new line is progress. Afterwards none is: a broker also logs the questions of who waits.
    """

    def __init__(
        self,
        log: Path,
        offset: int,
        *,
        quiet_s: float,
        progress: Progress = silent,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._offset = offset
        self._quiet_s = quiet_s
        self._progress = progress
        self._clock = clock
        self._began = self._moved = clock()
        self._said = LogProgress()

    @property
    def overdue(self) -> bool:
        """Whether nothing has happened for `quiet_s`, or the whole takes longer than any start should."""
        now = self._clock()
        return now - self._moved > self._quiet_s or now - self._began > AT_MOST_S

    def look(self) -> None:
        """Read the log's new lines, and report progress."""
        text = self._new_lines()
        if not text or self._said.started:
            return
        before, self._said = self._said, heard(self._said, text)
        self._moved = self._clock()
        if self._said.total and self._said != before:
            self._tell(first=not before.total)

    def _new_lines(self) -> str:
        with self._log.open("rb") as file:
            file.seek(self._offset)
            # A line that is only half there is left for the next look.
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        return whole.decode(errors="replace")

    def _tell(self, *, first: bool) -> None:
        logged = self._said
        text = (
            "Kafka was not ended in order: it recovers its logs"
            if logged.recovers
            else "Kafka loads its logs"
        )
        if first:
            self._progress(text, 0, logged.total)
        if logged.loaded:
            self._progress(text, logged.loaded, logged.total)
