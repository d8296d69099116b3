"""Speaks to a Confluent-compatible schema registry over HTTP: looks up, tries out and registers schemas.

The client does not trust the registry: every answer is bounded in time and size, redirects are not followed, and no word of
an answer gets into a message.
"""

import ipaddress
import json
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from instep.errors import ConfigurationError, NotConnectedError, SchemaError
from instep.events.schema import Schema
from instep.kafka.secrets import read_secret

if TYPE_CHECKING:
    from aiohttp import ClientSession

RULE = "FULL_TRANSITIVE"
"""The rule for every subject of Instep's: each version can read data of each other version."""

_LARGEST_ANSWER = 1 << 20
_ANSWER_WITHIN_S = 10.0
_TYPE = "application/vnd.schemaregistry.v1+json"
_NO_SUBJECT, _NO_VERSION, _NO_SCHEMA = 40401, 40402, 40403


@dataclass(frozen=True, kw_only=True, slots=True)
class Registry:
    """A registry's address, and the user as whom Instep signs in. `url` is the root of the API; "" means no registry."""

    url: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ssl_ca_file: Path | None = None


NO_REGISTRY = Registry()


def from_env(environ: Mapping[str, str]) -> Registry:
    """The registry that INSTEP_REGISTRY_URL names, with INSTEP_REGISTRY_USERNAME and INSTEP_REGISTRY_PASSWORD_FILE.

    An https registry is trusted by the machine's certificates and INSTEP_SSL_CA_FILE. Raises ConfigurationError.
    """
    settings = {
        name: environ.get(f"INSTEP_{name}", "").strip()
        for name in ("REGISTRY_URL", "REGISTRY_USERNAME", "REGISTRY_PASSWORD_FILE", "SSL_CA_FILE")
    }
    username, password_file = settings["REGISTRY_USERNAME"], settings["REGISTRY_PASSWORD_FILE"]
    if bool(username) != bool(password_file):
        raise ConfigurationError("INSTEP_REGISTRY_USERNAME and INSTEP_REGISTRY_PASSWORD_FILE go together.")
    if ":" in username:
        raise ConfigurationError(
            "INSTEP_REGISTRY_USERNAME must hold no colon: HTTP's basic authentication has no way."
        )
    return Registry(
        url=settings["REGISTRY_URL"],
        username=username or None,
        password=read_secret(Path(password_file), "INSTEP_REGISTRY_PASSWORD_FILE") if password_file else None,
        ssl_ca_file=Path(settings["SSL_CA_FILE"]) if settings["SSL_CA_FILE"] else None,
    )


class Client:
    """A thin client of the registry's API, with a single request at a time."""

    def __init__(self, session: "ClientSession", where: str) -> None:
        self._session = session
        self._where = where

    async def id_of(self, schema: Schema) -> object:
        """The schema's id as the registry gives the id, unchecked; None for a schema that the registry lacks."""
        path = f"subjects/{quote(schema.full_name, safe='')}"
        status, answer = await self._ask("POST", path, {"schema": schema.text})
        if _is_missing(status, answer):
            return None
        schema_id: object = self._good(status, answer, f"to look up {_named(schema)}").get("id", "")
        return schema_id

    async def by_id(self, number: int) -> Any:
        """The definition of the schema with this id; None for an unknown id."""
        status, answer = await self._ask("GET", f"schemas/ids/{number}")
        if _is_missing(status, answer):
            return None
        text = self._good(status, answer, "to give out schemas by their ids").get("schema")
        try:
            return json.loads(str(text))
        except (ValueError, RecursionError):
            raise self._strange() from None

    async def set_rule(self, subject: str) -> None:
        """Make the registry refuse versions of the subject that break the rule, if the registry does not yet."""
        path = f"config/{quote(subject, safe='')}"
        status, answer = await self._ask("GET", path)
        if status == 404 or self._good(status, answer, "to show its rules").get("compatibilityLevel") != RULE:
            wanted = {"compatibility": RULE}
            self._good(*await self._ask("PUT", path, wanted), f"to set {RULE} for {subject}")

    async def try_out(self, schema: Schema) -> None:
        """Return if the registry would take this version; raise SchemaError if not."""
        path = f"compatibility/subjects/{quote(schema.full_name, safe='')}/versions"
        status, answer = await self._ask("POST", path, {"schema": schema.text})
        if _is_missing(status, answer):  # the first of its subject
            return
        if self._good(status, answer, "to judge a new version").get("is_compatible") is not True:
            raise _incompatible(schema)

    async def register(self, schema: Schema) -> object:
        """Register the schema and return its id, unchecked. Raises SchemaError for an incompatible version."""
        path = f"subjects/{quote(schema.full_name, safe='')}/versions"
        status, answer = await self._ask("POST", path, {"schema": schema.text})
        if status == 409:
            raise _incompatible(schema)
        given: object = self._good(status, answer, f"to register {_named(schema)}").get("id")
        return given

    def _good(self, status: int, answer: Any, request: str) -> dict[str, Any]:
        if not isinstance(answer, dict):
            raise self._strange()
        if status >= 500:
            raise NotConnectedError(
                f"The registry at {self._where} failed when it was asked {request} (status {status}): look at its log, then"
                " run this again; nothing is applied."
            )
        if status != 200:
            raise ConfigurationError(
                f"The registry at {self._where} refuses {request} (status {status}): may INSTEP_REGISTRY_USERNAME do it?"
                " Nothing is applied."
            )
        return answer

    async def _ask(self, method: str, path: str, body: Mapping[str, str] | None = None) -> tuple[int, Any]:
        from aiohttp import ClientError, InvalidURL

        try:
            async with self._session.request(
                method, f"{self._where}/{path}", json=body, allow_redirects=False
            ) as response:
                status = response.status
                content = await _bounded(response.content)
        except TimeoutError as error:
            raise NotConnectedError(
                f"The registry at {self._where} has not answered within {_ANSWER_WITHIN_S:g} s: nothing is applied."
            ) from error
        except InvalidURL as error:
            raise ConfigurationError("INSTEP_REGISTRY_URL is no URL.") from error
        except (ClientError, OSError, ValueError) as error:
            raise NotConnectedError(
                f"The registry at {self._where} cannot be reached ({type(error).__name__}): is it running, is"
                " INSTEP_REGISTRY_URL right, and does INSTEP_SSL_CA_FILE hold its authority? Nothing is applied."
            ) from error
        return self._understood(status, content)

    def _understood(self, status: int, content: bytes | None) -> tuple[int, Any]:
        if status in (401, 403):
            raise ConfigurationError(
                f"The registry at {self._where} does not let us in (status {status}): set INSTEP_REGISTRY_USERNAME and"
                " INSTEP_REGISTRY_PASSWORD_FILE to a user who may register schemas."
            )
        if 300 <= status < 400:
            raise ConfigurationError(
                f"The registry at {self._where} sends us elsewhere (status {status}), where we do not follow: set"
                " INSTEP_REGISTRY_URL to its API itself, such as https://registry.example/apis/ccompat/v7."
            )
        try:
            return status, json.loads(content or b"")
        except (ValueError, RecursionError):
            if status >= 500:
                return status, {}
            raise self._strange() from None

    def _strange(self) -> ConfigurationError:
        return ConfigurationError(
            f"What answers at {self._where} is no schema registry: set INSTEP_REGISTRY_URL to its Confluent-compatible API,"
            " such as https://registry.example/apis/ccompat/v7."
        )


def _is_missing(status: int, answer: Any) -> bool:
    """Whether a registry says that something is missing. A 404 without its codes comes from something else."""
    codes = (_NO_SUBJECT, _NO_VERSION, _NO_SCHEMA)
    return status == 404 and isinstance(answer, dict) and answer.get("error_code") in codes


def _named(schema: Schema) -> str:
    return f"{schema.full_name} {schema.version}"


def _incompatible(schema: Schema) -> SchemaError:
    return SchemaError(
        f"The registry refuses {_named(schema)} by its rule {RULE} for the subject"
        f" {schema.full_name}: the version is not compatible with those that it holds; `instep schemas diff` says what"
        " differs. Nothing is applied."
    )


async def _bounded(stream: Any) -> bytes | None:
    """The whole content of an answer, or None where the content is larger than any schema of ours."""
    content = bytearray()
    async for chunk in stream.iter_any():
        content += chunk
        if len(content) > _LARGEST_ANSWER:
            return None
    return bytes(content)


@asynccontextmanager
async def connected(registry: Registry) -> AsyncIterator[Client]:
    """A client of the registry. Raises ConfigurationError for a setting that cannot be used."""
    try:
        from aiohttp import ClientSession, ClientTimeout, TCPConnector
    except ImportError as absent:
        raise ConfigurationError("A registry needs aiohttp: install instep[services].") from absent

    url = _checked(registry)
    headers = {"Accept": _TYPE, "Content-Type": _TYPE}
    if registry.username:
        credentials = b64encode(f"{registry.username}:{registry.password}".encode()).decode()
        headers["Authorization"] = f"Basic {credentials}"
    async with ClientSession(
        connector=TCPConnector(ssl=_trusted(registry) if url.startswith("https:") else True),
        headers=headers,
        timeout=ClientTimeout(total=_ANSWER_WITHIN_S),
    ) as session:
        yield Client(session, url)


def _checked(registry: Registry) -> str:
    try:
        parts = urlsplit(registry.url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise ConfigurationError(
            "INSTEP_REGISTRY_URL, or registry in network.toml, must be the URL of the registry's API, such as"
            " https://registry.example/apis/ccompat/v7."
        )
    if parts.username is not None:
        raise ConfigurationError(
            "INSTEP_REGISTRY_URL must hold no user name: set INSTEP_REGISTRY_USERNAME and INSTEP_REGISTRY_PASSWORD_FILE."
        )
    if registry.username and parts.scheme == "http" and not _is_loopback(host):
        raise ConfigurationError(
            "INSTEP_REGISTRY_URL must begin with https where a password is sent: anybody on the way could read it."
        )
    return registry.url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _trusted(registry: Registry) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if registry.ssl_ca_file is not None:
        try:
            context.load_verify_locations(registry.ssl_ca_file)
        except OSError as error:  # ssl.SSLError is one too
            raise ConfigurationError("INSTEP_SSL_CA_FILE is not a usable PEM file.") from error
    return context
