"""Carries out `instep publisher show | export | import`. None of them needs a broker."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from instep.adapters.memory_files import DATABASE
from instep.adapters.moving import pack, settle, unpack
from instep.adapters.secret import existing_secret, keeps_secret, key_id
from instep.cli.output import OutputForm, note, show
from instep.cli.passphrase import known_passphrase, new_passphrase
from instep.client.memory_place import Kept, Place
from instep.errors import ConfigurationError, FileFormatError, PlatformError
from instep.kafka.secrets import write_private
from instep.workbooks.new_file import new_file

COLUMNS = ("authority", "network", "cluster", "key", "last_used", "directory")


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryChoice:
    """The memory to export: of a network and a cluster where they are named."""

    authority: str
    network: str | None = None
    cluster: str | None = None

    def covers(self, kept: Kept) -> bool:
        """Whether a memory of the authority is meant."""
        return self.network in (None, kept.network) and self.cluster in (None, kept.cluster)


def show_all(place: Place, authority: str | None, output: OutputForm) -> None:
    """Show each memory; no content, and no lock is taken."""
    rows = list(_rows(place.kept(authority or "*")))
    show(
        output,
        COLUMNS,
        rows,
        nothing=f"No council has published a file from here: {place.state} has no memory.",
    )


def export_to(file: Path, choice: MemoryChoice, place: Place) -> None:
    """Write the sealed file, whole or not at all. Raises ConfigurationError where the choice names none, or several."""
    kept = _chosen(choice, place)
    with new_file(file) as part:
        passphrase = new_passphrase(os.environ)
        write_private(part, pack(kept.home, kept.network, kept.cluster, passphrase))
    note(
        f"{file} holds the memory and the secret of {kept.authority} (key {_key(kept.home)}). After a move, publish from the"
        " new place alone."
    )


def import_from(file: Path, place: Place) -> None:
    """Put what the file holds into its place. Raises FileFormatError for the file, PlatformError for the place."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise FileFormatError(f"{file} cannot be read ({error.strerror}).") from None
    luggage = unpack(content, known_passphrase(os.environ), str(file))
    home = place.home(luggage.network, luggage.cluster, luggage.authority)
    if keeps_secret(home):
        which = "the same" if _key(home) == luggage.key_id else "another"
        raise PlatformError(
            f"{luggage.authority} has a memory with {which} secret in {home}, and nothing was changed: to take {file.name}"
            " instead, move that directory away."
        )
    settle(luggage, home)
    note(f"The memory and the secret of {luggage.authority} (key {luggage.key_id}) are in {home}.")


def _chosen(choice: MemoryChoice, place: Place) -> Kept:
    """The one memory that is meant. What an earlier version has left counts where there is nothing else."""
    kept = [memory for memory in place.kept(choice.authority) if choice.covers(memory)]
    match [memory for memory in kept if memory.network] or kept:
        case [chosen]:
            return chosen
        case []:
            raise ConfigurationError(
                f"There is no memory of {choice.authority} in {place.state}: `instep publisher show` lists all there are."
            )
        case several:
            options = " · ".join(map(_option_for, several))
            raise ConfigurationError(f"{choice.authority} has several memories, so say which: {options}.")


def _option_for(kept: Kept) -> str:
    if kept.network:
        return f"--network {kept.network} --cluster {kept.cluster}"
    return f"--state-dir {kept.home.parent.parent}"


def _rows(memories: list[Kept]) -> Iterator[dict[str, Any]]:
    for kept in memories:
        yield {
            "authority": kept.authority,
            "network": kept.network or None,
            "cluster": kept.cluster or None,
            "key": _key(kept.home),
            "last_used": _last_used(kept.home),
            "directory": str(kept.home),
        }


def _key(home: Path) -> str:
    return key_id(existing_secret(home))


def _last_used(home: Path) -> str | None:
    file = home / DATABASE
    if not file.exists():
        return None
    at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
