"""Services as processes of their own beside a local broker, as production runs them; and what their ports say."""

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from instep.errors import PlatformError
from instep.lanes.supervisor import Restarts
from instep.local.platform import Platform, shown
from instep.local.ports import LOOPBACK, free_ports
from instep.local.process import Process
from instep.network.access import service as principal

READY_WITHIN_S = 90.0
SERVICES = ("intake", "router")


RESTARTS = 3
"""How often a worker that ends by itself is started again."""


@dataclass(slots=True, kw_only=True)
class Service:
    """One worker, and its management port; `restarts` counts how often it had to be started again."""

    name: str
    port: int
    platform: Platform
    environ: Mapping[str, str] = field(repr=False)
    process: Process
    restarts: int = 0
    _due: Restarts = field(default_factory=Restarts)

    def __post_init__(self) -> None:
        self._due.due(time.monotonic())

    @property
    def address(self) -> str:
        """Where `/healthy`, `/ready` and `/metrics` are."""
        return f"http://{LOOPBACK}:{self.port}"

    def get(self, path: str) -> str:
        """What the management port answers; raises OSError when it does not, or says no."""
        with urllib.request.urlopen(f"{self.address}{path}", timeout=5) as answer:  # noqa: S310 -- http, ours
            return str(answer.read().decode())

    def wait_until_ready(self, within_s: float = READY_WITHIN_S) -> None:
        """Raises PlatformError, with the end of its log, when it ends or is not ready in time."""
        until = time.monotonic() + within_s
        problem = "it does not answer"
        while time.monotonic() < until:
            self.supervise()
            try:
                self.get("/ready")
                return
            except urllib.error.HTTPError as error:
                problem = error.read().decode().strip()
            except OSError as error:
                problem = str(error)
            time.sleep(0.1)
        raise PlatformError(f"{self.name} is not ready after {within_s:.0f} s: {problem}; {self._log()}")

    def supervise(self) -> None:
        """Start it again when it has ended, in good time; raises PlatformError when it keeps ending, with its log's end."""
        if self.process.alive() or not self._due.due(time.monotonic()):
            return
        if self.restarts == RESTARTS:
            raise PlatformError(f"{self.name} has ended by itself {RESTARTS + 1} times; {self._log()}")
        self.restarts += 1
        self.process = _start(self.platform, self.name, self.environ, self.port)

    def _log(self) -> str:
        tail = Path(self.process.log).read_text("utf-8", errors="replace").splitlines()[-8:]
        return "\n".join((f"its log is {shown(self.process.log)} and ends so:", *tail))


def start_services(platform: Platform) -> list[Service]:
    """Start one worker of each service; `platform.down` ends them. They wait for the network by themselves."""
    started = []
    for name, port in zip(SERVICES, free_ports(len(SERVICES)), strict=True):
        environ = _environ(os.environ, platform, name, port)
        process = _start(platform, name, environ, port)
        started.append(Service(name=name, port=port, platform=platform, environ=environ, process=process))
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
