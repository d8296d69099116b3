"""Waiting on a slow machine: the whole wait has no limit, but the time without any change has one.

A busy machine gives late answers, never wrong ones. A wait that is given up names its goal, its duration, and a log file.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from aiokafka.errors import KafkaError

from instep.errors import NotConnectedError, PlatformError
from instep.local.platform import shown

T = TypeVar("T")

STILL_S = 300.0
"""How long nothing may move before a wait is given up."""
_LOOKS = 20
_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 5.0
NO_ANSWER = (NotConnectedError, KafkaError, OSError, TimeoutError)
"""The errors of a step without an answer."""


class Standstill:
    """Watches one wait. `waits_for` and `log` are for the sentence with which the wait is given up."""

    def __init__(
        self,
        waits_for: str,
        log: str | Path,
        *,
        within_s: float = STILL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._waits_for = waits_for
        self._log = log
        self._within_s = within_s
        self._clock = clock
        self._state: object = self
        self._moved_at = clock()
        self._looks = 0

    def look(self, state: object = None, *, last: BaseException | None = None) -> None:
        """Note how things stand: another `state` than last time is progress. Raises PlatformError when nothing moves.

        `last` is what the last try came to.
        A process that was itself stopped for long has not looked: its first looks afterwards end nothing.
        """
        now = self._clock()
        if state != self._state:
            self._state, self._moved_at, self._looks = state, now, 0
        self._looks += 1
        if self._looks > _LOOKS and now - self._moved_at > self._within_s:
            came = f" (the last try ended with {type(last).__name__})" if last else ""
            raise PlatformError(
                f"Nothing has moved for {self._within_s:.0f} s while waiting for {self._waits_for}{came}: see"
                f" {shown(self._log)}."
            ) from last


async def patiently(step: Callable[[], Awaitable[T]], still: Standstill) -> T:
    """Repeat a step until an answer comes; the step has to be safe to repeat. Raises PlatformError, as `still` does."""
    pause = _PAUSE_S
    while True:
        try:
            return await step()
        except NO_ANSWER as error:
            still.look(last=error)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)
