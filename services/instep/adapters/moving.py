"""Moves a publisher's memory and secret to another machine, in a sealed file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from instep.adapters.adoption import put
from instep.adapters.memory_files import DATABASE, held, snapshot
from instep.adapters.sealing import seal, unseal
from instep.adapters.secret import SIZE, existing_secret, keeps_secret, key_id
from instep.errors import FileFormatError, PlatformError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""A name of a directory, and never a path."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Luggage:
    """What moves: the database as its file's bytes (empty for none), the secret, and where they belong.

    `network` and `cluster` are names of directories (`memory_place`); both are "" for a memory of an earlier version.
    """

    authority: str
    network: str
    cluster: str
    secret: bytes = field(repr=False)
    memory: bytes = field(repr=False)

    @property
    def key_id(self) -> str:
        return key_id(self.secret)


def pack(home: Path, network: str, cluster: str, passphrase: str) -> bytes:
    """The sealed file of the memory in `home`. Raises PlatformError where `home` is in use or holds no secret."""
    if not keeps_secret(home):
        raise PlatformError(f"{home} holds no publisher's memory.")
    with held(home, home.name):
        secret = existing_secret(home)
        memory = snapshot(home) if (home / DATABASE).exists() else b""
    label = {"authority": home.name, "network": network, "cluster": cluster, "secret": secret.hex()}
    return seal(json.dumps(label).encode() + b"\n" + memory, passphrase)


def unpack(file: bytes, passphrase: str, named: str) -> Luggage:
    """What a sealed file holds. Raises FileFormatError, as `unseal` does."""
    label, _, memory = unseal(file, passphrase, named).partition(b"\n")
    try:
        return _luggage(json.loads(label), memory)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise FileFormatError(f"{named} was sealed by a newer version of Instep: upgrade this one.") from None


def _luggage(label: dict[str, str], memory: bytes) -> Luggage:
    luggage = Luggage(secret=bytes.fromhex(label.pop("secret")), memory=memory, **label)
    names = (luggage.authority, luggage.network or "-", luggage.cluster or "-")
    if len(luggage.secret) < SIZE or not all(map(_NAME.fullmatch, names)):
        raise ValueError
    return luggage


def settle(luggage: Luggage, home: Path) -> None:
    """Put the luggage into `home`, all of it or nothing. Raises PlatformError where a secret is there already.

    Interrupted at any moment, `home` holds no memory; the sealed file can be taken again.
    """
    with held(home, luggage.authority):
        put(home, luggage.memory, luggage.secret)
