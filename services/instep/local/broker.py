"""A broker: one real Kafka (KRaft, broker and controller in one process) on loopback, in a directory of its own.

Used by `instep up`, by the demo and by every test against Kafka. Blocking; from a coroutine, call it in a thread.
"""

import asyncio
import contextlib
import logging
import re
import shutil
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from instep.errors import PlatformError
from instep.local import java
from instep.local.jars import Jars, kafka_jars, locked
from instep.local.process import Process, Records, spawn

LOOPBACK = "127.0.0.1"
READY_WITHIN_S = 60.0
_PORT_ATTEMPTS = 3
_CLUSTER_ID = re.compile(r"(?m)^cluster\.id=(.*)$")

# What is being done now, in a few words.
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ports:
    """The ports of one broker: for clients, and for the controller inside it."""

    client: int
    controller: int


class Broker:
    """One Kafka in `directory`; `start` makes it ready, `stop` and `kill` end it, and it can be started again.

    The data stay in the directory. Without `ports`, free ones are chosen at the first start and kept after that.
    """

    name = "broker"

    def __init__(
        self,
        directory: Path,
        *,
        ports: Ports | None = None,
        jvm: Sequence[str] = (*java.QUICK, *java.SMALL_HEAP),
        log: Path | None = None,
        records: Records | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.log = log or self.directory / "broker.log"
        self.process: Process | None = None
        self._ports = ports
        self._may_move = ports is None
        self._jvm = tuple(jvm)
        self._records = records

    @property
    def ports(self) -> Ports:
        """Where it listens; raises PlatformError before the first start when it was free to choose."""
        if self._ports is None:
            raise PlatformError("This broker has not been started yet.")
        return self._ports

    @property
    def bootstrap_servers(self) -> str:
        """What a client connects to."""
        return f"{LOOPBACK}:{self.ports.client}"

    def start(self, say: Say = lambda _: None) -> None:
        """Start it and wait until it answers; raises PlatformError, with the end of its log, when it does not.

        Whatever goes wrong, Ctrl-C included, no process is left.
        """
        if self.process and self.process.alive():
            return
        jars = kafka_jars()
        jars.fetch(lambda count, total: say(f"fetching Kafka: {count} of {total} jars"))
        say("formatting the data directory")
        self._format(jars)
        say("starting Kafka")
        for attempts_left in reversed(range(_PORT_ATTEMPTS)):
            try:
                self._start_once(jars)
                return
            except _PortTakenError:
                # Somebody was quicker between our choice of a free port and Kafka's use of it.
                if not (self._may_move and attempts_left):
                    raise PlatformError(
                        f"Port {self.ports.client} or {self.ports.controller} is in use by another program."
                    ) from None
                self._ports = None

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

    def _start_once(self, jars: Jars) -> None:
        if self._ports is None:
            self._ports = Ports(**dict(zip(("client", "controller"), free_ports(2), strict=True)))
        settings = self.directory / "server.properties"
        settings.write_text(server_properties(self.directory / "data", self._ports), encoding="utf-8")
        log_starts_at = self.log.stat().st_size if self.log.exists() else 0
        argv = [str(java.find_java()), *self._jvm, f"-Dinstep.local={self.directory}"]
        try:
            self.process = spawn(
                self.name,
                [*argv, "-cp", jars.classpath, "kafka.Kafka", str(settings)],
                log=self.log,
                port=self._ports.client,
                records=self._records,
            )
            self._wait_until_ready(self.process, log_starts_at)
        except BaseException:
            self.kill()
            raise

    def _wait_until_ready(self, process: Process, log_starts_at: int) -> None:
        until = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < until:
            if not process.alive():
                raise self._death(log_starts_at)
            # Whatever answers must be this broker: the port may belong to another program, even to another Kafka.
            if is_open(self.ports.client) and cluster_at(self.bootstrap_servers) == self._cluster_id():
                return
            time.sleep(0.05)
        raise PlatformError(f"Kafka does not answer after {READY_WITHIN_S:.0f} s; its log is {self.log}.")

    def _death(self, log_starts_at: int) -> PlatformError:
        with self.log.open("rb") as file:
            file.seek(log_starts_at)
            told = file.read().decode(errors="replace")
        if "Address already in use" in told:
            return _PortTakenError()
        tail = "\n".join(told.splitlines()[-8:])
        return PlatformError(f"Kafka ended as it started; its log is {self.log} and ends so:\n{tail}")

    def _format(self, jars: Jars) -> None:
        data = self.directory / "data"
        if (data / "meta.properties").exists():
            return
        formatted = jars.directory / "formatted"
        with locked(jars.cache / "format.lock"):
            if not formatted.exists():
                _format_once(jars, formatted)
        # A directory that was left half-copied has no meta.properties yet: it is copied last.
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(formatted, data, ignore=shutil.ignore_patterns("meta.properties"))
        meta = (formatted / "meta.properties").read_text(encoding="utf-8")
        own = _CLUSTER_ID.sub(f"cluster.id={new_cluster_id()}", meta)
        (data / "meta.properties").write_text(own, encoding="utf-8")

    def _cluster_id(self) -> str:
        meta = (self.directory / "data" / "meta.properties").read_text(encoding="utf-8")
        found = _CLUSTER_ID.search(meta)
        return found[1] if found else ""

    def _forget(self) -> None:
        self.process = None
        if self._records:
            self._records.remove(self.name)


class _PortTakenError(PlatformError):
    """Another program has one of the ports."""


def server_properties(data: Path, ports: Ports) -> str:
    """Kafka's settings for one small broker that serves this machine alone."""
    return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{LOOPBACK}:{ports.controller}
listeners=CLIENT://{LOOPBACK}:{ports.client},CONTROLLER://{LOOPBACK}:{ports.controller}
advertised.listeners=CLIENT://{LOOPBACK}:{ports.client}
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENT
controller.listener.names=CONTROLLER
log.dirs={data}
# Topics are made by `instep network apply`, never by a misspelt name.
auto.create.topics.enable=false
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
# A year: a group that rests must not lose its place.
offsets.retention.minutes=525600
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=8
# A lane that dies with a transaction open holds up its readers for no longer than this and its time limit.
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# With the default of 128 MB the cleaner does not fit a small heap.
log.cleaner.dedupe.buffer.size=8388608
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""


def free_ports(count: int) -> tuple[int, ...]:
    """Ports of loopback that are free now, each another."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return tuple(one.getsockname()[1] for one in sockets)


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return not is_open(port)


def is_open(port: int) -> bool:
    """Whether somebody listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((LOOPBACK, port)) == 0


def cluster_at(bootstrap_servers: str) -> str | None:
    """The id of the cluster that answers there and has a broker ready; None when there is none."""
    with _quiet("aiokafka"):
        return asyncio.run(_cluster_at(bootstrap_servers))


def new_cluster_id() -> str:
    """A new id for a cluster: 22 characters of base64url, the first not a dash, which a command line would misread."""
    while (made := urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return made


async def _cluster_at(bootstrap_servers: str) -> str | None:
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=2000)
    try:
        await admin.start()
        told = await admin.describe_cluster()
        return str(told["cluster_id"]) if told["brokers"] else None
    except (KafkaError, OSError, TimeoutError):
        return None
    finally:
        await admin.close()


def _format_once(jars: Jars, formatted: Path) -> None:
    """Make a formatted data directory to copy from: a copy takes 10 ms, formatting 1.5 s."""
    draft = formatted.with_name("formatting")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    settings = draft / "server.properties"
    settings.write_text(server_properties(draft / "data", Ports(client=1, controller=2)), encoding="utf-8")
    tool = [str(java.find_java()), *java.QUICK, "-cp", jars.classpath, "kafka.tools.StorageTool"]
    done = subprocess.run(
        [*tool, "format", "-t", new_cluster_id(), "-c", str(settings)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PlatformError(f"Kafka's data directory could not be formatted: {done.stderr[-500:]}")
    (draft / "data").replace(formatted)
    shutil.rmtree(draft, ignore_errors=True)


@contextlib.contextmanager
def _quiet(logger: str) -> Iterator[None]:
    """A broker that is not up yet is no news: aiokafka would log each attempt as an error."""
    log = logging.getLogger(logger)
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)
