"""Reads the settings of a worker, a service's process with lanes, from `INSTEP_…` variables. Pure. `service/settings.py`
reads those that every service has.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from instep.network.services import Service
from instep.service.settings import ServiceSettings, number
from instep.service.settings import from_env as service_from_env


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneSettings(ServiceSettings):
    """Where a worker of a service runs, and how much the worker takes at once; times are seconds, sizes bytes."""

    state_directory: Path
    session_timeout: float = 10.0
    heartbeat_interval: float = 3.0
    poll_records: int = 4000
    fetch_bytes: int = 1 << 20  # of a partition, in a fetch
    queue_bytes: int = 8 << 20  # of a lane, before its partitions are paused
    transaction_events: int = 20_000
    transaction_bytes: int = 8 << 20
    transaction_seconds: float = 0.5
    transaction_interval: float = 0.02  # from a beginning to the next; a lone batch goes at once
    transaction_timeout: float = (
        60.0  # after which the broker aborts the transaction; a stalled machine needs as long
    )


def from_env(environ: Mapping[str, str], service: Service) -> LaneSettings:
    """The settings that `INSTEP_…` variables give a service; raises ConfigurationError or NotConnectedError."""
    common = service_from_env(environ, service)
    return LaneSettings(
        **{field.name: getattr(common, field.name) for field in fields(common)},
        state_directory=Path(environ.get("INSTEP_STATE_DIR", ".instep/state")),
        session_timeout=number(environ, "INSTEP_SESSION_TIMEOUT_SECONDS", float, 10.0, 1.0, 300.0),
        heartbeat_interval=number(environ, "INSTEP_HEARTBEAT_SECONDS", float, 3.0, 0.2, 100.0),
        transaction_timeout=number(environ, "INSTEP_TRANSACTION_TIMEOUT_SECONDS", float, 60.0, 1.0, 900.0),
        poll_records=number(environ, "INSTEP_POLL_RECORDS", int, 4000, 1, 100_000),
    )
