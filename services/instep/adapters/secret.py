"""Keeps a publisher's secret: 32 bytes in a file that only its owner can read, from which all pseudonyms and ids are made.

The secret's key id travels with each event, so that the network can tell one secret from another. The key id is an HMAC
under the secret: nobody learns anything of the secret from the key id.
"""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from instep.errors import PlatformError

FILE = "secret"
SIZE = 32
"""Bytes of a new secret."""
_KEY_ID_BYTES = 8


def key_id(secret: bytes) -> str:
    """The name of a secret: 16 hexadecimal digits."""
    return hmac.digest(secret, b"instep publisher key", "sha256")[:_KEY_ID_BYTES].hex()


def keeps_secret(home: Path) -> bool:
    """Whether an authority's directory holds a secret."""
    return (home / FILE).exists()


def secret_of(home: Path) -> bytes:
    """The secret in an authority's directory, made where there is none. Raises PlatformError as `existing_secret` does."""
    if not keeps_secret(home):
        write_whole(home / FILE, secrets.token_bytes(SIZE))
    return existing_secret(home)


def existing_secret(home: Path) -> bytes:
    """The secret in an authority's directory. Raises PlatformError where the file cannot be read, or is no secret."""
    file = home / FILE
    try:
        secret = file.read_bytes()
    except OSError as error:
        raise PlatformError(
            f"{file} cannot be read ({error.strerror}): it is the publisher's secret."
        ) from None
    if len(secret) < SIZE:
        raise PlatformError(f"{file} is not a publisher's secret; put back the one that was there before.")
    return secret


def write_whole(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read. A reader finds all of the content, or the file as it was before."""
    fresh = file.with_name(f"{file.name}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
