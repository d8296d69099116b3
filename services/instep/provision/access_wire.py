"""Sends the requests of Kafka's admin protocol about ACLs, users and quotas, for which aiokafka's admin client has no
calls.

aiokafka defines requests for a single ACL at a time and for reading quotas, but none for users or for setting quotas.
So this module defines the missing requests. Each request has the oldest version that Kafka 4 speaks.
"""

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import ClusterAuthorizationFailedError, IncompatibleBrokerVersion, for_code
from aiokafka.protocol import admin as stock
from aiokafka.protocol.api import RequestStruct, Response
from aiokafka.protocol.types import (
    Array,
    Boolean,
    CompactArray,
    CompactBytes,
    CompactString,
    Float64,
    Int8,
    Int16,
    Int32,
    Schema,
    String,
    TaggedFields,
)

from instep.errors import NetworkError
from instep.provision.bindings import Binding

MECHANISMS = {"SCRAM-SHA-256": (1, "sha256"), "SCRAM-SHA-512": (2, "sha512")}
"""Kafka's number and the hash of each SCRAM mechanism."""

# The fewest iterations that Kafka takes. More protect secrets that people make up: ours have 256 bits.
_ITERATIONS = 4096
_SECURITY_DISABLED = 54
_ANY = 1


async def bindings(admin: AIOKafkaAdminClient) -> frozenset[Binding]:
    """Every ACL of the cluster. Raises NetworkError on a cluster without an authorizer, where ACLs have no effect."""
    answer = await _ask(admin, stock.DescribeAclsRequest_v1(_ANY, None, _ANY, None, None, _ANY, _ANY))
    if answer.error_code == _SECURITY_DISABLED:
        raise NetworkError(
            "This cluster has no authorizer, so nothing keeps a council out of another's topics: set authorizer.class.name"
            " on its brokers, or say by name that it is unprotected (INSTEP_SECURITY_PROTOCOL=PLAINTEXT)."
        )
    _accepted(answer.error_code, answer.error_message)
    return frozenset(
        Binding(kind, name, pattern, *acl) for kind, name, pattern, acls in answer.resources for acl in acls
    )


async def create_bindings(admin: AIOKafkaAdminClient, wanted: Collection[Binding]) -> None:
    """Create these ACLs, all or none."""
    answer = await _ask(admin, stock.CreateAclsRequest_v1([tuple(binding) for binding in wanted]))
    for code, message in answer.creation_responses:
        _accepted(code, message)


async def delete_bindings(admin: AIOKafkaAdminClient, unwanted: Collection[Binding]) -> None:
    """Delete these ACLs."""
    answer = await _ask(admin, stock.DeleteAclsRequest_v1([tuple(binding) for binding in unwanted]))
    for code, message, _ in answer.filter_responses:
        _accepted(code, message)


async def users(admin: AIOKafkaAdminClient, mechanism: str) -> frozenset[str]:
    """The users with a secret of this mechanism."""
    answer = await _ask(admin, DescribeUserScramCredentialsRequest(None, {}))
    _accepted(answer.error_code, answer.error_message)
    number = MECHANISMS[mechanism][0]
    return frozenset(
        name for name, _, _, secrets, _ in answer.results if any(kind == number for kind, *_ in secrets)
    )


async def set_secrets(admin: AIOKafkaAdminClient, mechanism: str, secrets: Mapping[str, str]) -> None:
    """Create users, or change their secrets. Secrets are salted and hashed here: a broker never sees a secret."""
    await _alter_users(admin, [], [_salted(mechanism, name, secret) for name, secret in secrets.items()])


async def delete_users(admin: AIOKafkaAdminClient, mechanism: str, names: Iterable[str]) -> None:
    """Delete these users, who can not sign in any more."""
    await _alter_users(admin, [(name, MECHANISMS[mechanism][0], {}) for name in names], [])


async def _alter_users(admin: AIOKafkaAdminClient, deletions: list[Any], upsertions: list[Any]) -> None:
    answer = await _ask(admin, AlterUserScramCredentialsRequest(deletions, upsertions, {}))
    for _, code, message, _ in answer.results:
        _accepted(code, message)


def _salted(mechanism: str, name: str, secret: str) -> tuple[Any, ...]:
    number, digest = MECHANISMS[mechanism]
    salt = os.urandom(24)
    return (
        name,
        number,
        _ITERATIONS,
        salt,
        hashlib.pbkdf2_hmac(digest, secret.encode(), salt, _ITERATIONS),
        {},
    )


async def quotas(admin: AIOKafkaAdminClient) -> Mapping[str, Mapping[str, float]]:
    """The limits of each user with limits of their own."""
    answer = await _ask(admin, stock.DescribeClientQuotasRequest_v0([("user", 2, None)], True))
    _accepted(answer.error_code, answer.error_message)
    return {entity[0][1]: dict(values) for entity, values in answer.entries or () if entity[0][1] is not None}


async def set_quotas(admin: AIOKafkaAdminClient, limits: Mapping[str, Mapping[str, float | None]]) -> None:
    """Set limits of users; None removes a limit."""
    entries = [
        ([("user", user)], [(name, value or 0.0, value is None) for name, value in values.items()])
        for user, values in limits.items()
    ]
    answer = await _ask(admin, AlterClientQuotasRequest(entries, False))
    for code, message, _ in answer.entries:
        _accepted(code, message)


def _accepted(code: int, message: str | None) -> None:
    if not code:
        return
    error = for_code(code)
    if error is ClusterAuthorizationFailedError:
        raise error(message)
    raise NetworkError(f"The cluster does not take it: {message or error.__name__}.")


async def _ask(admin: AIOKafkaAdminClient, request: Any) -> Any:
    return await admin._send_request(_PreparedRequest(request))


@dataclass(frozen=True, slots=True)
class _PreparedRequest:
    """A finished request in the interface through which aiokafka prepares its own requests."""

    struct: Any

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> Any:
        oldest, newest = versions.get(self.struct.API_KEY, (0, -1))
        if not oldest <= self.struct.API_VERSION <= newest:
            raise IncompatibleBrokerVersion(f"{type(self.struct).__name__} is not what this broker speaks")
        return self.struct


# aiokafka carries no types: hence the remarks to mypy.


class AlterClientQuotasResponse(Response):  # type: ignore[misc]
    API_KEY = 49
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "entries",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                ("entity", Array(("type", String("utf-8")), ("name", String("utf-8")))),
            ),
        ),
    )


class AlterClientQuotasRequest(RequestStruct):  # type: ignore[misc]
    API_KEY = 49
    API_VERSION = 0
    RESPONSE_TYPE = AlterClientQuotasResponse
    SCHEMA = Schema(
        (
            "entries",
            Array(
                ("entity", Array(("type", String("utf-8")), ("name", String("utf-8")))),
                ("ops", Array(("key", String("utf-8")), ("value", Float64), ("remove", Boolean))),
            ),
        ),
        ("validate_only", Boolean),
    )


class DescribeUserScramCredentialsResponse(Response):  # type: ignore[misc]
    API_KEY = 50
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("error_message", CompactString("utf-8")),
        (
            "results",
            CompactArray(
                ("user", CompactString("utf-8")),
                ("error_code", Int16),
                ("error_message", CompactString("utf-8")),
                (
                    "credentials",
                    CompactArray(("mechanism", Int8), ("iterations", Int32), ("tags", TaggedFields)),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class DescribeUserScramCredentialsRequest(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 50
    API_VERSION = 0
    RESPONSE_TYPE = DescribeUserScramCredentialsResponse
    SCHEMA = Schema(
        ("users", CompactArray(("name", CompactString("utf-8")), ("tags", TaggedFields))),
        ("tags", TaggedFields),
    )


class AlterUserScramCredentialsResponse(Response):  # type: ignore[misc]
    API_KEY = 51
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(
                ("user", CompactString("utf-8")),
                ("error_code", Int16),
                ("error_message", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class AlterUserScramCredentialsRequest(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 51
    API_VERSION = 0
    RESPONSE_TYPE = AlterUserScramCredentialsResponse
    SCHEMA = Schema(
        (
            "deletions",
            CompactArray(("name", CompactString("utf-8")), ("mechanism", Int8), ("tags", TaggedFields)),
        ),
        (
            "upsertions",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )
