"""Serves `/healthy`, `/ready` and `/metrics` over HTTP, and ends a process that makes no progress (the watchdog)."""

import os
import threading
import time
from collections.abc import Callable
from typing import Protocol

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from instep.errors import ConfigurationError

_log = structlog.get_logger("instep.health")


class Health(Protocol):
    """The service's view of its own health: None when well, a sentence that names the problem otherwise."""

    def unhealthy(self) -> str | None: ...
    def unready(self) -> str | None: ...


class ManagementServer:
    """`/healthy`, `/ready` and `/metrics` on a port of their own; up before the broker is reached."""

    def __init__(self, registry: CollectorRegistry, health: Health, host: str, port: int) -> None:
        self._registry = registry
        self._health = health
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Begin to answer; returns the port."""
        app = web.Application()
        app.router.add_get("/healthy", lambda _: _answer(self._health.unhealthy()))
        app.router.add_get("/ready", lambda _: _answer(self._health.unready()))
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigurationError(
                f"The management port {self._host}:{self._port} cannot be opened ({error.strerror}):"
                " set INSTEP_MANAGEMENT_PORT."
            ) from error
        port: int = self._runner.addresses[0][1]
        _log.info("management port open", host=self._host, port=port)
        return port

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})


async def _answer(problem: str | None) -> web.Response:
    return web.Response(text="ok\n") if problem is None else web.Response(status=503, text=f"{problem}\n")


class Watchdog(threading.Thread):
    """Ends the process when the event loop has not run for `seconds`, or when `stalled` gives a sentence.

    A supervisor starts the process again. The watchdog is a thread because a stuck loop cannot watch itself. `stalled`
    gives a sentence where there is work and no progress, None otherwise.
    """

    def __init__(self, seconds: float, stalled: Callable[[], str | None]) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._seconds = seconds
        self._stalled = stalled
        self._beat = time.monotonic()

    def beat(self) -> None:
        """Called by the event loop, at least each second."""
        self._beat = time.monotonic()

    def run(self) -> None:
        while True:
            asleep = time.monotonic()
            time.sleep(1.0)
            if time.monotonic() - asleep > 3.0:
                self._beat = time.monotonic()  # the whole process was stopped, not the loop alone
            problem = self._problem()
            if problem is not None:
                _log.error("watchdog", problem=problem)
                os._exit(75)

    def _problem(self) -> str | None:
        if time.monotonic() - self._beat > self._seconds:
            return f"the event loop has been silent for {self._seconds:g} s"
        return self._stalled()
