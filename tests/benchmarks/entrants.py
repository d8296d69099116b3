"""Who takes part in the common job, and how each is started: a process of its own, with the job in a file."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from instep.cache import cache_directory
from instep.local.jars import Jars, kafka_jars, pinned
from instep.local.java import find_java
from tests.benchmarks.peers.job import Job

ROOT = Path(__file__).parents[2]
_OWN_VENV = ROOT / ".venv-bench" / "bin" / "python"
_STREAMS = Path(__file__).parent / "streams"
_JAVA_FOR_JAVAC = 17
_JVM = ("-Xms512m", "-Xmx512m")

AT_LEAST_ONCE = "at least once"
EXACTLY_ONCE = "exactly once"


class MissingError(Exception):
    """This entrant cannot take part on this machine; says what is missing."""


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """`command` gives the program and its arguments before the job's file; it raises MissingError."""

    name: str
    guarantee: str
    command: Callable[[], Sequence[str]]
    settings: str
    codec: str = "fastavro"

    @contextmanager
    def running(self, job: Job) -> Iterator[subprocess.Popen[bytes]]:
        """The entrant at work on the job until the context ends; its log is beside the job's file."""
        command = self.command()
        directory = Path(job.directory)
        directory.mkdir(parents=True)
        file = directory / "job.json"
        file.write_text(json.dumps(asdict(job)), encoding="utf-8")
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen([*command, str(file)], cwd=ROOT, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def script(name: str) -> Callable[[], Sequence[str]]:
    """The command of a peer's module, in this environment."""
    return lambda: [sys.executable, "-m", f"tests.benchmarks.peers.{name}"]


def _script_of_its_own(name: str) -> Callable[[], Sequence[str]]:
    def command() -> Sequence[str]:
        if not _OWN_VENV.exists():
            raise MissingError("it needs .venv-bench, which `make bench` makes from deploy/bench.lock")
        return [str(_OWN_VENV), "-m", f"tests.benchmarks.peers.{name}"]

    return command


@lru_cache
def _kafka_streams() -> Sequence[str]:
    """Compile the job with this machine's javac; the Java runtime that comes with Instep has no compiler."""
    javac = shutil.which("javac")
    if javac is None:
        raise MissingError("it needs a Java compiler, and there is no javac on the PATH")
    ours, kafka = Jars(pins=pinned(_STREAMS / "jars.csv"), cache=cache_directory(os.environ)), kafka_jars()
    ours.fetch()
    kafka.fetch()
    classes = ours.directory / "classes"
    classpath = os.pathsep.join((ours.classpath, kafka.classpath))
    source = str(_STREAMS / "CommonJob.java")
    compiled = subprocess.run(
        [javac, "-nowarn", "--release", str(_JAVA_FOR_JAVAC), "-d", str(classes), "-cp", classpath, source],
        capture_output=True,
        text=True,
        check=False,
    )
    if compiled.returncode:
        raise MissingError(f"this javac does not compile it: {compiled.stderr[-300:]}")
    return [str(find_java()), *_JVM, "-cp", os.pathsep.join((str(classes), classpath)), "CommonJob"]


_AIOKAFKA = "uvloop, getmany(4000), send queued, max_batch_size 512 KiB, linger 10 ms, idempotent"
_CONFLUENT = "consume(4000), linger.ms 10, idempotent, queue of 1,000,000"
_QUIX = "librdkafka idempotent, linger.ms 10, commit_interval 5 s (0.1 s for latency)"

LANES = Entrant(
    name="lanes",
    guarantee=EXACTLY_ONCE,
    command=script("lanes"),
    codec="instep",
    settings="as in production; instep.events checks all bytes and cuts out what is shared",
)
CONFLUENT = Entrant(
    name="confluent-kafka", guarantee=AT_LEAST_ONCE, command=script("confluent"), settings=_CONFLUENT
)
AIOKAFKA = Entrant(
    name="plain aiokafka", guarantee=AT_LEAST_ONCE, command=script("plain"), settings=_AIOKAFKA
)
AIOKAFKA_TRANSACTIONAL = Entrant(
    name="plain aiokafka",
    guarantee=EXACTLY_ONCE,
    command=script("plain"),
    settings=f"{_AIOKAFKA}, a transaction a fetch",
)

ENTRANTS = (
    LANES,
    Entrant(
        name="lanes with fastavro",
        guarantee=EXACTLY_ONCE,
        command=script("lanes"),
        settings="as in production; fastavro as the peers",
    ),
    CONFLUENT,
    Entrant(
        name="confluent-kafka",
        guarantee=EXACTLY_ONCE,
        command=script("confluent"),
        settings=f"{_CONFLUENT}, a transaction a batch",
    ),
    AIOKAFKA,
    AIOKAFKA_TRANSACTIONAL,
    Entrant(name="Quix Streams", guarantee=AT_LEAST_ONCE, command=_script_of_its_own("quix"), settings=_QUIX),
    Entrant(name="Quix Streams", guarantee=EXACTLY_ONCE, command=_script_of_its_own("quix"), settings=_QUIX),
    Entrant(
        name="stock Faust",
        guarantee=AT_LEAST_ONCE,
        command=script("faust_stock"),
        settings="C extensions, uvloop, raw bytes, buffer 65,536, batches of 512 KiB, linger 10 ms",
    ),
    Entrant(
        name="FastStream",
        guarantee="at most once",  # its default: offsets are committed as time passes
        command=_script_of_its_own("fast_stream"),
        settings="uvloop, no_confirm, batches of 512 KiB, linger 10 ms",
    ),
    Entrant(
        name="Kafka Streams",
        guarantee=EXACTLY_ONCE,
        command=_kafka_streams,
        settings="exactly_once_v2, 1 thread, max.poll.records 4000, batch.size 512 KiB, linger.ms 10, heap 512 MB",
    ),
)
