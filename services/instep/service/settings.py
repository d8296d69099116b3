"""Reads the `INSTEP_…` variables that the process of every service has. Pure: an error names the variable of a bad value."""

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

T = TypeVar("T", int, float)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceSettings:
    """Where a service finds Kafka and the schemas, and where it answers.

    The watchdog ends the process when its event loop has been silent for `watchdog_seconds`.
    """

    connection: Connection
    schemas_directory: Path
    management_host: str = "127.0.0.1"
    management_port: int = 0  # 0: any free port, which is logged
    watchdog_seconds: float = 10.0


def from_env(environ: Mapping[str, str], service: Service) -> ServiceSettings:
    """The settings of a service's process; raises ConfigurationError or NotConnectedError."""
    return ServiceSettings(
        connection=connection_from_env(environ).signed_in_as(service_principal(service.name)),
        schemas_directory=schemas_directory(environ),
        management_host=environ.get("INSTEP_MANAGEMENT_HOST", "127.0.0.1"),
        management_port=number(environ, "INSTEP_MANAGEMENT_PORT", int, service.port, 0, 65535),
        watchdog_seconds=number(environ, "INSTEP_WATCHDOG_SECONDS", float, 10.0, 1.0, 3600.0),
    )


def number(
    environ: Mapping[str, str], name: str, kind: Callable[[str], T], default: T, least: float, most: float
) -> T:
    """A variable's number, or `default`. Raises ConfigurationError unless the number lies from `least` to `most`."""
    text = environ.get(name)
    if text is None:
        return default
    try:
        value = kind(text)
    except ValueError:
        raise ConfigurationError(f"{name} is not a number.") from None
    if not least <= value <= most:
        raise ConfigurationError(f"{name} is not between {least:g} and {most:g}.")
    return value
