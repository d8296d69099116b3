"""Services as processes of their own beside a local broker, as production runs them; and what their ports say."""

import asyncio
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from instep.errors import PlatformError
from instep.local.metrics import Exposition
from instep.local.platform import Platform, shown
from instep.local.ports import LOOPBACK, free_ports
from instep.local.process import Process
from instep.local.progress import Progress
from instep.local.standstill import Standstill, patiently
from instep.network.access import service_principal as principal
from instep.network.services import SERVICES
from instep.service.supervisor import Restarts

RESTARTS = 3
"""How often in a row a worker that ends by itself is started again; a minute's run ends the row."""
WELL_S = 60.0
_POLL_S = 0.1
_ANSWER_S = 5.0
_TELL_S = 10.0


@dataclass(slots=True, kw_only=True)
class LocalWorker:
    """One worker, and its management port. `restarts` counts how often the worker had to be started again."""

    name: str
    port: int
    platform: Platform
    environ: Mapping[str, str] = field(repr=False)
    process: Process
    restarts: int = 0
    _due: Restarts = field(default_factory=Restarts)
    _in_a_row: int = 0
    _started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._due.due(time.monotonic())

    @property
    def log(self) -> Path:
        """The worker's log file."""
        return Path(self.process.log)

    @property
    def address(self) -> str:
        """Where `/healthy`, `/ready` and `/metrics` are."""
        return f"http://{LOOPBACK}:{self.port}"

    def get(self, path: str) -> str:
        """The management port's answer; raises OSError without an answer, or on an HTTP error."""
        with urllib.request.urlopen(f"{self.address}{path}", timeout=_ANSWER_S) as answer:  # noqa: S310 -- http, ours
            return str(answer.read().decode())

    async def wait_until_ready(self, tell: Progress) -> None:
        """Return when it is ready; `tell` hears now and then for what it waits. Raises PlatformError when nothing moves."""
        still = Standstill(f"{self.name} to be ready", self.log)
        told_at = time.monotonic()
        while problem := await asyncio.to_thread(self.unready):
            if time.monotonic() - told_at > _TELL_S:
                told_at = time.monotonic()
                tell(f"waiting for {self.name}: {problem}")
            still.look((problem, self.restarts, self.log.stat().st_size))
            self.supervise()
            await asyncio.sleep(_POLL_S)

    def unready(self) -> str:
        """The worker's own reason for not being ready; "" where the worker is ready."""
        try:
            self.get("/ready")
        except urllib.error.HTTPError as error:
            return error.read().decode().strip()
        except OSError:
            return "it does not answer yet"
        return ""

    async def metrics(self) -> Exposition:
        """The worker's metrics. Raises PlatformError where no answer comes."""
        still = Standstill(f"{self.name} to tell its metrics", self.log)
        return Exposition(await patiently(lambda: asyncio.to_thread(self.get, "/metrics"), still))

    def supervise(self) -> None:
        """Start an ended worker again, after a back-off; raises PlatformError, with the log's end, when it keeps ending."""
        now = time.monotonic()
        if self.process.alive():
            self._in_a_row = 0 if now - self._started > WELL_S else self._in_a_row
            return
        if not self._due.due(now):
            return
        if self._in_a_row == RESTARTS:
            raise PlatformError(
                f"{self.name} has ended by itself {RESTARTS + 1} times in a row; {self._tail()}"
            )
        self._in_a_row += 1
        self.restarts += 1
        self._started = now
        self.process = _start(self.platform, self.name, self.environ, self.port)

    def _tail(self) -> str:
        tail = self.log.read_text("utf-8", errors="replace").splitlines()[-8:]
        return "\n".join((f"its log is {shown(self.log)} and ends so:", *tail))


def start_services(platform: Platform) -> list[LocalWorker]:
    """Start one worker of each service; `platform.down` ends them. They wait for the network by themselves."""
    started = []
    for name, port in zip(SERVICES, free_ports(len(SERVICES)), strict=True):
        environ = _environ(os.environ, platform, name, port)
        process = _start(platform, name, environ, port)
        started.append(LocalWorker(name=name, port=port, platform=platform, environ=environ, process=process))
    return started


def _start(platform: Platform, name: str, environ: Mapping[str, str], port: int) -> Process:
    return platform.start(name, [sys.executable, "-m", f"instep.{name}"], env=environ, port=port)


def _environ(environ: Mapping[str, str], platform: Platform, name: str, port: int) -> dict[str, str]:
    """None of the user's own settings: a variable for another cluster must not send the demo's records there."""
    inherited = {name: value for name, value in environ.items() if not name.startswith("INSTEP_")}
    connection = platform.connection()
    return inherited | {
        "INSTEP_BOOTSTRAP_SERVERS": connection.bootstrap_servers,
        "INSTEP_SASL_USERNAME": principal(name),
        "INSTEP_SASL_PASSWORD_FILE": str(platform.secrets / principal(name)),
        "INSTEP_SSL_CA_FILE": str(connection.ssl_ca_file),
        "INSTEP_STATE_DIR": str(platform.directory / "state"),
        "INSTEP_MANAGEMENT_PORT": str(port),
    }
