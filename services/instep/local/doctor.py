"""`instep doctor`: looks for whatever may keep the local platform from working, and gives advice on each finding."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from instep.errors import InstepError, NotConnectedError
from instep.kafka.connection import ensure_reachable, from_env
from instep.kafka.soundness import SOUND, unsound
from instep.local.jars import DOWNLOAD_MB, kafka_jars
from instep.local.java import find_java, version_of
from instep.local.platform import DEFAULT_PORT, Platform, marked_brokers, shown
from instep.local.ports import is_free

_ENOUGH_MIB = 2048
_LEAST_MIB = 512


class CheckHealth(StrEnum):
    """How a finding is meant: a note stops nothing, a problem does."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """The result of one check: its health, what was found, and advice where the health is not OK."""

    check: str
    health: CheckHealth
    found: str
    advice: str = ""


def examine(platform: Platform, environ: Mapping[str, str] = os.environ) -> list[CheckResult]:
    """Look at everything; raises nothing."""
    checks: dict[str, Callable[[], CheckResult]] = {
        "python": _python,
        "java": lambda: _java(environ),
        "kafka": lambda: _cache(environ),
        "disk": lambda: _disk(platform),
        "port": lambda: _port(platform),
        "processes": lambda: _processes(platform),
        "connection": lambda: _connection(platform, environ),
        "soundness": lambda: _soundness(platform, environ),
    }
    return [_safely(name, check) for name, check in checks.items()]


def _safely(name: str, check: Callable[[], CheckResult]) -> CheckResult:
    try:
        return check()
    except (InstepError, OSError) as error:
        return CheckResult(
            check=name,
            health=CheckHealth.PROBLEM,
            found=str(error),
            advice="do as it says, then run `instep doctor` again",
        )


def _python() -> CheckResult:
    version = ".".join(map(str, sys.version_info[:3]))
    return CheckResult(check="python", health=CheckHealth.OK, found=f"{version} at {sys.executable}")


def _java(environ: Mapping[str, str]) -> CheckResult:
    java = find_java(environ)
    named = " (INSTEP_JAVA)" if environ.get("INSTEP_JAVA") else ""
    return CheckResult(check="java", health=CheckHealth.OK, found=f"{version_of(java)} at {java}{named}")


def _cache(environ: Mapping[str, str]) -> CheckResult:
    jars = kafka_jars(environ)
    if not jars.complete:
        return CheckResult(
            check="kafka",
            health=CheckHealth.NOTE,
            found=f"Kafka {jars.version} is not in {jars.cache} yet",
            advice=f"`instep up` fetches it, once: about {DOWNLOAD_MB} MB",
        )
    if damaged := jars.damaged():
        return CheckResult(
            check="kafka",
            health=CheckHealth.PROBLEM,
            found=f"{len(damaged)} of {len(jars.pins)} jars are missing or damaged in {jars.directory}",
            advice=f"delete {jars.directory}: `instep up` fetches Kafka again",
        )
    return CheckResult(
        check="kafka", health=CheckHealth.OK, found=f"{jars.version} in {jars.directory}, every jar checked"
    )


def _disk(platform: Platform) -> CheckResult:
    place = next(folder for folder in (platform.directory, *platform.directory.parents) if folder.exists())
    free = shutil.disk_usage(place).free // 2**20
    health = (
        CheckHealth.OK
        if free >= _ENOUGH_MIB
        else CheckHealth.NOTE
        if free >= _LEAST_MIB
        else CheckHealth.PROBLEM
    )
    advice = "" if health is CheckHealth.OK else "make room: Kafka stops when the disk is full"
    return CheckResult(check="disk", health=health, found=f"{free:,} MiB free at {place}", advice=advice)


def _port(platform: Platform) -> CheckResult:
    if any(status.state == "up" and status.address for status in platform.status()):
        return CheckResult(check="port", health=CheckHealth.OK, found="Kafka has its port")
    if is_free(DEFAULT_PORT):
        return CheckResult(check="port", health=CheckHealth.OK, found=f"{DEFAULT_PORT} is free")
    return CheckResult(
        check="port",
        health=CheckHealth.NOTE,
        found=f"{DEFAULT_PORT} is in use by another program",
        advice="`instep up` takes a free port instead; `instep up --port` names one",
    )


def _processes(platform: Platform) -> CheckResult:
    standing = platform.status()
    if ended := [status.name for status in standing if status.state not in {"up", "down"}]:
        return CheckResult(
            check="processes",
            health=CheckHealth.PROBLEM,
            found=f"{', '.join(ended)} ended by itself or does not answer",
            advice=f"read the log in {shown(platform.logs)}; `instep up` heals it, `instep down` clears it away",
        )
    if lost := [
        process.pid for place, process in marked_brokers() if not (place / "server.properties").exists()
    ]:
        return CheckResult(
            check="processes",
            health=CheckHealth.PROBLEM,
            found=f"local brokers whose directory is gone: process {', '.join(map(str, lost))}",
            advice=f"kill {' '.join(map(str, lost))}",
        )
    running = [status.name for status in standing if status.state == "up"]
    running_now = f"running: {', '.join(running)}" if running else f"nothing runs in {platform.directory}"
    return CheckResult(check="processes", health=CheckHealth.OK, found=running_now)


def _connection(platform: Platform, environ: Mapping[str, str]) -> CheckResult:
    try:
        connection = from_env(environ, platform.directory)
    except NotConnectedError as error:
        return CheckResult(
            check="connection", health=CheckHealth.NOTE, found=str(error), advice="run `instep up`"
        )
    asyncio.run(ensure_reachable(connection))
    signed_in = (
        "INSTEP_BOOTSTRAP_SERVERS"
        if "INSTEP_BOOTSTRAP_SERVERS" in environ
        else shown(platform.connection_file)
    )
    return CheckResult(
        check="connection",
        health=CheckHealth.OK,
        found=f"{connection.bootstrap_servers} answers ({signed_in})",
    )


def _soundness(platform: Platform, environ: Mapping[str, str]) -> CheckResult:
    try:
        reason = asyncio.run(unsound(from_env(environ, platform.directory)))
    except NotConnectedError:
        return CheckResult(check="soundness", health=CheckHealth.OK, found="there is no cluster to ask")
    if reason is None:
        return CheckResult(
            check="soundness", health=CheckHealth.OK, found="nothing is known against this Kafka"
        )
    return CheckResult(
        check="soundness",
        health=CheckHealth.PROBLEM,
        found=reason,
        advice=f"run the cluster on one of {SOUND}",
    )
