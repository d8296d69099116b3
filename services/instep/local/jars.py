"""The jars of Apache Kafka: pinned by sha256, fetched once, kept in the cache.

jgo finds the Maven repository and fetches; it only warns of a bad checksum, its writes are not atomic, and it asserts that
the file is absent. So every jar is checked here, a bad one is fetched again, and `.complete` is written last.
"""

import csv
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from instep.errors import PlatformError

KAFKA_VERSION = "4.3.1"
PINS = Path(__file__).with_name("kafka-jars.csv")

# (jars there, jars in all)
Progress = Callable[[int, int], None]

_ATTEMPTS = 3
_THREADS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Jar:
    """One pinned jar: its Maven coordinates and the sha256 of its bytes, in hexadecimal."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def pinned(path: Path = PINS) -> tuple[Jar, ...]:
    """Every jar that Kafka needs."""
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(Jar(**row) for row in csv.DictReader(file))


def cache_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_CACHE_HOME/instep`, or `~/.cache/instep`; a relative XDG_CACHE_HOME is ignored, as its specification says."""
    named = Path(environ.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".cache") / "instep"


@dataclass(frozen=True, kw_only=True, slots=True)
class Jars:
    """The jars in the cache: one directory a list of pins, so that two versions of Instep can share a machine."""

    pins: tuple[Jar, ...]
    cache: Path

    @property
    def directory(self) -> Path:
        """Where the jars are, once fetched."""
        digest = hashlib.sha256("\n".join(jar.sha256 for jar in self.pins).encode()).hexdigest()
        return self.cache / f"kafka-{digest[:12]}"

    @property
    def complete(self) -> bool:
        """Whether every jar is there and checked."""
        return (self.directory / ".complete").exists()

    @property
    def classpath(self) -> str:
        """What `java -cp` takes."""
        return os.pathsep.join(sorted(str(self.directory / jar.filename) for jar in self.pins))

    def fetch(self, progress: Progress | None = None) -> None:
        """Fetch what is missing; raises PlatformError when that cannot be done. Safe to run twice at once."""
        if self.complete:
            return
        with locked(self.cache / "kafka.lock"):
            # Another process may have fetched them while we waited; then each is only checked.
            self.directory.mkdir(parents=True, exist_ok=True)
            with ThreadPoolExecutor(_THREADS) as pool:
                try:
                    for count, _ in enumerate(pool.map(self._fetch_one, self.pins), start=1):
                        if progress:
                            progress(count, len(self.pins))
                except BaseException:
                    # Ctrl-C, or one that cannot be had: do not wait for forty more.
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
            (self.directory / ".complete").touch()
            # The jars are in place; the copy that jgo keeps would only take the same room again.
            shutil.rmtree(self.cache / "maven", ignore_errors=True)

    def _fetch_one(self, jar: Jar) -> None:
        target = self.directory / jar.filename
        if target.exists() and sha256_of(target) == jar.sha256:
            return
        for _ in range(_ATTEMPTS):
            try:
                fetched = _resolve(jar, self.cache / "maven")
            except Exception as error:
                raise PlatformError(
                    f"{jar.filename} could not be fetched from the Maven repository ({type(error).__name__}): check the"
                    " network connection and run this again; what has arrived is kept."
                ) from error
            if sha256_of(fetched) == jar.sha256:
                fetched.replace(target)
                return
            fetched.unlink()
        raise PlatformError(
            f"{jar.filename} arrives with other bytes than the ones pinned in {PINS.name}: something between this machine"
            " and the Maven repository changes downloads."
        )


def kafka_jars(environ: Mapping[str, str] = os.environ) -> Jars:
    """The jars of the Kafka that Instep runs locally."""
    return Jars(pins=pinned(), cache=cache_directory(environ))


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file lock, waiting for whoever has it; it ends with the process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _resolve(jar: Jar, repository: Path) -> Path:
    import requests
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=repository, timeout=60)
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact("", "jar")
    try:
        return Path(artifact.resolve())
    except (requests.ConnectionError, requests.Timeout):
        # A dropped connection leaves a file that is cut off: its checksum will say so.
        if (cached := artifact.cached_path) and cached.exists():
            return Path(cached)
        raise
