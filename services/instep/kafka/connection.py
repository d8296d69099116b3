"""Reads from settings where Kafka is and how to sign in, and makes the arguments of Kafka's clients.

Settings are `INSTEP_…` variables. Where none of them names the brokers, the settings in `.instep/connection.json`
hold (of the current directory or of the nearest above, see `home`), which `instep up` wrote for the local platform.
Variables and file are never mixed across clusters. Where `INSTEP_BOOTSTRAP_SERVERS` names the brokers, the file is not
read: a local file's PLAINTEXT can never be applied to somebody's production cluster. For the same reason PLAINTEXT has
to be asked for by name.

On the local platform every command signs in as the principal for whom the command speaks (`signed_in_as`), since all
secrets lie in one directory. In production a person who runs a command has one identity, which the variables name.
"""

import asyncio
import json
import os
import re
import ssl
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaTimeoutError,
    NoBrokersAvailable,
    NodeNotReadyError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from aiokafka.helpers import create_ssl_context

from instep.errors import ConfigurationError, NotConnectedError
from instep.kafka.diagnosis import diagnosis
from instep.kafka.secrets import read_secret

FILE_NAME = "connection.json"
HOME = ".instep"
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")

UNREACHABLE = (
    KafkaConnectionError,
    KafkaTimeoutError,
    NoBrokersAvailable,
    NodeNotReadyError,
    RequestTimedOutError,
    TimeoutError,
)
"""The errors of aiokafka when the broker is away or turns us away. aiokafka does not distinguish the two."""
NOT_PERMITTED = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
"""The errors of aiokafka when the broker lets us in and denies us the request."""


class _OneSidedGoodbye(ssl.SSLObject):
    """TLS that says goodbye and does not wait for the answer: a broker at work on a fetch gives none for 30 seconds.

    Nothing is lost: the broker has answered everything that matters before a client closes.
    """

    def unwrap(self) -> None:
        try:
            super().unwrap()
        except ssl.SSLWantReadError:
            pass


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """A cluster and the identity to use with it. `bootstrap_servers` is `host:port[,host:port…]`.

    `sasl_password` is the secret itself, read from its file, and left out of every repr.
    """

    bootstrap_servers: str
    security_protocol: str = "SASL_SSL"
    sasl_mechanism: str = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ssl_ca_file: Path | None = None
    ssl_certificate_file: Path | None = None
    ssl_key_file: Path | None = None
    secrets_dir: Path | None = None
    """The directory in which `network apply` keeps the secrets of the users."""
    local: bool = False
    """Whether the cluster is the local platform's, with all secrets at hand, and no variable names an identity."""

    def signed_in_as(self, principal: str) -> "Connection":
        """The same cluster as this principal, on the local platform; elsewhere the connection unchanged.

        Raises ConfigurationError where the principal has no secret.
        """
        if not self.local or not self.uses_sasl:
            return self
        if not self.has_secret_of(principal) or self.secrets_dir is None:
            raise ConfigurationError(
                f"There is no secret of {principal} in {self.secrets_dir}: `instep network apply` makes one for everybody in"
                " the network."
            )
        secret = read_secret(self.secrets_dir / principal, f"The secret of {principal}")
        return replace(self, sasl_username=principal, sasl_password=secret)

    def has_secret_of(self, principal: str) -> bool:
        """Whether the secret of this principal is at hand."""
        return (
            self.secrets_dir is not None
            and _PRINCIPAL.fullmatch(principal) is not None
            and (self.secrets_dir / principal).is_file()
        )

    @property
    def uses_sasl(self) -> bool:
        return self.security_protocol.startswith("SASL_")

    @property
    def uses_ssl(self) -> bool:
        return self.security_protocol.endswith("SSL")

    def kafka(self) -> dict[str, Any]:
        """Keyword arguments for any aiokafka client. Raises ConfigurationError for an unusable certificate file."""
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers.split(","),
            "security_protocol": self.security_protocol,
        }
        if self.uses_ssl:
            arguments["ssl_context"] = self._ssl_context()
        if self.uses_sasl:
            arguments["sasl_mechanism"] = self.sasl_mechanism
            arguments["sasl_plain_username"] = self.sasl_username
            arguments["sasl_plain_password"] = self.sasl_password
        return arguments

    def confluent(self) -> dict[str, str]:
        """Settings for any client of confluent-kafka (librdkafka)."""
        settings: dict[str, object] = {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": self.security_protocol,
        }
        if self.uses_ssl:
            settings["ssl.ca.location"] = self.ssl_ca_file
            settings["ssl.certificate.location"] = self.ssl_certificate_file
            settings["ssl.key.location"] = self.ssl_key_file
        if self.uses_sasl:
            settings["sasl.mechanism"] = self.sasl_mechanism
            settings["sasl.username"] = self.sasl_username
            settings["sasl.password"] = self.sasl_password
        return {name: str(value) for name, value in settings.items() if value is not None}

    def _ssl_context(self) -> ssl.SSLContext:
        try:
            context: ssl.SSLContext = create_ssl_context(
                cafile=self.ssl_ca_file, certfile=self.ssl_certificate_file, keyfile=self.ssl_key_file
            )
            context.sslobject_class = _OneSidedGoodbye
            return context
        except OSError as error:  # ssl.SSLError too
            raise ConfigurationError(
                "INSTEP_SSL_CA_FILE, INSTEP_SSL_CERTIFICATE_FILE or INSTEP_SSL_KEY_FILE is not a usable PEM file"
            ) from error


def home(environ: Mapping[str, str]) -> Path:
    """Where the local platform lies: INSTEP_HOME, else the `.instep` of the current directory or of the nearest above.

    Only a directory of the user's own counts above the current one: whoever may write to a directory above must not be able
    to send a command to another cluster. Where there is none, a platform would be made in the current directory.
    """
    if named := environ.get("INSTEP_HOME"):
        return Path(named)
    here = Path.cwd()
    platforms = (folder / HOME for folder in (here, *here.parents) if _is_platform(folder / HOME))
    nearest = next(platforms, here / HOME)
    return Path(HOME) if nearest.parent == here else nearest


def _is_platform(directory: Path) -> bool:
    """Whether `instep up` has made the directory, and the user owns the directory."""
    try:
        if not any((directory / name).exists() for name in (FILE_NAME, "secrets", "kafka")):
            return False
        return not hasattr(os, "geteuid") or directory.stat().st_uid == os.geteuid()
    except OSError:
        return False


def from_env(environ: Mapping[str, str], directory: Path | None = None) -> Connection:
    """The connection in `environ`, else in connection.json of `directory`, else of `home`.

    The file holds the same names in lower case without `INSTEP_`: `{"bootstrap_servers": "127.0.0.1:9092",
    "security_protocol": "PLAINTEXT"}`. Raises NotConnectedError when neither names the brokers, ConfigurationError
    (naming the variable) for an unusable value.
    """
    variables = {name: environ.get(variable(name), "").strip() for name in NAMES}
    settings = variables = {name: value for name, value in variables.items() if value}
    local = "bootstrap_servers" not in variables
    own_identity = bool(_IDENTITY & variables.keys())
    if local:
        settings = _with_secret(
            {**_from_file((directory or home(environ)) / FILE_NAME), **variables}, variables
        )
    if "bootstrap_servers" not in settings:
        raise NotConnectedError(
            "Nobody has said where Kafka is: run `instep up` for a local one, or set INSTEP_BOOTSTRAP_SERVERS."
        )
    return replace(_checked(settings), local=local and not own_identity)


def _with_secret(settings: dict[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """On the local platform a user name is enough: INSTEP_SASL_USERNAME=leeds."""
    if "sasl_username" in variables and "sasl_password_file" not in variables and "secrets_dir" in settings:
        return settings | {
            "sasl_password_file": str(Path(settings["secrets_dir"]) / settings["sasl_username"])
        }
    return settings


NAMES = (
    "bootstrap_servers",
    "security_protocol",
    "sasl_mechanism",
    "sasl_username",
    "sasl_password_file",
    "ssl_ca_file",
    "ssl_certificate_file",
    "ssl_key_file",
    "secrets_dir",
)
_IDENTITY = {"security_protocol", "sasl_username", "sasl_password_file", "ssl_certificate_file"}
_PRINCIPAL = re.compile(r"[a-z][a-z0-9.-]*")


def variable(name: str) -> str:
    return f"INSTEP_{name.upper()}"


def _from_file(path: Path) -> dict[str, str]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read; `instep up` writes it anew.") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path} is not a JSON object; `instep up` writes it anew.")
    return {name: str(document[name]) for name in NAMES if document.get(name)}


def _checked(settings: Mapping[str, str]) -> Connection:
    protocol = _choice("security_protocol", settings.get("security_protocol", "SASL_SSL").upper(), PROTOCOLS)
    mechanism = _choice("sasl_mechanism", settings.get("sasl_mechanism", MECHANISMS[0]).upper(), MECHANISMS)
    if protocol.startswith("SASL_"):
        for name in ("sasl_username", "sasl_password_file"):
            if name not in settings:
                raise ConfigurationError(
                    f"{variable(name)} is missing: {protocol} needs a user name and a password file; a broker without"
                    " security has to be named as such, with INSTEP_SECURITY_PROTOCOL=PLAINTEXT."
                )
    password = None
    if protocol.startswith("SASL_"):
        password = read_secret(Path(settings["sasl_password_file"]), variable("sasl_password_file"))
    return Connection(
        bootstrap_servers=_servers(settings["bootstrap_servers"]),
        security_protocol=protocol,
        sasl_mechanism=mechanism,
        sasl_username=settings.get("sasl_username"),
        sasl_password=password,
        ssl_ca_file=_file("ssl_ca_file", settings),
        ssl_certificate_file=_file("ssl_certificate_file", settings),
        ssl_key_file=_file("ssl_key_file", settings),
        secrets_dir=Path(settings["secrets_dir"]) if "secrets_dir" in settings else None,
    )


def _choice(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ConfigurationError(f"{variable(name)} must be one of {', '.join(allowed)}.")
    return value


def _servers(text: str) -> str:
    servers = [server.strip() for server in text.split(",") if server.strip()]
    for server in servers:
        host, _, port = server.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigurationError("INSTEP_BOOTSTRAP_SERVERS must be host:port, several joined by commas.")
    if not servers:
        raise ConfigurationError("INSTEP_BOOTSTRAP_SERVERS must be host:port, several joined by commas.")
    return ",".join(servers)


def _file(name: str, settings: Mapping[str, str]) -> Path | None:
    if name not in settings:
        return None
    path = Path(settings[name])
    if not path.is_file():
        raise ConfigurationError(f"{variable(name)} names a file that is not there.")
    return path


async def ensure_reachable(connection: Connection, timeout_s: float = 10.0) -> None:
    """Return when a broker answers and lets us in; else raise NotConnectedError, which names the likely causes."""
    async with connecting(connection):
        admin = AIOKafkaAdminClient(request_timeout_ms=int(timeout_s * 1000), **connection.kafka())
        try:
            async with asyncio.timeout(timeout_s):
                await admin.start()
        finally:
            await admin.close()


@asynccontextmanager
async def connecting(connection: Connection) -> AsyncIterator[None]:
    """Turn the errors by which aiokafka says that a broker is away into a NotConnectedError of a single sentence.

    For the start of a client, not for the work done with the client: a later timeout has other causes.
    """
    try:
        yield
    except UNREACHABLE as error:
        raise NotConnectedError(await diagnosis(connection)) from error


def not_permitted(connection: Connection, topics: str | Collection[str]) -> ConfigurationError:
    """The error when the broker lets us in and denies us some topics: a name or several, as aiokafka gives them."""
    named = topics if isinstance(topics, str) else ", ".join(sorted(topics))
    who = connection.sasl_username or "the owner of this certificate"
    return ConfigurationError(
        f"The broker does not permit {who} to use {named}: who may is decided by the network, and `instep network apply`"
        " makes it so."
    )
