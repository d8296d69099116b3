"""Prometheus's own checker of metrics: on PATH, in the cache, or from Debian's package `prometheus`, fetched once."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from instep.cache import cache_directory


def promtool() -> Path:
    """The program; fails, and says why, where it cannot be had."""
    on_path = shutil.which("promtool")
    if on_path is not None:
        return Path(on_path)
    cached = cache_directory(os.environ) / "promtool"
    if not cached.exists():
        _fetch(cached)
    return cached


def complaints(metrics: str) -> str:
    """What it has to say of a `/metrics` page; nothing when all is well."""
    done = subprocess.run(
        [str(promtool()), "check", "metrics"],
        input=metrics,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout + done.stderr if done.returncode else ""


def _fetch(to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to.parent) as name:
        directory = Path(name)
        # The lists of packages may be missing or out of date: then they are fetched, and it is tried once more.
        if _run(directory, "apt-get", "download", "prometheus"):
            _run(directory, "apt-get", "update")
            problem = _run(directory, "apt-get", "download", "prometheus")
            if problem:
                raise AssertionError(f"promtool is not on PATH, and its package cannot be fetched: {problem}")
        (package,) = directory.glob("prometheus_*.deb")
        problem = _run(directory, "dpkg", "-x", package.name, "package")
        if problem:
            raise AssertionError(f"promtool is not on PATH, and its package cannot be unpacked: {problem}")
        (directory / "package" / "usr" / "bin" / "promtool").replace(to)


def _run(directory: Path, *command: str) -> str:
    """What went wrong; nothing when it went well."""
    try:
        done = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, check=False, timeout=150
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stderr.strip() or f"{command[0]} ended with {done.returncode}") if done.returncode else ""
