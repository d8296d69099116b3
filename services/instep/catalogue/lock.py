"""Compares the schema files with `schemas/versions.lock`, so that a published version never changes.

The lock holds the SHA-256 of every schema file. A recipient may still hold records of any version, and bytes that a changed
schema reads as something else are worse than lost. `sha256sum` writes and reads the same form: `cd schemas && sha256sum
--check versions.lock` finds changed and missing files too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

NAME = "versions.lock"


def problems(directory: Path, *, accept_new: bool = False) -> Iterator[tuple[str, str]]:
    """Path (relative, `/` between) and sentence for each schema that has changed, is gone, or is not yet locked.

    With `accept_new` schemas that are not yet locked are no problem: the caller is about to lock them.
    """
    locked, present = _locked(directory), _present(directory)
    for path in sorted(locked.keys() | present.keys()):
        if path not in present:
            yield path, "is gone, though it is in versions.lock: a version that is out stays for ever."
        elif path not in locked:
            if not accept_new:
                yield (
                    path,
                    "is not in versions.lock: `instep schemas check --accept-new` adds it once it is final.",
                )
        elif locked[path] != present[path]:
            yield path, "has changed since it was locked: a version never changes, so write the next one."


def with_new(directory: Path) -> str:
    """The lock file's text with the new versions added; a locked version keeps its line, even where its file has changed."""
    digests = {**_present(directory), **_locked(directory)}
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests))


def _present(directory: Path) -> Mapping[str, str]:
    return {
        file.relative_to(directory).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in directory.rglob("*.avsc")
    }


def _locked(directory: Path) -> Mapping[str, str]:
    file = directory / NAME
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    pairs = (line.split("  ", maxsplit=1) for line in lines if line.strip())
    return {pair[-1]: pair[0] for pair in pairs}
