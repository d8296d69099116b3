"""The jars of Apache Kafka: pinned by sha256, fetched once, kept in the cache.

jgo finds the Maven repository and fetches; it only warns of a bad checksum, its writes are not atomic, and it asserts that
the file is absent. So every jar is checked here, a bad one is fetched again, and `.complete` is written last.
"""

import csv
import hashlib
import os
import shutil
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path

from instep.cache import cache_directory
from instep.errors import ConfigurationError, PlatformError
from instep.local.lock import locked
from instep.local.progress import Progress, silent

PINS = Path(__file__).with_name("kafka-jars.csv")

OTHER_PINS = "INSTEP_KAFKA_JARS"
"""For tests: the path of another list of pins, so that they run on another version of Kafka."""

DOWNLOAD_MB = 45
"""How much there is to fetch."""

_BROKER = "kafka_2.13"
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
        return tuple(Jar(**row) for row in csv.DictReader(file, restval=""))


@dataclass(frozen=True, kw_only=True, slots=True)
class Jars:
    """The jars in the cache: one directory a list of pins, so that two versions of Kafka can share a machine."""

    pins: tuple[Jar, ...]
    cache: Path

    @property
    def version(self) -> str:
        """The version of Kafka's broker among the jars; nothing when there is none."""
        return next((jar.version for jar in self.pins if jar.artifact == _BROKER), "")

    @property
    def directory(self) -> Path:
        """Where the jars are, once fetched."""
        digest = hashlib.sha256("\n".join(jar.sha256 for jar in self.pins).encode()).hexdigest()
        return self.cache / (f"kafka-{self.version}-{digest[:12]}" if self.version else f"jars-{digest[:12]}")

    @property
    def training(self) -> Path:
        """Where a broker runs for the sake of Java's cache, and nowhere else."""
        return self.directory / "training"

    @property
    def complete(self) -> bool:
        """Whether every jar is there and checked."""
        return (self.directory / ".complete").exists()

    @property
    def classpath(self) -> str:
        """What `java -cp` takes."""
        return os.pathsep.join(sorted(str(self.directory / jar.filename) for jar in self.pins))

    def damaged(self) -> list[Jar]:
        """The jars that are missing, or hold other bytes than the pinned ones."""
        return [jar for jar in self.pins if not self._sound(jar)]

    def fetch(self, progress: Progress = silent) -> None:
        """Fetch what is missing; raises PlatformError when that cannot be done. Safe to run twice at once."""
        if self.complete:
            return
        with locked(self.cache / "kafka.lock", lambda: progress("waiting for another download of Kafka")):
            # Another process may have fetched them while we waited; then each is only checked.
            self.directory.mkdir(parents=True, exist_ok=True)
            _trust_the_system()
            total = len(self.pins)
            progress(f"fetching {self._what}", 0, total)
            # Threads that end with the process: Ctrl-C need not wait for downloads.
            with ThreadPool(_THREADS) as pool:
                for count, jar in enumerate(pool.imap_unordered(self._fetch_one, self.pins), start=1):
                    progress(f"fetching {jar.filename}", count, total)
            (self.directory / ".complete").touch()
            # The jars are in place; the copy that jgo keeps would only take the same room again.
            shutil.rmtree(self.cache / "maven", ignore_errors=True)

    @property
    def _what(self) -> str:
        return f"Kafka {self.version} (about {DOWNLOAD_MB} MB, this once)" if self.version else "jars"

    def _sound(self, jar: Jar) -> bool:
        path = self.directory / jar.filename
        return path.exists() and sha256_of(path) == jar.sha256

    def _fetch_one(self, jar: Jar) -> Jar:
        target = self.directory / jar.filename
        if self._sound(jar):
            return jar
        failure: Exception | None = None
        for attempt in range(_ATTEMPTS):
            time.sleep(attempt)
            try:
                fetched = _resolve(jar, self.cache / "maven")
            except (OSError, RuntimeError, AssertionError) as error:  # what jgo and requests raise
                failure = error
                continue
            if sha256_of(fetched) == jar.sha256:
                fetched.replace(target)
                return jar
            # Cut off by an earlier interruption, or not what was pinned.
            failure = None
            fetched.unlink()
        if failure:
            raise PlatformError(
                f"{jar.filename} could not be fetched from the Maven repository ({type(failure).__name__}): check the"
                " network connection and run this again; what has arrived is kept."
            ) from failure
        raise PlatformError(
            f"{jar.filename} arrives with other bytes than those pinned in {PINS.name}: something between this machine"
            " and the Maven repository changes downloads."
        )


def kafka_jars(environ: Mapping[str, str] = os.environ) -> Jars:
    """The jars of the Kafka that Instep runs locally; raises ConfigurationError when INSTEP_KAFKA_JARS names no pins."""
    named = environ.get(OTHER_PINS)
    try:
        jars = Jars(pins=pinned(Path(named) if named else PINS), cache=cache_directory(environ))
    except (OSError, TypeError, ValueError, csv.Error) as error:
        raise ConfigurationError(
            f"{OTHER_PINS} does not name a list of Kafka's pinned jars: {named}."
        ) from error
    if not jars.version:
        raise ConfigurationError(f"{OTHER_PINS} names a list of jars without Kafka's: {named}.")
    return jars


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _trust_the_system() -> None:
    """Many councils' networks open TLS and sign it anew: the machine's store of certificates knows theirs, requests' own
    does not. The sha256 of every jar is pinned, so nothing depends on it.
    """
    if bundle := ssl.get_default_verify_paths().cafile:
        os.environ.setdefault("REQUESTS_CA_BUNDLE", bundle)


def _resolve(jar: Jar, repository: Path) -> Path:
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=repository, timeout=60)
    return Path(
        context.project(jar.group, jar.artifact).at_version(jar.version).artifact("", "jar").resolve()
    )
