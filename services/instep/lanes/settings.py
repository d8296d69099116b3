"""How a service is told where it runs: `from_env` is pure, and a bad value names its variable."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from instep.catalogue.files import schemas_directory
from instep.errors import ConfigurationError
from instep.kafka.connection import Connection
from instep.kafka.connection import from_env as connection_from_env
from instep.network.access import service_principal
from instep.network.services import Service

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneSettings:
    """Where one worker of a service runs and how much it takes at once; times are seconds, sizes bytes."""

    connection: Connection
    state_directory: Path
    schemas_directory: Path
    management_host: str = "127.0.0.1"
    management_port: int = 0  # 0: any free port, which is logged
    session_timeout: float = 10.0
    heartbeat_interval: float = 3.0
    poll_records: int = 4000
    fetch_bytes: int = 1 << 20  # of one partition, in one fetch
    queue_bytes: int = 8 << 20  # of one lane, before its partitions are paused
    transaction_events: int = 20_000
    transaction_bytes: int = 8 << 20
    transaction_seconds: float = 0.5
    transaction_interval: float = (
        0.02  # at least, from one's beginning to the next one's; what is alone goes at once
    )
    transaction_timeout: float = 60.0  # after which the broker aborts it; a stalled machine needs as long
    watchdog_seconds: float = 10.0


def from_env(environ: Mapping[str, str], service: Service) -> LaneSettings:
    """The settings that `INSTEP_…` variables give a service; raises ConfigurationError or NotConnectedError."""
    return LaneSettings(
        connection=connection_from_env(environ).signed_in_as(service_principal(service.name)),
        state_directory=Path(environ.get("INSTEP_STATE_DIR", ".instep/state")),
        schemas_directory=schemas_directory(environ),
        management_host=environ.get("INSTEP_MANAGEMENT_HOST", "127.0.0.1"),
        management_port=_read(environ, "INSTEP_MANAGEMENT_PORT", int, service.port, 0, 65535),
        session_timeout=_read(environ, "INSTEP_SESSION_TIMEOUT_SECONDS", float, 10.0, 1.0, 300.0),
        heartbeat_interval=_read(environ, "INSTEP_HEARTBEAT_SECONDS", float, 3.0, 0.2, 100.0),
        transaction_timeout=_read(environ, "INSTEP_TRANSACTION_TIMEOUT_SECONDS", float, 60.0, 1.0, 900.0),
        poll_records=_read(environ, "INSTEP_POLL_RECORDS", int, 4000, 1, 100_000),
        watchdog_seconds=_read(environ, "INSTEP_WATCHDOG_SECONDS", float, 10.0, 1.0, 3600.0),
    )


def _read(
    environ: Mapping[str, str], name: str, kind: Callable[[str], T], default: T, least: float, most: float
) -> T:
    text = environ.get(name)
    if text is None:
        return default
    try:
        value = kind(text)
    except ValueError:
        raise ConfigurationError(f"{name} is not a number.") from None
    if not least <= float(value) <= most:  # type: ignore[arg-type]  # kind is int or float
        raise ConfigurationError(f"{name} is not between {least:g} and {most:g}.")
    return value
