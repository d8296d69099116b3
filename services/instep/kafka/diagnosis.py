"""Finds out why a connection to Kafka fails, and says so in one sentence for the user.

aiokafka reports all causes alike, as a failed connection. So each server is tried again, step by step, until a step fails:
the port opens, TLS is agreed, Kafka answers, Kafka accepts our name and secret. A frozen broker is a case of its own: the
kernel still opens connections, and then nothing ever answers. The sentence calls that silence, never a refusal.
"""

import asyncio
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol, assert_never

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaError,
    KafkaTimeoutError,
    RequestTimedOutError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

LOOK_SECONDS = 5.0
"""How long a step may take; a busy machine may need seconds for one."""

_SILENCE = (TimeoutError, KafkaTimeoutError, RequestTimedOutError)


class Diagnosable(Protocol):
    """The parts of `connection.Connection` that a diagnosis needs; `connection` imports this module."""

    @property
    def bootstrap_servers(self) -> str: ...
    @property
    def security_protocol(self) -> str: ...
    @property
    def sasl_mechanism(self) -> str: ...
    @property
    def sasl_username(self) -> str | None: ...
    @property
    def uses_ssl(self) -> bool: ...
    @property
    def uses_sasl(self) -> bool: ...
    def kafka(self) -> dict[str, Any]: ...


class Step(IntEnum):
    """How far we got with a server."""

    NOBODY = 0
    SILENT = 1
    LET_IN = 2
    REFUSED = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerFinding:
    """How far we got with a server, and why no further."""

    server: str
    step: Step
    problem: str = ""
    """The reason of a refusal; "" without a refusal."""


async def diagnosis(connection: Diagnosable) -> str:
    """The sentence that says what keeps us from this cluster just now."""
    servers = connection.bootstrap_servers.split(",")
    return sentence(connection, await asyncio.gather(*(_look(connection, server) for server in servers)))


def sentence(connection: Diagnosable, findings: Iterable[ServerFinding]) -> str:
    """The sentence for these findings: the server with which we got furthest says most."""
    where = connection.bootstrap_servers
    furthest = max(findings, key=lambda finding: finding.step)
    match furthest.step:
        case Step.NOBODY:
            return f"No broker answers at {where}: is it running? `instep up` starts a local one."
        case Step.SILENT:
            return (
                f"Kafka at {furthest.server} does not answer (the port is open, but nothing replies in {LOOK_SECONDS:g} s):"
                " is the broker frozen, overloaded or still starting, or is another program on that port?"
            )
        case Step.LET_IN:
            return (
                f"Kafka at {furthest.server} lets us in, but did not answer in time what was asked of it: is it overloaded"
                " or still starting?"
            )
        case Step.REFUSED:
            return f"The broker at {where} did not let us in over {connection.security_protocol}: {furthest.problem}"
        case _:
            assert_never(furthest.step)


async def _look(connection: Diagnosable, server: str) -> ServerFinding:
    if not await _listens(server):
        return ServerFinding(server=server, step=Step.NOBODY)
    try:
        await _sign_in(connection, server)
    except _SILENCE:
        return ServerFinding(server=server, step=Step.SILENT)
    except (
        KafkaError,
        OSError,
        ValueError,
        AssertionError,
    ) as error:  # the last two: bytes that are not Kafka's
        return await _refused(connection, server, error)
    return ServerFinding(server=server, step=Step.LET_IN)


async def _sign_in(connection: Diagnosable, server: str) -> None:
    """Connect and sign in as aiokafka does; raises the error that prevents either.

    A port that wants to know who we are says so only to the first question about the cluster: by hanging up.
    """
    host, port = _address(server)
    arguments = connection.kafka()
    del arguments["bootstrap_servers"]
    connected = AIOKafkaConnection(host, port, request_timeout_ms=int(LOOK_SECONDS * 1000), **arguments)
    try:
        await connected.connect()
        await connected.send(MetadataRequest([]))
    finally:
        connected.close()


async def _refused(connection: Diagnosable, server: str, error: Exception) -> ServerFinding:
    if connection.uses_ssl:
        problem = _over_tls(connection, error)
    else:
        try:
            tls = await _speaks_tls(server)
        except TimeoutError:
            return ServerFinding(server=server, step=Step.SILENT)
        wants = "it wants TLS, as in INSTEP_SECURITY_PROTOCOL=SASL_SSL."
        problem = wants if tls else _not_signed_in(connection, error) or _no_kafka(connection)
    return ServerFinding(server=server, step=Step.REFUSED, problem=problem)


def _over_tls(connection: Diagnosable, error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        return f"its certificate is not trusted ({why}); is INSTEP_SSL_CA_FILE its authority's?"
    if isinstance(error, OSError):  # any other SSLError too
        return "it does not speak TLS, or not ours; is INSTEP_SECURITY_PROTOCOL right?"
    if connection.uses_sasl:
        return _not_signed_in(connection, error) or _no_kafka(connection)
    return (
        "it wants a certificate from an authority that it knows, and in force (INSTEP_SSL_CERTIFICATE_FILE and"
        " INSTEP_SSL_KEY_FILE), or a name and a password (INSTEP_SECURITY_PROTOCOL=SASL_SSL)."
    )


def _not_signed_in(connection: Diagnosable, error: Exception) -> str | None:
    """The reason why Kafka refuses our name and secret; None where the error is about neither."""
    match error:
        case SaslAuthenticationFailed():
            return (
                f"the user {connection.sasl_username} is unknown to it, or INSTEP_SASL_PASSWORD_FILE holds another secret"
                " than that user's."
            )
        case UnsupportedSaslMechanismError():
            return f"it does not offer {connection.sasl_mechanism}; is INSTEP_SASL_MECHANISM right?"
        case IllegalSaslStateError():
            return "it takes no name and password on this port; is INSTEP_SECURITY_PROTOCOL right?"
    return None


def _no_kafka(connection: Diagnosable) -> str:
    return (
        f"it does not answer as Kafka over {connection.security_protocol}; is it still starting, or does it want another"
        " INSTEP_SECURITY_PROTOCOL?"
    )


async def _speaks_tls(server: str) -> bool:
    """Whether the port answers to a greeting of TLS; raises TimeoutError where nothing answers at all."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        await _opened(server, ssl=context)
    except TimeoutError:
        raise
    except OSError:
        return False
    return True


async def _listens(server: str) -> bool:
    try:
        await _opened(server)
    except OSError:  # TimeoutError too
        return False
    return True


async def _opened(server: str, **arguments: Any) -> None:
    """Open a connection and hang up."""
    host, port = _address(server)
    async with asyncio.timeout(LOOK_SECONDS):
        _, writer = await asyncio.open_connection(host, port, **arguments)
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


def _address(server: str) -> tuple[str, int]:
    host, _, port = server.rpartition(":")
    return host.strip("[]"), int(port)
