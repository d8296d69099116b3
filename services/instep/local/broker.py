"""A broker: one real Kafka (KRaft, broker and controller in one process) on loopback, in a directory of its own.

Used by `instep up`, by the demo and by every test against Kafka. Blocking; from a coroutine, call it in a thread.
"""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from instep.errors import PlatformError
from instep.kafka.connection import Connection
from instep.local import aot, java
from instep.local.jars import Jars, kafka_jars
from instep.local.kafka import cluster_at, cluster_of, prepare, server_properties
from instep.local.ports import LOOPBACK, free_ports, is_free, is_open
from instep.local.process import Process, ProcessRecords, interrupts_held, spawn
from instep.local.progress import Progress, silent
from instep.local.properties import ENCODING
from instep.local.registration import controller_alone, is_held, wait_until_released
from instep.local.secured import Tls, secured_properties
from instep.local.startup import Startup

READY_WITHIN_S = 60.0
"""How long a broker that starts may make no progress."""
PATIENCE_S = 600.0
"""How long a broker may take to end in order: 2,200 partitions took 17 s, most of it to write their logs to disk."""
MARK = "-Dinstep.local="
"""Stands in each broker's command line, before its directory: by it a broker is found whose record is lost."""

_PORT_ATTEMPTS = 3
# With less room Kafka cannot even write into its log why it ends.
_LEAST_BYTES = 1 << 20


class Broker:
    """One Kafka in `directory`. `start` makes the broker ready, `stop` and `kill` end it, and `start` may follow again.

    The data stay in the directory. Without `port` a free one is chosen at the first start, and kept while it is free.
    `secured` is as production is: TLS, users, an authorizer. Without it, for tests and benchmarks that say so, anybody on
    this machine may do anything. `settings` are added to the server's own, and win.
    """

    name = "broker"

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        secured: bool = False,
        settings: str = "",
        jvm: Sequence[str] | None = None,
        log: Path | None = None,
        records: ProcessRecords | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.log = log or self.directory / "broker.log"
        self.process: Process | None = None
        self._port = port
        self._may_move = port is None
        self._tls = Tls(directory=self.directory / "tls") if secured else None
        self._mtls_port = 0
        self._settings = settings
        self._jvm = tuple(jvm or (*(java.LEAN if secured else java.QUICK), *java.SMALL_HEAP))
        self._records = records

    @property
    def port(self) -> int:
        """Where clients connect; raises PlatformError before the first start when it was free to choose."""
        if self._port is None:
            raise PlatformError("This broker has not been started yet.")
        return self._port

    @property
    def bootstrap_servers(self) -> str:
        """What a client is given."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def tls(self) -> Tls:
        """The certificates of a secured broker."""
        if self._tls is None:
            raise PlatformError("This broker has no security, and so no certificates.")
        return self._tls

    @property
    def own_connection(self) -> Connection:
        """A super user's connection, by the broker's own certificate where the broker is secured."""
        if self._tls is None:
            return Connection(bootstrap_servers=self.bootstrap_servers, security_protocol="PLAINTEXT")
        return self._tls.connection(self._mtls_port)

    @property
    def data(self) -> Path:
        """Where Kafka keeps its records."""
        return self.directory / "data"

    def start(self, progress: Progress = silent) -> None:
        """Start the broker and wait for its answer; raises PlatformError, with the end of the log, where none comes.

        Whatever goes wrong, Ctrl-C included, no process is left.
        """
        if self.process and self.process.alive():
            return
        jars = kafka_jars()
        jars.fetch(progress)
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            progress("preparing Kafka's data directory")
            prepare(jars, self.data, progress)
            progress("starting Kafka")
            self._start_on_some_port(jars, progress)
        except OSError as error:
            # What copies a directory names each of its files, and no reason for the whole.
            raise self._unwritable(error.strerror or "files could not be copied there") from error

    def _start_on_some_port(self, jars: Jars, progress: Progress) -> None:
        for _ in range(_PORT_ATTEMPTS):
            try:
                self._start_once(jars, *self._choose_ports(), progress)
                return
            except _PortTakenError:
                # Somebody was quicker between our choice of a free port and Kafka's use of it.
                continue
        raise PlatformError("The ports that Kafka was to use are taken again and again by other programs.")

    def _unwritable(self, why: str) -> PlatformError:
        free = shutil.disk_usage(self.directory).free // 2**20
        return PlatformError(
            f"Kafka cannot write in {self.directory} ({why}; {free:,} MiB are free there): make room or permit it, then run"
            " this again."
        )

    def stop(self) -> None:
        """End it in order; nothing happens when it does not run."""
        if self.process:
            self.process.stop()
            self._forget()

    def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        if self.process:
            self.process.kill()
            self._forget()

    def _choose_ports(self) -> tuple[int, int]:
        client, controller, self._mtls_port = free_ports(3)
        if self._port is None or (self._may_move and not is_free(self._port)):
            self._port = client
        elif not is_free(self._port):
            raise PlatformError(f"Port {self._port} is in use by another program.")
        return self._port, controller

    def _start_once(self, jars: Jars, client: int, controller: int, progress: Progress) -> None:
        text = server_properties(self.data, client, controller)
        if self._tls:
            self._tls.prepare()
            text += secured_properties(self._tls, client, self._mtls_port, controller)
        text += self._settings
        try:
            if is_held(self.data):
                self._release_registration(jars, controller_alone(text, controller))
            log_starts_at = self.log.stat().st_size if self.log.exists() else 0
            process = self._spawn(jars, "server.properties", text, self.log)
            self._wait_until_ready(process, log_starts_at, progress)
        except BaseException:
            self.kill()
            raise

    def _spawn(self, jars: Jars, name: str, properties: str, log: Path) -> Process:
        settings = self.directory / name
        settings.write_text(properties, encoding=ENCODING)
        options = (*self._jvm, *aot.options(jars, self._jvm), *java.DATED_LOG, f"{MARK}{self.directory}")
        with interrupts_held():
            self.process = spawn(
                self.name,
                [str(java.find_java()), *options, "-cp", jars.classpath, "kafka.Kafka", str(settings)],
                env=java.environment(),
                log=log,
                port=self._port,
                patience_s=PATIENCE_S,
                records=self._records,
            )
        return self.process

    def _release_registration(self, jars: Jars, properties: str) -> None:
        log = self.log.with_name("registration.log")
        log.unlink(missing_ok=True)
        controller = self._spawn(jars, "registration.properties", properties, log)
        wait_until_released(controller, log)
        controller.stop()

    def _wait_until_ready(self, process: Process, log_starts_at: int, progress: Progress) -> None:
        startup = Startup(self.log, log_starts_at, quiet_s=READY_WITHIN_S, progress=progress)
        own = cluster_of(self.data)
        while not startup.overdue:
            if not process.alive():
                raise self._death(log_starts_at)
            startup.look()
            # Whatever answers must be this broker: the port may belong to another program, even to another Kafka.
            if is_open(self.port) and cluster_at(self.own_connection) == own:
                return
            time.sleep(0.05)
        raise PlatformError(
            f"Kafka does not answer, and has made no progress for {READY_WITHIN_S:.0f} s; its log is {self.log}."
        )

    def _death(self, log_starts_at: int) -> PlatformError:
        with self.log.open("rb") as file:
            file.seek(log_starts_at)
            log = file.read().decode(errors="replace")
        if "Address already in use" in log:
            return _PortTakenError()
        if "No space left on device" in log or shutil.disk_usage(self.directory).free < _LEAST_BYTES:
            return self._unwritable("no space is left on the device")
        java.version_of(java.find_java())  # says so itself, if that is why
        lines = log.splitlines()
        # Of a Java stack trace, the lines that say something to whoever does not read Java.
        telling = [line for line in lines if " ERROR " in line or line.startswith("Caused by: ")]
        tail = "\n".join((telling or lines)[-4:])
        return PlatformError(f"Kafka ended as it started; its log is {self.log} and says:\n{tail}")

    def _forget(self) -> None:
        self.process = None
        if self._records:
            self._records.remove(self.name)


class _PortTakenError(PlatformError):
    """Another program has one of the ports."""
