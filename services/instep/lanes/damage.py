"""What has gone wrong with a lane's state on disk: damage, which costs the directory, or a disk that cannot be used.

The directory is a copy of the changelog. Where its content cannot be believed, the copy is discarded and made again; that
takes time and loses nothing. Where it only cannot be used, because the disk is full or the user may not write, it is left
alone: discarding it would mend nothing, and the rebuild would fail for the same reason.

Damage that shows while the lane runs ends its claim. A file beside the directory (`mark`) has the next claim discard it, in
this process or in another. Checking every block at each claim instead would read gigabytes whenever a lane moves; RocksDB
checks each block when it reads it, so nothing is ever decided by a damaged one.
"""

import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from instep.errors import ConfigurationError, InstepError, StateDamagedError, StateDirectoryError

_NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS)
"""The user may not write there, or nobody may: settings, which no retry mends."""
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
"""The disk or the machine has too little of something just now, or another process holds the directory."""
_DAMAGE = ("Corruption", "Invalid argument", "Not implemented")
"""How RocksDB begins to say that files are not what it wrote, or not what this version reads."""
_DAMAGE_ERRNOS = (errno.ENOENT, errno.EIO, errno.EISDIR, errno.ENOTDIR)
"""A file that should be there is gone, is unreadable in part, or is none."""


def unusable(directory: Path, error: OSError | str) -> InstepError | None:
    """The error for a state directory that cannot be used; None where that is not what went wrong.

    `error` is what the system said, or RocksDB, which hands on the system's words and no number.
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
    """Whether RocksDB says that the directory's content cannot be believed. Ask `unusable` first."""
    return error.startswith(_DAMAGE) or _named(error, _DAMAGE_ERRNOS) is not None


def _named(error: OSError | str, among: Iterable[int]) -> str | None:
    """The system's words for the error, where it is one of these."""
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno is not None and error.errno in among else None
    return next((words for one in among if (words := os.strerror(one)) in error), None)


def forgotten(before: Iterable[str], live: Iterable[str]) -> list[str]:
    """Table files that lay in the directory before it was opened, and that RocksDB does not know of.

    A MANIFEST that has lost its end opens without complaint. It no longer knows the newest tables, while the log after
    them is read, checkpoint and all: a directory that says it is complete and is not. A process that is killed while it
    writes a table leaves such a file too. Then the directory is rebuilt for nothing, which is seldom and does no harm.
    """
    return sorted(set(before) - {name.lstrip("/") for name in live})


def mark(directory: Path, why: str) -> StateDamagedError:
    """Have the directory discarded when it is next opened; returns the error to end the claim with."""
    try:
        _marker(directory).write_text(why, encoding="utf-8")
    except OSError:
        pass  # the damage will be met again
    return StateDamagedError(
        f"The local state in {directory} is damaged ({why}): the lane is claimed again, and rebuilds it from the changelog."
    )


def marked(directory: Path) -> str | None:
    """Why it is to be discarded, None where it is not."""
    if directory.exists() and not directory.is_dir():
        return "it is no directory"
    try:
        return _marker(directory).read_text(encoding="utf-8", errors="replace") or "it was found damaged"
    except FileNotFoundError:
        return None


def remove(directory: Path) -> None:
    """Remove the directory, or whatever lies in its place, and then the mark."""
    if directory.is_dir() and not directory.is_symlink():
        shutil.rmtree(directory)
    else:
        directory.unlink(missing_ok=True)
    _marker(directory).unlink(missing_ok=True)


def _marker(directory: Path) -> Path:
    return directory.with_name(f"{directory.name}.discard")
