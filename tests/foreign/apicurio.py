"""A real Apicurio Registry in memory: pinned by sha256, fetched once with jgo, kept in the cache beside Kafka's jars."""

import os
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from instep.cache import cache_directory
from instep.local import java
from instep.local.jars import sha256_of
from instep.local.lock import locked
from instep.local.ports import LOOPBACK, free_ports
from instep.local.process import Process, spawn

VERSION = "3.3.3"
SHA256 = "8bc6751c76d963734224b01d5e7f84ccb3cb61c87d3bd77c36c35f10a5cbed63"
READY_WITHIN_S = 90.0
_PROGRAM = "quarkus-run.jar"


def fetched() -> Path:
    """Where it lies: 159 MB the first time."""
    from jgo.maven import MavenContext

    cache = cache_directory(os.environ)
    target = cache / f"apicurio-{SHA256[:12]}"
    with locked(cache / "apicurio.lock"):
        if target.exists():
            return target
        context = MavenContext(repo_cache=cache / "maven-apicurio", timeout=60)
        project = context.project("io.apicurio", "apicurio-registry-app")
        archive = Path(project.at_version(VERSION).artifact("all", "tar.gz").resolve())
        if sha256_of(archive) != SHA256:
            archive.unlink()
            raise AssertionError(f"{archive.name} arrives with other bytes than those pinned.")
        draft = cache / "apicurio-unpacking"
        with tarfile.open(archive) as packed:
            packed.extractall(draft, filter="data")
        archive.unlink()
        draft.rename(target)
    return target


class Apicurio:
    """One registry, empty when it starts. `url` is its Confluent-compatible API."""

    def __init__(self, home: Path) -> None:
        self._log = home / "apicurio.log"
        self._port, self._management = free_ports(2)
        self._process: Process | None = None
        self.url = f"http://{LOOPBACK}:{self._port}/apis/ccompat/v7"

    def start(self) -> None:
        """Begin to start it; `wait_until_ready` for the rest."""
        addresses = {
            "QUARKUS_HTTP_HOST": LOOPBACK,
            "QUARKUS_HTTP_PORT": str(self._port),
            "QUARKUS_MANAGEMENT_HOST": LOOPBACK,
            "QUARKUS_MANAGEMENT_PORT": str(self._management),
        }
        argv = [str(java.find_java()), *java.QUICK, "-Xmx256m", "-jar", str(fetched() / _PROGRAM)]
        self._process = spawn("apicurio", argv, log=self._log, env={**os.environ, **addresses})

    def wait_until_ready(self) -> None:
        until = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < until:
            assert self._process is not None
            assert self._process.alive(), self._log.read_text()[-2000:]
            try:
                with urllib.request.urlopen(f"{self.url}/subjects", timeout=5):  # noqa: S310  # http, on loopback
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"Apicurio does not answer: {self._log.read_text()[-2000:]}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()


@contextmanager
def apicurio(home: Path) -> Iterator[Apicurio]:
    """A registry that is starting."""
    registry = Apicurio(home)
    registry.start()
    try:
        yield registry
    finally:
        registry.stop()
