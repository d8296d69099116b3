"""Tells a damaged state directory of a lane, which is discarded, from a directory that only cannot be used just now.

The state directory is a copy of the lane's changelog in Kafka. Where its content cannot be believed, the copy is discarded
and made again. A rebuild takes time and loses nothing. Where the directory only cannot be used, because the disk is full or
the user may not write, the copy is left alone: discarding would mend nothing, and the rebuild would fail for the same
reason.

Damage that shows while the lane runs ends the claim, this worker's ownership of the lane. A file beside the directory
(`mark`) has the next claim discard the copy, in this process or in another. To check every block at each claim would mean
to read gigabytes whenever a lane moves. RocksDB checks each block on reading, so no damaged block ever decides anything.
"""

import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from instep.errors import ConfigurationError, InstepError, StateDamagedError, StateDirectoryError

_NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS)
"""The user may not write there, or nobody may: a matter of settings, which no retry mends."""
_PASSING = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.ENOLCK,
    errno.EAGAIN,
    errno.EBUSY,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
)
"""The disk or the machine lacks something just now, or another process holds the directory."""
_DAMAGE = ("Corruption", "Invalid argument", "Not implemented")
"""The beginnings of RocksDB's messages about files that RocksDB has not written so, or that this version cannot read."""
_DAMAGE_ERRNOS = (errno.ENOENT, errno.EIO, errno.EISDIR, errno.ENOTDIR)
"""An expected file is gone, is unreadable in part, or is no file."""


def unusable(directory: Path, error: OSError | str) -> InstepError | None:
    """The error for a state directory that cannot be used; None where `error` has another meaning.

    `error` is the system's error, or RocksDB's message, which hands on the system's words and no number.
    """
    if why := _named(error, _NOT_OURS):
        return ConfigurationError(
            f"The state directory {directory} cannot be written ({why}): let this user write there, or name another in"
            " INSTEP_STATE_DIR."
        )
    if why := _named(error, _PASSING):
        return StateDirectoryError(
            f"The state directory {directory} cannot be used just now ({why}): make room there, or name another in"
            " INSTEP_STATE_DIR."
        )
    return None


def is_damage(error: str) -> bool:
    """Whether RocksDB's message says that the directory's content cannot be believed. Ask `unusable` first."""
    return error.startswith(_DAMAGE) or _named(error, _DAMAGE_ERRNOS) is not None


def _named(error: OSError | str, among: Iterable[int]) -> str | None:
    """The system's words for the error, where the error is among these numbers."""
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno is not None and error.errno in among else None
    return next((words for number in among if (words := os.strerror(number)) in error), None)


def forgotten(before: Iterable[str], live: Iterable[str]) -> list[str]:
    """Table files that lay in the directory before the opening, and that RocksDB does not know.

    A MANIFEST that has lost its end opens without complaint. The newest tables are then forgotten, while the log after the
    tables is read, checkpoint and all: the directory looks complete and is not. A process that is killed while writing a
    table leaves such a file too. Then the directory is rebuilt for nothing, which is seldom and does no harm.
    """
    return sorted(set(before) - {name.lstrip("/") for name in live})


def mark(directory: Path, why: str) -> StateDamagedError:
    """Have the directory discarded at the next opening; returns the error to end the claim with."""
    try:
        _marker(directory).write_text(why, encoding="utf-8")
    except OSError:
        pass  # the damage will be met again
    return StateDamagedError(
        f"The local state in {directory} is damaged ({why}): the lane is claimed again, and rebuilds it from the changelog."
    )


def marked(directory: Path) -> str | None:
    """Why the directory is to be discarded; None where there is no reason."""
    if directory.exists() and not directory.is_dir():
        return "it is no directory"
    try:
        return _marker(directory).read_text(encoding="utf-8", errors="replace") or "it was found damaged"
    except FileNotFoundError:
        return None


def remove(directory: Path) -> None:
    """Remove the directory, or a file in its place, and then the mark."""
    if directory.is_dir() and not directory.is_symlink():
        shutil.rmtree(directory)
    else:
        directory.unlink(missing_ok=True)
    _marker(directory).unlink(missing_ok=True)


def _marker(directory: Path) -> Path:
    return directory.with_name(f"{directory.name}.discard")
