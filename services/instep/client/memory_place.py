"""Says where a publisher's memory and secret lie: one place for each user and cluster, wherever a command is run.

    <state directory>/publishers/<network>/<cluster id>/<authority>/      (`adapters.memory` says what is inside)

The state directory is the one that the user names (`--state-dir`, INSTEP_STATE_DIR), else the user's data directory of the
operating system. The cluster's id keeps a rehearsal on another cluster from making rows "unchanged" on this one.

Earlier versions kept the memory in `.instep/publishers/<authority>` of the current directory, or in the directory named.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from instep.adapters.secret import FILE, keeps_secret
from instep.errors import ConfigurationError
from instep.kafka.connection import HOME, home

PUBLISHERS = "publishers"
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A memory on the disk. `network` and `cluster` are "" for one of an earlier version, which does not say."""

    network: str
    cluster: str
    home: Path

    @property
    def authority(self) -> str:
        return self.home.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The places where a user's memories may lie: `state` is absolute, `earlier` are those of earlier versions."""

    state: Path
    earlier: tuple[Path, ...] = ()

    def of(self, network: str, cluster: str) -> Path:
        """The directory of a cluster's memories, with a directory for each authority."""
        return self.state / PUBLISHERS / network / _folder(cluster)

    def home(self, network: str, cluster: str, authority: str) -> Path:
        """The directory of an authority's memory; without a network, that of an earlier version."""
        return (self.of(network, cluster) if network else self.state / PUBLISHERS) / authority

    def kept(self, authority: str = "*") -> list[Kept]:
        """The memories of an authority, or of all, with those that earlier versions have left."""
        files = sorted((self.state / PUBLISHERS).glob(f"*/*/{authority}/{FILE}"))
        left = sorted(file for place in self.earlier for file in place.glob(f"{authority}/{FILE}"))
        return [Kept(network=file.parts[-4], cluster=file.parts[-3], home=file.parent) for file in files] + [
            Kept(network="", cluster="", home=file.parent) for file in left if _is_own(file.parent)
        ]

    def of_network(self, network: str, authority: str) -> list[Kept]:
        """The authority's memories for a network's clusters; where there is none, those of earlier versions."""
        kept = self.kept(authority)
        return [memory for memory in kept if memory.network == network] or [
            memory for memory in kept if not memory.network
        ]

    def left_by_earlier_versions(self, authority: str) -> Iterator[Path]:
        """The directories in which an earlier version has left a secret of the authority that belongs to the user."""
        yield from (place for place in self.earlier if _is_own(place / authority))


def place(chosen: Path | None, environ: Mapping[str, str]) -> Place:
    """The place for the user of this process; `chosen` is the directory that an option names.

    Raises ConfigurationError where the operating system knows no data directory of the user.
    """
    named = chosen or (Path(variable) if (variable := environ.get("INSTEP_STATE_DIR")) else None)
    state = named.absolute() if named else user_data_path("instep", appauthor=False)
    if not state.is_absolute():
        raise ConfigurationError(
            "Nobody knows where this user keeps data: name a directory in INSTEP_STATE_DIR."
        )
    left = [state] if named else [state, Path.cwd() / HOME, home(environ).absolute()]
    return Place(state=state, earlier=tuple(dict.fromkeys(directory / PUBLISHERS for directory in left)))


def _folder(cluster: str) -> str:
    """The cluster's id where a file system takes the id as a name; its digest elsewhere."""
    return cluster if _PLAIN.fullmatch(cluster) else hashlib.sha256(cluster.encode()).hexdigest()[:32]


def _is_own(home: Path) -> bool:
    """Whether the directory holds a secret of the user's own: whoever plants a secret could compute all pseudonyms."""
    try:
        return keeps_secret(home) and (
            not hasattr(os, "geteuid") or (home / FILE).stat().st_uid == os.geteuid()
        )
    except OSError:
        return False
