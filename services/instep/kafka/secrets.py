"""Secrets: a file for each principal, made once, which nobody but its owner can read."""

import os
import secrets
import uuid
from pathlib import Path

from instep.errors import ConfigurationError

_BYTES = 32


def secret(directory: Path, principal: str) -> str:
    """The secret of a principal, which is made where there is none; one that is there is never overwritten."""
    path = directory / principal
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = directory / f".{uuid.uuid4().hex}"
        write_private(draft, f"{secrets.token_urlsafe(_BYTES)}\n".encode())
        try:
            os.link(draft, path)  # fails where another was quicker, whose secret then holds
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return read_secret(path, str(path))


def read_secret(path: Path, named: str) -> str:
    """The secret in a file; raises ConfigurationError, calling it `named`, for one that cannot be read or is empty."""
    try:
        found = path.read_text("utf-8").strip("\r\n")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{named} cannot be read.") from error
    if not found:
        raise ConfigurationError(f"{named} is empty.")
    return found


def write_private(path: Path, content: bytes) -> None:
    """Write a file that nobody but its owner can read, not for a moment; it reaches the disk before this returns."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
