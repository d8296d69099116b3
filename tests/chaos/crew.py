"""The workers of a run, and what starts again those that have ended, as the product's supervisor does."""

import asyncio
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from instep.kafka.connection import Connection
from instep.network.services import SERVICES
from instep.service.supervisor import Restarts
from tests.chaos import machine
from tests.chaos.disk import Disk
from tests.kafka.services import Worker

SESSION_S = 6.0
"""After which the group gives a silent worker's lanes to another."""

_SETTINGS = {
    "INSTEP_SESSION_TIMEOUT_SECONDS": str(SESSION_S),
    "INSTEP_HEARTBEAT_SECONDS": "1",
    # Small fetches, so that a worker is always in the middle of something.
    "INSTEP_POLL_RECORDS": "500",
}

LIMIT_S = 12
"""The limit of a transaction for the first worker of each service, so that outlasting it takes no minute.

The second keeps the product's own.
"""

_LAG = re.compile(
    r'^kafka_consumergroup_lag\{consumergroup="(?P<group>[^"]+)",partition="(?P<partition>\d+)",topic="(?P<topic>[^"]+)"\}'
    r" (?P<lag>\S+)$",
    re.MULTILINE,
)


class Member:
    """One worker, in a directory of its own; `wanted` says whether the supervisor keeps it running."""

    def __init__(
        self, name: str, service: str, connection: Connection, home: Path, limit_s: float | None = None
    ) -> None:
        self.name = name
        self.service = service
        self.wanted = False
        self.starts = 0
        self._directory = home / name
        self._directory.mkdir(parents=True)
        settings = _SETTINGS | {machine.HOME: str(self._directory)}
        if limit_s is not None:
            settings["INSTEP_TRANSACTION_TIMEOUT_SECONDS"] = f"{limit_s:g}"
        self.worker = _OnItsMachine(service, "tests.chaos.machine", connection, self._directory, settings)
        self._restarts = Restarts(most=8.0, well=10.0)  # sooner than in production, since many are killed

    @property
    def state(self) -> Path:
        return self._directory / "state"

    def running(self) -> bool:
        return self.worker.process is not None and self.worker.exit_code is None

    def supervise(self) -> None:
        """Start it if it should run, does not, and has waited long enough."""
        if self.wanted and not self.running() and self._restarts.due(time.monotonic()):
            self.starts += 1
            self.worker.start()

    def wipe(self) -> None:
        """Empty its state directory, as a machine that is replaced would."""
        shutil.rmtree(self.state, ignore_errors=True)

    def set_clock(self, hours: int) -> None:
        """From its next start on its clock is off by so much."""
        file = self._directory / machine.CLOCK
        if hours:
            file.write_text(str(hours))
        else:
            file.unlink(missing_ok=True)

    def cut_off(self, port: int | None) -> None:
        """It no longer reaches the broker at this port; with None it reaches all."""
        file = self._directory / machine.CUT
        if port is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(str(port))

    def says(self) -> str:
        """Why it is not ready; "" where it is, or does not run."""
        return (self.worker.not_ready_because() or "").strip() if self.running() else ""

    def text(self) -> str:
        """All that it has logged, in every one of its lives."""
        return self.worker.log.read_text(errors="replace") if self.worker.log.exists() else ""

    def send(self, number: signal.Signals) -> None:
        assert self.worker.process is not None
        self.worker.process.send_signal(number)

    def lags(self) -> dict[tuple[str, str, int], int]:
        """What it says itself is left, by (group, topic, partition); nothing while it does not answer."""
        try:
            page = self.worker.get("/metrics") if self.running() else ""
        except OSError:
            return {}
        return {
            (found["group"], found["topic"], int(found["partition"])): int(float(found["lag"]))
            for found in _LAG.finditer(page)
        }

    async def ready(self, seconds: float = 90.0) -> None:
        """Return when it has claimed its lanes; raises TimeoutError when it does not come to that."""
        until = time.monotonic() + seconds
        while True:
            said = await asyncio.to_thread(self.worker.not_ready_because) if self.running() else "not running"
            if said is None:
                return
            if time.monotonic() > until:
                raise TimeoutError(
                    f"{self.name} is not ready after {seconds:g} s: {said}\n{self.worker.tail()}"
                )
            await asyncio.sleep(0.1)


class _OnItsMachine(Worker):
    """Started through `tests.chaos.machine`."""

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.machine", self.service],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


class Crew:
    """All members; `supervise` runs until it is cancelled."""

    def __init__(self, connection: Connection, home: Path) -> None:
        self.members = [
            Member(f"{service}-{number}", service, connection, home, LIMIT_S if number == 1 else None)
            for number in (1, 2, 3)
            for service in SERVICES
        ]
        for member in self.members[: 2 * len(SERVICES)]:
            member.wanted = True
        self.with_disk = self.members[: len(SERVICES)]
        """One of each service, whose disk can be filled where that is possible."""
        self.disks = [Disk(member.state) for member in self.with_disk]

    @property
    def can_fill_disks(self) -> bool:
        return all(disk.possible for disk in self.disks)

    @property
    def wanted(self) -> list[Member]:
        """Those that the supervisor keeps running; the third of each service joins and leaves."""
        return [member for member in self.members if member.wanted]

    def of(self, service: str) -> list[Member]:
        """The wanted members of a service."""
        return [member for member in self.wanted if member.service == service]

    @property
    def spare(self) -> list[Member]:
        return self.members[2 * len(SERVICES) :]

    async def supervise(self) -> None:
        while True:
            for member in self.members:
                member.supervise()
            await asyncio.sleep(0.1)

    def end(self) -> None:
        """End every one, by its id."""
        for member in self.members:
            member.wanted = False
            if member.running():
                member.worker.kill()
        for disk in self.disks:
            disk.unmount()
