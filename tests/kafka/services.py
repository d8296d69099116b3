"""Service workers as processes of their own, for tests that kill them; ended by process id, whatever happens."""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from instep.kafka.connection import Connection
from instep.local.ports import free_ports

_ENDS_WITHIN_S = 8.0


class Worker:
    """One worker of a service. `start` again after `kill` is what a supervisor does."""

    def __init__(
        self, service: str, module: str, connection: Connection, directory: Path, environ: Mapping[str, str]
    ) -> None:
        self.service = service
        self._module = module
        self.port = free_ports(1)[0]
        self.log = directory / f"{service}-{self.port}.log"
        self.environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(Path.home()),
            "INSTEP_BOOTSTRAP_SERVERS": connection.bootstrap_servers,
            "INSTEP_SECURITY_PROTOCOL": connection.security_protocol,
            "INSTEP_STATE_DIR": str(directory / "state"),
            "INSTEP_MANAGEMENT_PORT": str(self.port),
            # A dead worker's lanes move on sooner than in production, so that a test waits less.
            "INSTEP_SESSION_TIMEOUT_SECONDS": "6",
            "INSTEP_HEARTBEAT_SECONDS": "1",
            **environ,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self._module],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        assert self.process is not None
        return self.process.poll()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> float:
        """Ask it to stop; returns the seconds that it took. Fails if it has to be killed."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.service} did not stop; its log is {self.log}") from None
        return time.monotonic() - began

    def get(self, path: str) -> str:
        """What the management port answers; raises OSError while it is not ready or not there."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
            return str(answer.read().decode())

    def not_ready_because(self) -> str | None:
        """What it says it is waiting for; None when it is ready."""
        try:
            self.get("/ready")
        except urllib.error.HTTPError as error:
            return str(error.read().decode())
        except OSError as error:
            return str(error)
        return None

    def wait_until_ready(self, seconds: float = 120.0) -> None:
        until = time.monotonic() + seconds
        while (said := self.not_ready_because()) is not None:
            if self.exit_code is not None:
                raise AssertionError(f"{self.service} ended with {self.exit_code}:\n{self.tail()}")
            if time.monotonic() > until:
                raise AssertionError(f"{self.service} is not ready: {said}\n{self.tail()}")
            time.sleep(0.1)

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]


class Fleet:
    """The workers of one test."""

    def __init__(self, connection: Connection, directory: Path) -> None:
        self._connection = connection
        self._directory = directory
        self.workers: list[Worker] = []

    def start(self, service: str, *, module: str = "", **environ: str) -> Worker:
        """Start one more worker of a service, with these settings besides the usual ones."""
        worker = Worker(service, module or f"instep.{service}", self._connection, self._directory, environ)
        self.workers.append(worker)
        worker.start()
        return worker

    def wait_until_ready(self) -> None:
        for worker in self.workers:
            worker.wait_until_ready()


@contextmanager
def fleet(connection: Connection, directory: Path) -> Iterator[Fleet]:
    """Workers that are gone when the test is over, in order where they can, so that their group has no member left."""
    ours = Fleet(connection, directory)
    try:
        yield ours
    finally:
        left = [worker.process for worker in ours.workers if worker.process is not None]
        for process in left:
            process.terminate()
        until = time.monotonic() + _ENDS_WITHIN_S
        for process in left:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
