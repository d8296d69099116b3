"""Finds the network that a command is about: a directory, by its path or its name, or the network applied to the cluster."""

import asyncio
import logging
import os
from pathlib import Path

from instep.errors import FileFormatError
from instep.network.network import Network

NETWORKS = Path("deploy/network")


def find(directory: str) -> Path:
    """The directory, or the one of that name in `deploy/network`; raises FileFormatError when there is neither."""
    candidates = (Path(directory), *(base / directory for base in _homes()))
    for candidate in candidates:
        if (candidate / "network.toml").is_file():
            return candidate
    if Path(directory).is_dir():
        return Path(directory)  # `check` says what it lacks
    names = network_names()
    named = f"; {NETWORKS} has {', '.join(names)}" if names else ""
    raise FileFormatError(f"There is no network directory {directory}{named}.")


def network_names() -> list[str]:
    """The names by which `find` knows directories, sorted."""
    return sorted({path.parent.name for base in _homes() for path in base.glob("*/network.toml")})


def _homes() -> tuple[Path, Path]:
    # An editable installation is beside its own networks, wherever the command is run.
    return NETWORKS, Path(__file__).resolve().parents[3] / NETWORKS


def applied() -> Network:
    """The network that was applied to the cluster; raises NotConnectedError."""
    from instep.kafka.connection import from_env
    from instep.kafka.follow import read_network

    # aiokafka logs errors that it also raises.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return asyncio.run(read_network(from_env(os.environ)))
