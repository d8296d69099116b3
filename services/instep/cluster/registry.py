"""Schema ids from a Confluent-compatible registry, where there is one: Apicurio's, Confluent's, Karapace.

`apply` alone talks to it, and before it changes anything else: services take ids from `instep.network` and never ask.
What a registry answers is a stranger's: every answer is bounded, checked, and read back by id before an id is taken.
"""

import ipaddress
import json
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from instep.cluster.secrets import read_secret
from instep.errors import ConfigurationError, NetworkError, NotConnectedError, SchemaError
from instep.events.catalogue import Schema

if TYPE_CHECKING:
    from aiohttp import ClientSession

Pair = tuple[str, str]
"""A schema's full name and version."""

RULE = "FULL_TRANSITIVE"
"""Each version readable with each other one, both ways, set for every subject of ours."""

_LARGEST_ID = 2**31 - 1  # Confluent's clients hold it in a signed integer
_LARGEST_ANSWER = 1 << 20
_ANSWER_WITHIN_S = 10.0
_TYPE = "application/vnd.schemaregistry.v1+json"
_NO_SUBJECT, _NO_VERSION, _NO_SCHEMA = 40401, 40402, 40403


@dataclass(frozen=True, kw_only=True, slots=True)
class Registry:
    """Where the registry is and who we are to it. `url` is what its API's paths are put behind; none means no registry."""

    url: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ssl_ca_file: Path | None = None


NO_REGISTRY = Registry()


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """The registry's ids of the schemas that it has, and which of them are new to it, or would be."""

    ids: Mapping[Pair, int]
    new: tuple[Pair, ...]


def from_env(environ: Mapping[str, str]) -> Registry:
    """The registry that INSTEP_REGISTRY_URL names, with INSTEP_REGISTRY_USERNAME and INSTEP_REGISTRY_PASSWORD_FILE.

    An https registry is trusted by the machine's certificates and INSTEP_SSL_CA_FILE. Raises ConfigurationError.
    """
    said = {
        name: environ.get(f"INSTEP_{name}", "").strip()
        for name in ("REGISTRY_URL", "REGISTRY_USERNAME", "REGISTRY_PASSWORD_FILE", "SSL_CA_FILE")
    }
    username, password_file = said["REGISTRY_USERNAME"], said["REGISTRY_PASSWORD_FILE"]
    if bool(username) != bool(password_file):
        raise ConfigurationError("INSTEP_REGISTRY_USERNAME and INSTEP_REGISTRY_PASSWORD_FILE go together.")
    if ":" in username:
        raise ConfigurationError(
            "INSTEP_REGISTRY_USERNAME must hold no colon: HTTP's basic authentication has no way."
        )
    return Registry(
        url=said["REGISTRY_URL"],
        username=username or None,
        password=read_secret(Path(password_file), "INSTEP_REGISTRY_PASSWORD_FILE") if password_file else None,
        ssl_ca_file=Path(said["SSL_CA_FILE"]) if said["SSL_CA_FILE"] else None,
    )


# -- what to do: pure


def in_order(schemas: Sequence[Schema], known: Mapping[int, Pair]) -> tuple[Schema, ...]:
    """The order in which to register: by the ids that the network has, so that an empty registry gives the same again."""
    ids: dict[Pair, int] = {}
    for number, pair in known.items():
        ids.setdefault(pair, number)
    unknown = _LARGEST_ID + 1
    return tuple(sorted(schemas, key=lambda one: ids.get(_pair(one), unknown)))


def agreed(known: Mapping[int, Pair], registered: Mapping[Pair, int]) -> dict[int, Pair]:
    """The network's ids once the registry's are taken: the registry's first, which are written with from now on.

    Ids that the network has had stay, to be read: events on the bus bear them. Raises NetworkError for an id that is
    two schemas' or does not fit in four bytes.
    """
    taken: dict[int, Pair] = {}
    for pair, number in registered.items():
        if type(number) is not int or not 0 < number <= _LARGEST_ID:
            raise NetworkError(
                f"The registry gives {_named(pair)} an id that is no whole number from 1 to {_LARGEST_ID}: nothing is"
                " applied."
            )
        other = taken.get(number, known.get(number, pair))
        if other != pair:
            raise NetworkError(
                f"The registry gives {_named(pair)} the id {number}, under which this network has {_named(other)} for good,"
                " since events on the bus bear it: nothing is applied; use a registry whose next id is above"
                f" {max(known, default=0)}, or none."
            )
        taken[number] = pair
    return taken | {number: pair for number, pair in known.items() if number not in taken}


def _pair(schema: Schema) -> Pair:
    return schema.full_name, schema.version


def _named(pair: Pair) -> str:
    return " ".join(pair)


# -- asking and registering


async def lookup(registry: Registry, schemas: Sequence[Schema], known: Mapping[int, Pair]) -> Registered:
    """What the registry has of these schemas, and what is missing; changes nothing.

    `known` are the network's ids so far. Raises NetworkError where the registry holds another schema under one of them:
    who asks it would misread what lies on the bus. And NotConnectedError, ConfigurationError.
    """
    async with _client(registry) as client:
        ids = await _lookup(client, schemas, known)
    missing = (schema for schema in in_order(schemas, known) if _pair(schema) not in ids)
    return Registered(ids=ids, new=tuple(map(_pair, missing)))


async def register(registry: Registry, schemas: Sequence[Schema], known: Mapping[int, Pair]) -> Registered:
    """The registry's ids of these schemas, which are registered where they are not yet; run again, it changes nothing.

    First the rule is set for every subject, then every new version is tried against it, and only then is any
    registered. Raises SchemaError for an incompatible version, and as `lookup`.
    """
    async with _client(registry) as client:
        ids = await _lookup(client, schemas, known)
        missing = [schema for schema in in_order(schemas, known) if _pair(schema) not in ids]
        for subject in {schema.full_name: None for schema in schemas}:
            await client.set_rule(subject)
        for schema in missing:
            await client.try_out(schema)
        for schema in missing:
            ids[_pair(schema)] = await client.register(schema)
        agreed(known, ids)
        for schema in missing:
            await _read_back(client, schema, ids[_pair(schema)])
    return Registered(ids=ids, new=tuple(map(_pair, missing)))


async def _lookup(client: "_Client", schemas: Sequence[Schema], known: Mapping[int, Pair]) -> dict[Pair, int]:
    ours = {_pair(schema): schema for schema in schemas}
    for number, pair in known.items():
        held = await client.by_id(number)
        if held is not None and not _same(held, pair, ours.get(pair)):
            raise NetworkError(
                f"The registry holds another schema under the id {number}, which is {_named(pair)} on this network's bus:"
                " whoever asks it would misread events, so nothing is applied; use a registry that has not given out"
                f" the ids up to {max(known)}, or none."
            )
    found: dict[Pair, int] = {}
    for pair, schema in ours.items():
        given = await client.id_of(schema)
        if given is not None:
            found[pair] = given
            if known.get(given) != pair:
                await _read_back(client, schema, given)
    return found


def _same(held: Any, pair: Pair, schema: Schema | None) -> bool:
    """Whether what the registry holds is this schema; of one that our catalogue has lost only the name is known."""
    if schema is not None:
        return bool(held == schema.definition)
    return isinstance(held, dict) and f"{held.get('namespace')}.{held.get('name')}" == pair[0]


async def _read_back(client: "_Client", schema: Schema, number: int) -> None:
    if await client.by_id(number) != schema.definition:
        raise NetworkError(
            f"The registry says that {_named(_pair(schema))} has the id {number}, but gives out another schema under it:"
            " nothing is applied."
        )


class _Client:
    """A thin client of the registry's API: one request at a time, and never a word of an answer in a message."""

    def __init__(self, session: "ClientSession", where: str) -> None:
        self._session = session
        self._where = where

    async def id_of(self, schema: Schema) -> int | None:
        path = f"subjects/{quote(schema.full_name, safe='')}"
        status, answer = await self._ask("POST", path, {"schema": schema.text})
        if _is_missing(status, answer):
            return None
        return self._id(schema, status, answer)

    async def by_id(self, number: int) -> Any:
        """The schema's definition; None where there is none."""
        status, answer = await self._ask("GET", f"schemas/ids/{number}")
        if _is_missing(status, answer):
            return None
        text = self._good(status, answer, "to give out schemas by their ids").get("schema")
        try:
            return json.loads(str(text))
        except (ValueError, RecursionError):
            raise self._strange() from None

    async def set_rule(self, subject: str) -> None:
        path = f"config/{quote(subject, safe='')}"
        status, answer = await self._ask("GET", path)
        level = (
            None
            if status == 404
            else self._good(status, answer, "to tell its rules").get("compatibilityLevel")
        )
        if level != RULE:
            wanted = {"compatibility": RULE}
            self._good(*await self._ask("PUT", path, wanted), f"to set {RULE} for {subject}")

    async def try_out(self, schema: Schema) -> None:
        path = f"compatibility/subjects/{quote(schema.full_name, safe='')}/versions"
        status, answer = await self._ask("POST", path, {"schema": schema.text})
        if _is_missing(status, answer):  # the first of its subject
            return
        if self._good(status, answer, "to judge a new version").get("is_compatible") is not True:
            raise _incompatible(schema)

    async def register(self, schema: Schema) -> int:
        path = f"subjects/{quote(schema.full_name, safe='')}/versions"
        status, answer = await self._ask("POST", path, {"schema": schema.text})
        if status == 409:
            raise _incompatible(schema)
        return self._id(schema, status, answer)

    def _id(self, schema: Schema, status: int, answer: Any) -> int:
        number: Any = self._good(status, answer, f"to register {_named(_pair(schema))}").get("id")
        (fitting,) = agreed({}, {_pair(schema): number})
        return fitting

    def _good(self, status: int, answer: Any, what: str) -> dict[str, Any]:
        if not isinstance(answer, dict):
            raise self._strange()
        if status >= 500:
            raise NotConnectedError(
                f"The registry at {self._where} failed when it was asked {what} (status {status}): look at its log, then"
                " run this again; nothing is applied."
            )
        if status != 200:
            raise ConfigurationError(
                f"The registry at {self._where} refuses {what} (status {status}): may INSTEP_REGISTRY_USERNAME do it?"
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
    """A 404 of the registry's own; any other is of something that is none."""
    known = (_NO_SUBJECT, _NO_VERSION, _NO_SCHEMA)
    return status == 404 and isinstance(answer, dict) and answer.get("error_code") in known


def _incompatible(schema: Schema) -> SchemaError:
    return SchemaError(
        f"The registry refuses {schema.full_name} {schema.version} by its rule {RULE} for the subject"
        f" {schema.full_name}: the version is not compatible with those that it holds; `instep schemas diff` says what"
        " differs. Nothing is applied."
    )


async def _bounded(stream: Any) -> bytes | None:
    """What is to be read, None where that is more than any schema of ours."""
    content = bytearray()
    async for chunk in stream.iter_any():
        content += chunk
        if len(content) > _LARGEST_ANSWER:
            return None
    return bytes(content)


@asynccontextmanager
async def _client(registry: Registry) -> AsyncIterator[_Client]:
    try:
        from aiohttp import ClientSession, ClientTimeout, TCPConnector
    except ImportError as absent:
        raise ConfigurationError("A registry needs aiohttp: install instep[services].") from absent

    url = _checked(registry)
    headers = {"Accept": _TYPE, "Content-Type": _TYPE}
    if registry.username:
        who = b64encode(f"{registry.username}:{registry.password}".encode()).decode()
        headers["Authorization"] = f"Basic {who}"
    async with ClientSession(
        connector=TCPConnector(ssl=_trusted(registry) if url.startswith("https:") else True),
        headers=headers,
        timeout=ClientTimeout(total=_ANSWER_WITHIN_S),
    ) as session:
        yield _Client(session, url)


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
