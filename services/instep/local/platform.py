"""The local platform of one directory: what `instep up`, `down` and `status` do.

    .instep/
        connection.json         how to reach Kafka; the other commands pick it up
        port                    the port of the last time, which the next `up` takes again
        secrets/<principal>     the secret of everybody who may sign in, made once
        processes/<name>.json   what has been started and not yet stopped (id and start time)
        kafka/                  the broker's settings, certificates and data
        logs/<name>.log         what each process says
        workers/<name>.json     who runs a service in a terminal of its own (`workers`)

The broker is secured as production is, and nothing here connects to it in plain text. `up` makes the first users, with the
broker's own certificate: who applies a network, and the services, which may be started before there is one.

`up` and `down` hold `.instep/lock`, so two at once take their turns.
"""

import asyncio
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
from aiokafka.admin import AIOKafkaAdminClient

from instep.errors import InstepError, PlatformError
from instep.kafka.connection import FILE_NAME, Connection, from_env
from instep.kafka.secrets import secret
from instep.local.broker import MARK, Broker
from instep.local.kafka import cluster_at
from instep.local.lock import locked
from instep.local.ports import LOOPBACK, is_free
from instep.local.process import Process, ProcessRecords, spawn
from instep.local.progress import Progress, silent
from instep.local.whole_file import write_atomically
from instep.network.access import ADMIN, service_principal
from instep.network.services import SERVICES
from instep.provision.access_wire import set_secrets

DEFAULT_PORT = 19092
"""Where Kafka listens when the port is free; else a free one is chosen, and said."""
_USERS_WITHIN_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Up:
    """The result of `up`: Kafka's address, whether Kafka ran already, and notes for the user."""

    bootstrap_servers: str
    already: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformStatus:
    """One process of the platform: `state` is up, down, ended (without being told to) or not answering."""

    name: str
    state: str
    pid: int | None = None
    address: str | None = None
    log: str | None = None


class Platform:
    """The local platform whose state lies in `directory`; `jvm` are Java's flags where the broker's own do not suit."""

    def __init__(self, directory: Path = Path(".instep"), *, jvm: Sequence[str] | None = None) -> None:
        self.directory = directory.resolve()
        self._jvm = jvm
        self.records = ProcessRecords(directory=self.directory / "processes")
        self.logs = self.directory / "logs"
        self.connection_file = self.directory / FILE_NAME
        self.secrets = self.directory / "secrets"
        self.port_file = self.directory / "port"

    def up(self, port: int | None = None, progress: Progress = silent) -> Up:
        """Start Kafka unless it is up, and wait until it answers; heals what a crash has left.

        `port` has to be free. Without it Kafka keeps the port of the last time (at first the default), and takes another
        where that port is in use. Raises PlatformError.
        """
        with self._turn(progress):
            if address := self.address():
                return Up(bootstrap_servers=address, already=True)
            before = self.records.read(Broker.name)
            notes = self._clear_wreckage(progress)
            # The same port as before, which programs may have been given.
            wanted = port or (before and before.port) or self._last_port() or DEFAULT_PORT
            broker = Broker(
                self.directory / "kafka",
                port=wanted if port or is_free(wanted) else None,
                secured=True,
                jvm=self._jvm,
                log=self.logs / f"{Broker.name}.log",
                records=self.records,
            )
            broker.start(progress)
            write_atomically(self.port_file, f"{broker.port}\n")
            if broker.port != wanted:
                notes.append(f"Port {wanted} is in use by another program, so Kafka has port {broker.port}.")
            self._make_first_users(broker)
            self._write_connection(broker)
            self._wait_for_first_users()
            return Up(bootstrap_servers=broker.bootstrap_servers, already=False, notes=tuple(notes))

    def start(
        self, name: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None, port: int | None = None
    ) -> Process:
        """Start a service beside the broker; `status` shows it and `down` ends it. Raises PlatformError."""
        if (before := self.records.read(name)) and before.alive():
            raise PlatformError(f"{name} is running already (process {before.pid}).")
        return spawn(name, argv, env=env, port=port, log=self.logs / f"{name}.log", records=self.records)

    def stop(self, name: str) -> None:
        """End one process that was started here; nothing happens when it does not run."""
        if process := self.records.read(name):
            process.stop()
            self.records.remove(name)

    def down(self, progress: Progress = silent, delete_data: bool = False) -> list[str]:
        """End whatever has been started here, services before the broker; returns their names."""
        if not self.directory.exists():
            return []
        with self._turn(progress):
            running = [process for process in self._in_order_of_ending() if process.alive()]
            self.connection_file.unlink(missing_ok=True)
            self._end([*running, *self._strays()], progress)
            for record in self.records.all():
                self.records.remove(record.name)
            if delete_data:
                shutil.rmtree(self.directory / "kafka", ignore_errors=True)
            return [process.name for process in running]

    def status(self) -> list[PlatformStatus]:
        """Every process that has been started here and not stopped, the broker first; it is always listed."""
        broker = self.records.read(Broker.name)
        others = [process for process in self.records.all() if process.name != Broker.name]
        first = self._standing(broker) if broker else PlatformStatus(name=Broker.name, state="down")
        return [first, *(self._standing(process) for process in others)]

    def address(self) -> str | None:
        """Where the Kafka that was started here answers; None when it does not."""
        broker = self.records.read(Broker.name)
        if not (broker and broker.alive() and self.connection_file.exists()):
            return None
        try:
            return f"{LOOPBACK}:{broker.port}" if cluster_at(self.connection()) else None
        except InstepError:
            return None  # what `up` left is damaged, and the next one writes it anew

    def connection(self) -> Connection:
        """How whoever applies a network reaches this platform, whatever the environment says; raises NotConnectedError."""
        return from_env({}, self.directory)

    def _last_port(self) -> int | None:
        """The port of the last time; None before the first, and where the file is damaged."""
        try:
            port = int(self.port_file.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return port if 0 < port < 65_536 else None

    def _turn(self, progress: Progress) -> AbstractContextManager[None]:
        return locked(
            self.directory / "lock", lambda: progress("waiting for another `instep up` or `instep down` here")
        )

    def _standing(self, process: Process) -> PlatformStatus:
        address = f"{LOOPBACK}:{process.port}" if process.port else None
        if not process.alive():
            state = "ended"
        elif process.name == Broker.name and not self.address():
            state = "not answering"
        else:
            state = "up"
        return PlatformStatus(
            name=process.name, state=state, pid=process.pid, address=address, log=shown(process.log)
        )

    def _clear_wreckage(self, progress: Progress) -> list[str]:
        """End a broker that does not answer, and forget processes that have ended by themselves; returns notes for the user.

        Services that live are left alone: they wait for the broker to come back.
        """
        notes = []
        for process in self.records.all():
            if not process.alive():
                notes.append(
                    f"{process.name} (process {process.pid}) had ended by itself: see {shown(process.log)}."
                )
                self.records.remove(process.name)
            elif process.name == Broker.name:
                notes.append(f"A broker that does not answer (process {process.pid}) was ended.")
                self._end([process], progress)
        self._end(self._strays(), progress)
        self.connection_file.unlink(missing_ok=True)
        return notes

    def _in_order_of_ending(self) -> list[Process]:
        """Services before the broker, which they need to end in order; it may be younger, started again after a crash."""
        return sorted(self.records.all(), key=lambda process: (process.name == Broker.name, -process.started))

    def _end(self, processes: Sequence[Process], progress: Progress) -> None:
        for process in processes:
            progress(f"ending {process.name}")
            waits = f"{process.name} writes its records to disk: this may take minutes"
            process.stop(waiting=partial(progress, waits))
            self.records.remove(process.name)

    def _strays(self) -> list[Process]:
        """Brokers of this very directory whose record is lost."""
        recorded = {process.pid for process in self.records.all()}
        here = self.directory / "kafka"
        return [
            process
            for directory, process in marked_brokers()
            if directory == here and process.pid not in recorded
        ]

    def _make_first_users(self, broker: Broker) -> None:
        first = (ADMIN, *(service_principal(name) for name in SERVICES))
        secrets = {principal: secret(self.secrets, principal) for principal in first}
        asyncio.run(_set_secrets(broker.own_connection, secrets))

    def _wait_for_first_users(self) -> None:
        until = time.monotonic() + _USERS_WITHIN_S
        while not self.address():
            if time.monotonic() > until:
                raise PlatformError(
                    f"Kafka does not let its first users in; its log is {self.logs / 'broker.log'}."
                )
            time.sleep(0.05)

    def _write_connection(self, broker: Broker) -> None:
        connection = {
            "bootstrap_servers": broker.bootstrap_servers,
            "security_protocol": "SASL_SSL",
            "sasl_username": ADMIN,
            "sasl_password_file": str(self.secrets / ADMIN),
            "ssl_ca_file": str(broker.tls.ca),
            "secrets_dir": str(self.secrets),
        }
        write_atomically(self.connection_file, json.dumps(connection, indent=1) + "\n")


async def _set_secrets(connection: Connection, secrets: Mapping[str, str]) -> None:
    admin = AIOKafkaAdminClient(**connection.kafka())
    try:
        await admin.start()
        await set_secrets(admin, connection.sasl_mechanism, secrets)
    finally:
        await admin.close()


def marked_brokers() -> list[tuple[Path, Process]]:
    """Every local broker of Instep on this machine that we may look at, and its directory."""
    brokers = []
    for process in psutil.process_iter():
        try:
            for argument in process.cmdline():
                if argument.startswith(MARK):
                    broker = Process(name=Broker.name, pid=process.pid, started=process.create_time())
                    brokers.append((Path(argument.removeprefix(MARK)), broker))
        except psutil.Error:
            continue
    return brokers


def shown(path: str | Path) -> str:
    """A path as short as it can be from where the user stands."""
    whole, here = Path(path), Path.cwd()
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(whole)
