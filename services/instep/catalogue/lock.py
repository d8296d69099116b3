"""`schemas/versions.lock`: the SHA-256 of every schema file, so that a version that is out can never change.

A recipient may still hold records of any version: bytes that a changed schema reads as something else are worse than
lost. The file is as `sha256sum` writes it, so `cd schemas && sha256sum --check versions.lock` says the same as we do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

NAME = "versions.lock"


def faults(directory: Path, *, accept_new: bool = False) -> Iterator[tuple[str, str]]:
    """Path (relative, `/` between) and sentence of each schema that changed, went, or is not yet locked.

    `accept_new` passes over the last, for a caller that is about to lock them.
    """
    locked, found = _locked(directory), _found(directory)
    for path in sorted(locked.keys() | found.keys()):
        if path not in found:
            yield path, "is gone, though it is in versions.lock: a version that is out stays for ever."
        elif path not in locked:
            if not accept_new:
                yield (
                    path,
                    "is not in versions.lock: `instep schemas check --accept-new` adds it once it is final.",
                )
        elif locked[path] != found[path]:
            yield path, "has changed since it was locked: a version never changes, so write the next one."


def with_new(directory: Path) -> str:
    """The lock file's text with the new versions added; what is locked already stays as it is, changed or not."""
    digests = {**_found(directory), **_locked(directory)}
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests))


def _found(directory: Path) -> Mapping[str, str]:
    return {
        file.relative_to(directory).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in directory.rglob("*.avsc")
    }


def _locked(directory: Path) -> Mapping[str, str]:
    file = directory / NAME
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    pairs = (line.split("  ", maxsplit=1) for line in lines if line.strip())
    return {pair[-1]: pair[0] for pair in pairs}
