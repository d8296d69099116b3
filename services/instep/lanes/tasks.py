"""Runs the background tasks of a worker. An unexpected error in a task ends the process, so no task dies unseen."""

import asyncio
from collections.abc import Awaitable, Callable


class Tasks:
    """The tasks that are under way. `failed` is called with an unexpected error."""

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        self._failed = failed
        self._running: list[asyncio.Task[None]] = []

    def start(self, work: Callable[[], Awaitable[object]]) -> None:
        """Begin a task."""
        self._running = [task for task in self._running if not task.done()]
        self._running.append(asyncio.ensure_future(self._guard(work)))

    def cancel(self) -> None:
        """Cancel every task that is under way."""
        for task in self._running:
            task.cancel()

    async def _guard(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  # whatever the error is, this process must not go on
            self._failed(error)
