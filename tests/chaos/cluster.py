"""One real broker on this machine, or three: each broker and controller in one, ended, frozen and started by process id.

Of three: replication 3, min.insync.replicas 2, and settings for a quick fail-over. A killed process leaves what it wrote in
the page cache: this shows what happens when brokers die, not when their power fails.
"""

import asyncio
import re
import signal
import time
from base64 import urlsafe_b64encode
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from instep.local import aot, java
from instep.local.broker import READY_WITHIN_S
from instep.local.jars import Jars, kafka_jars
from instep.local.kafka import prepare, server_properties
from instep.local.ports import LOOPBACK, free_ports, is_open
from instep.local.process import Process, spawn

BROKERS = 3
HEAP = ("-Xms128m", "-Xmx512m")
BROKER_SESSION_S = 10.0
"""After which the controller fences a silent broker. Short, so that a frozen one is fenced and a dead one may come back."""
IDS_EXPIRE_S = 30.0
"""After which the brokers forget a transactional id that is not used."""
_ENDS_WITHIN_S = 90.0

_IDENTITY = re.compile(r"(?m)^(cluster\.id|directory\.id|node\.id)=.*\n")

# Of two values for a setting Java takes the last.
_OF_ALL = f"""\
broker.session.timeout.ms={BROKER_SESSION_S * 1000:.0f}
broker.heartbeat.interval.ms=1000
transactional.id.expiration.ms={IDS_EXPIRE_S * 1000:.0f}
transaction.remove.expired.transaction.cleanup.interval.ms=2000
"""
_OF_THREE = """\
node.id={node}
controller.quorum.voters={voters}
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
default.replication.factor=3
min.insync.replicas=2
unclean.leader.election.enable=false
controller.quorum.fetch.timeout.ms=1000
controller.quorum.election.timeout.ms=500
controller.quorum.election.backoff.max.ms=500
replica.lag.time.max.ms=5000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""


class Node:
    """One of the brokers, by its number from 1 on; `voters` is "" for one that is alone."""

    def __init__(self, number: int, directory: Path, client: int, controller: int, voters: str) -> None:
        self.number = number
        self.port = client
        self.log = directory / "broker.log"
        self.process: Process | None = None
        self._data = directory / "data"
        self._settings = directory / "server.properties"
        of_three = _OF_THREE.format(node=number, voters=voters) if voters else ""
        self._text = server_properties(self._data, client, controller) + _OF_ALL + of_three

    def prepare(self, jars: Jars) -> None:
        """Make its data directory one of this cluster."""
        prepare(jars, self._data)
        meta = self._data / "meta.properties"
        others = _IDENTITY.sub("", meta.read_text(encoding="utf-8"))
        meta.write_text(
            f"{others}cluster.id={_id(0xC1)}\ndirectory.id={_id(self.number)}\nnode.id={self.number}\n",
            encoding="utf-8",
        )
        self._settings.write_text(self._text, encoding="utf-8")

    def start(self, jars: Jars) -> None:
        jvm = (*java.QUICK, *HEAP)
        program = [
            str(java.find_java()),
            *jvm,
            *aot.options(jars, jvm),
            *java.DATED_LOG,
            "-cp",
            jars.classpath,
        ]
        self.process = spawn(
            f"broker-{self.number}", [*program, "kafka.Kafka", str(self._settings)], log=self.log
        )

    def kill(self) -> None:
        """As a crash would (SIGKILL)."""
        if self.process:
            self.process.kill()

    def stop(self) -> None:
        """In order (SIGTERM). Returns when it is gone; one that does not end in time is killed, and that is an error."""
        process = self._process()
        process.signal(signal.SIGTERM)
        until = time.monotonic() + _ENDS_WITHIN_S
        while process.alive():
            if time.monotonic() > until:
                process.kill()
                raise AssertionError(
                    f"broker {self.number} did not end in {_ENDS_WITHIN_S:g} s:\n{self.tail()}"
                )
            time.sleep(0.05)

    def freeze(self) -> None:
        """SIGSTOP: it answers nobody, and does not know."""
        self._process().signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._process().signal(signal.SIGCONT)

    def _process(self) -> Process:
        assert self.process is not None, f"broker {self.number} was never started"
        return self.process

    def alive(self) -> bool:
        return self.process is not None and self.process.alive()

    def text(self) -> str:
        """All that it has logged, in every one of its lives."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""


class Cluster:
    """The brokers; `start` returns when they serve, `kill_all` is also how they end. `jars`: the Kafka that they are."""

    def __init__(self, directory: Path, brokers: int = BROKERS, jars: Jars | None = None) -> None:
        ports = free_ports(2 * brokers)
        clients, controllers = ports[:brokers], ports[brokers:]
        voters = ",".join(f"{number}@{LOOPBACK}:{port}" for number, port in enumerate(controllers, start=1))
        self.nodes = [
            Node(number, directory / f"broker-{number}", client, controller, voters if brokers > 1 else "")
            for number, (client, controller) in enumerate(zip(clients, controllers, strict=True), start=1)
        ]
        self.bootstrap_servers = ",".join(f"{LOOPBACK}:{port}" for port in clients)
        self._jars = kafka_jars() if jars is None else jars

    @property
    def kafka(self) -> str:
        """The version of Kafka that runs."""
        return self._jars.version

    def launch(self, node: Node) -> None:
        """Start a broker and wait for nothing."""
        node.start(self._jars)

    async def start(self) -> None:
        """Prepare and start all at once."""
        self._jars.fetch()
        for node in self.nodes:
            node.prepare(self._jars)
        await self.start_again(self.nodes)

    async def start_again(self, nodes: list[Node]) -> None:
        """Start these, and return when all serve and every partition has all of its copies in step."""
        for node in nodes:
            self.launch(node)
        await self.whole()

    async def whole(self, seconds: float = READY_WITHIN_S) -> None:
        """Return when all brokers answer and no partition lacks a copy.

        Raises TimeoutError when nothing has moved for `seconds`: a busy machine takes its time to recover thousands of logs.
        """
        moved_at, before = time.monotonic(), ""
        while (lacking := await self._not_whole()) is not None:
            if dead := [node for node in self.nodes if not node.alive()]:
                raise AssertionError(f"broker {dead[0].number} ended:\n{dead[0].tail()}")
            now = f"{lacking}; logs of {[node.log.stat().st_size for node in self.nodes]} bytes"
            if now != before:
                moved_at, before = time.monotonic(), now
            elif time.monotonic() - moved_at > seconds:
                raise TimeoutError(f"the cluster is not whole, and nothing moves for {seconds:g} s: {now}")
            await asyncio.sleep(0.2)

    async def _not_whole(self) -> str | None:
        if not all(is_open(node.port) for node in self.nodes):
            return "a port is not open"
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers, request_timeout_ms=3000)
        try:
            async with asyncio.timeout(5):
                await admin.start()
                if len((await admin.describe_cluster())["brokers"]) < len(self.nodes):
                    return "a broker is not registered"
                behind = [
                    f"{topic['topic']}-{partition['partition']}"
                    for topic in await admin.describe_topics()
                    for partition in topic["partitions"]
                    if len(partition["isr"]) < len(partition["replicas"]) or partition["leader"] < 0
                ]
            return f"{len(behind)} partitions lack copies, {behind[0]} among them" if behind else None
        except (KafkaError, OSError, TimeoutError) as error:
            return type(error).__name__
        finally:
            await admin.close()

    def kill_all(self) -> None:
        """End all at once, and wait for none before the others are told."""
        for node in self.nodes:
            node.kill()


def _id(number: int) -> str:
    """An id as Kafka writes them: 16 bytes in 22 characters."""
    return urlsafe_b64encode(bytes([number] * 16)).decode().rstrip("=")
