"""Makes and reads the secrets of Kafka users: a file for each principal, made once, that only the file's owner can read."""

import os
import secrets
import uuid
from pathlib import Path

from instep.errors import ConfigurationError

_BYTES = 32


def secret(directory: Path, principal: str) -> str:
    """The secret of a principal; makes a secret where there is none, and never overwrites a secret."""
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
    """The secret in a file. Raises ConfigurationError, with `named` for the file, for an unreadable or empty file."""
    try:
        content = path.read_text("utf-8").strip("\r\n")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{named} cannot be read.") from error
    if not content:
        raise ConfigurationError(f"{named} is empty.")
    return content


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, from the first moment on; returns once the content is on the disk."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
