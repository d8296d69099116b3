"""Kafka's own side of a local broker: its settings, its data directory, and asking which cluster answers."""

import asyncio
import contextlib
import logging
import re
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

from instep.errors import PlatformError
from instep.kafka.connection import Connection
from instep.local import java
from instep.local.aot import make_cache
from instep.local.jars import Jars
from instep.local.lock import locked
from instep.local.ports import LOOPBACK, free_ports
from instep.local.progress import Progress, silent
from instep.local.properties import ENCODING, escaped
from instep.local.secured import Tls, secured_properties
from instep.local.whole_file import write_atomically

_CLUSTER_ID = re.compile(r"(?m)^cluster\.id=(.*)$")
# In the records with which a cluster begins: the name of the feature, then its level in two bytes.
_METADATA_VERSION = re.compile(rb"metadata\.version(..)", re.DOTALL)


def server_properties(data: Path, client: int, controller: int) -> str:
    """Settings for one small broker, with its controller inside, that serves this machine alone."""
    return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{LOOPBACK}:{controller}
listeners=CLIENT://{LOOPBACK}:{client},CONTROLLER://{LOOPBACK}:{controller}
advertised.listeners=CLIENT://{LOOPBACK}:{client}
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENT
controller.listener.names=CONTROLLER
log.dirs={escaped(data)}
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
# A lane that dies with a transaction open holds up its readers for its time limit and no longer than this.
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# With the default of 128 MB the cleaner does not fit a small heap.
log.cleaner.dedupe.buffer.size=8388608
# A busy machine can hold up heartbeats for many seconds. A broker that its own controller fences leaves every partition
# without a leader, and no other broker could take over.
broker.session.timeout.ms=60000
broker.heartbeat.interval.ms=5000
# Longer than a session: with the default of 60 s a broker that waits for its predecessor's session to end gives up.
initial.broker.registration.timeout.ms=120000
"""


def prepare(jars: Jars, data: Path, progress: Progress = silent) -> None:
    """Give `data` a formatted directory with a cluster id of its own, unless it is one; and prepare Kafka's classes, once.

    Raises PlatformError when a newer Kafka has formatted it: its records are in a form that this one cannot read.
    """
    formatted = jars.directory / "formatted"
    with locked(jars.cache / "format.lock"):
        if not formatted.exists():
            _format(jars, formatted)
    make_cache(jars, formatted, lambda: _training(jars.training), progress)
    if (data / "meta.properties").exists():
        if _level(data) > _level(formatted):
            raise PlatformError(
                f"The records in {data} are of a newer Kafka, and Kafka {jars.version} cannot read them:"
                " `instep down --delete-data` deletes them, and the next `instep up` begins anew."
            )
        return
    # meta.properties comes last, so that a copy which was broken off is begun again.
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(formatted, data, ignore=shutil.ignore_patterns("meta.properties"))
    meta = (formatted / "meta.properties").read_text(encoding="utf-8")
    write_atomically(data / "meta.properties", _CLUSTER_ID.sub(f"cluster.id={_new_cluster_id()}", meta))


def _training(directory: Path) -> tuple[str, Callable[[], object]]:
    """The settings of a secured broker, as `instep up` starts; and a question to it, as a client asks over TLS."""
    tls = Tls(directory=directory / "tls")
    tls.prepare()
    client, controller, mtls = free_ports(3)
    settings = server_properties(directory / "data", client, controller)
    return settings + secured_properties(tls, client, mtls, controller), lambda: cluster_at(
        tls.connection(mtls)
    )


def _level(data: Path) -> int:
    """The level of `metadata.version` with which a data directory was formatted; 0 when that cannot be read."""
    try:
        match = _METADATA_VERSION.search((data / "bootstrap.checkpoint").read_bytes())
    except OSError:
        return 0
    return int.from_bytes(match[1]) if match else 0


def cluster_of(data: Path) -> str:
    """The id of the cluster whose data lie there; nothing when none do."""
    try:
        match = _CLUSTER_ID.search((data / "meta.properties").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ""
    return match[1] if match else ""


def cluster_at(connection: Connection) -> str | None:
    """The id of the cluster that answers there and has a broker ready; None when there is none. Takes 5 s at most."""
    with _quiet("aiokafka"):
        return asyncio.run(_cluster_at(connection))


async def _cluster_at(connection: Connection) -> str | None:
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    admin = AIOKafkaAdminClient(**connection.kafka(), request_timeout_ms=5000)
    try:
        async with asyncio.timeout(5):
            await admin.start()
            cluster = await admin.describe_cluster()
        return str(cluster["cluster_id"]) if cluster["brokers"] else None
    except (KafkaError, OSError, TimeoutError):
        return None
    finally:
        await admin.close()


def _format(jars: Jars, formatted: Path) -> None:
    """Make a formatted directory to copy from: a copy takes 10 ms, formatting 1.5 s."""
    draft = formatted.with_name("formatting")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    settings = draft / "server.properties"
    settings.write_text(server_properties(draft / "data", 1, 2), encoding=ENCODING)
    tool = [str(java.find_java()), *java.QUICK, "-cp", jars.classpath, "kafka.tools.StorageTool"]
    command = [*tool, "format", "-t", _new_cluster_id(), "-c", str(settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=java.environment())
    if done.returncode:
        raise PlatformError(f"Kafka's data directory could not be formatted: {done.stderr.strip()[-500:]}")
    (draft / "data").replace(formatted)
    shutil.rmtree(draft, ignore_errors=True)


def _new_cluster_id() -> str:
    """22 characters of base64url; the first is no dash, which a command line would misread."""
    while (made := urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return made


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
