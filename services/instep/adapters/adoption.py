"""Puts a memory into its place, the secret last.

A directory without a secret is no memory. So whatever ends the work, the place holds a whole memory or none, and the work
can simply be done again.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from instep.adapters.memory_files import BESIDE, DATABASE, held, settled
from instep.adapters.secret import FILE, keeps_secret, write_whole
from instep.errors import PlatformError


def adopt(left: Path, home: Path) -> None:
    """Move memory and secret from `left` to `home`. Raises PlatformError where either is in use or cannot be written."""
    authority = home.name
    with held(left, authority), held(home, authority):
        memory = b""
        if (left / DATABASE).exists():
            settled(left)
            memory = (left / DATABASE).read_bytes()
        put(home, memory, (left / FILE).read_bytes())
        with suppress(OSError):  # a copy that cannot be removed harms nobody: the place comes first
            _remove(left)
    with suppress(OSError):
        (left / "lock").unlink(missing_ok=True)
        left.rmdir()


def put(home: Path, memory: bytes, secret: bytes) -> None:
    """Write memory and secret to `home`, whose lock has to be held. Raises PlatformError where a secret is there."""
    if keeps_secret(home):
        raise PlatformError(f"{home} holds a memory already.")
    try:
        if not _holds(home, memory):
            _set_aside(home)
        if memory:
            write_whole(home / DATABASE, memory)
        write_whole(home / FILE, secret)
    except OSError as error:
        raise PlatformError(f"{home} cannot be written to ({error.strerror}).") from None


def _holds(home: Path, memory: bytes) -> bool:
    """Whether an earlier try, which was cut short, has written the memory already."""
    file = home / DATABASE
    return file.exists() and file.stat().st_size == len(memory) and file.read_bytes() == memory


def _set_aside(home: Path) -> None:
    """Rename a database without its secret, which may be all that is left: nothing is overwritten."""
    if (home / DATABASE).exists():
        number = len(list(home.glob(f"{DATABASE}.without-secret-*")))
        for ending in ("", *BESIDE):
            if (file := home / f"{DATABASE}{ending}").exists():
                file.rename(home / f"{DATABASE}.without-secret-{number}{ending}")


def _remove(left: Path) -> None:
    (left / FILE).unlink()  # first: what is left without a secret is no memory
    for ending in ("", *BESIDE):
        (left / f"{DATABASE}{ending}").unlink(missing_ok=True)
