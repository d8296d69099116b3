"""Gives a cluster the users, ACLs and quotas that follow from a network (its authorities and agreements).

The module `apply` does so after the topics and before the records of `instep.network`. So no service learns of a new
permission before the broker grants it. Among these changes, permissions that the network takes away are removed
first. A run that was stopped is completed by the next run.

A user's secret is a file of its own, written once. The file is the only copy: whoever runs `apply` hands the secret to the
council.

The decision: `services/decisions/014-the-broker-is-the-gatekeeper.md`.
"""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from aiokafka.admin import AIOKafkaAdminClient

from instep.errors import ConfigurationError, NotConnectedError
from instep.kafka.connection import UNREACHABLE, Connection
from instep.kafka.secrets import secret
from instep.network.access import access
from instep.network.network import Network
from instep.network.topics import NETWORK
from instep.provision import access_wire as wire
from instep.provision.access_changes import AccessChanges, CurrentAccess, access_changes

T = TypeVar("T")

# The controller takes at most 10,000 records in a request, and an ACL is a record.
_ACLS_AT_ONCE = 2000
_USERS_AT_ONCE = 100
_LET_IN_WITHIN_S = 300.0


async def planned_access(
    admin: AIOKafkaAdminClient,
    connection: Connection,
    network: Network,
    formerly: Network | None,
    topics: Collection[str],
) -> AccessChanges | None:
    """The changes of access; None on a connection without security, which the operator has asked for by name.

    `formerly` is the network that was applied last; `topics` are the cluster's.
    """
    if connection.security_protocol == "PLAINTEXT":
        return None
    signs_in = connection.uses_sasl and connection.sasl_mechanism in wire.MECHANISMS
    current = CurrentAccess(
        bindings=await wire.bindings(admin),
        users=await wire.users(admin, connection.sasl_mechanism) if signs_in else None,
        quotas=await wire.quotas(admin),
    )
    before = access(formerly, topics).principals if formerly else ()
    return access_changes(access(network, topics), network.quotas, current, before)


async def carry_out(admin: AIOKafkaAdminClient, connection: Connection, planned: AccessChanges) -> None:
    """Make the changes. Raises ConfigurationError where the secrets of new users have no directory."""
    for chunk in _chunks(planned.acls_removed, _ACLS_AT_ONCE):
        await wire.delete_bindings(admin, chunk)
    if planned.users_created:
        await _make_users(admin, connection, planned.users_created)
    for chunk in _chunks(planned.acls_created, _ACLS_AT_ONCE):
        await wire.create_bindings(admin, chunk)
    if planned.quotas_set:
        await wire.set_quotas(admin, planned.quotas_set)
    if planned.users_removed:
        await wire.delete_users(admin, connection.sasl_mechanism, planned.users_removed)
    if planned.users_created:
        await _until_let_in(connection, planned.users_created[-1])


async def _make_users(admin: AIOKafkaAdminClient, connection: Connection, names: Sequence[str]) -> None:
    if connection.secrets_dir is None:
        raise ConfigurationError(
            f"INSTEP_SECRETS_DIR is missing: the secrets of {len(names)} new users need a directory of yours."
        )
    for chunk in _chunks(names, _USERS_AT_ONCE):
        secrets = await asyncio.to_thread(_secrets, connection.secrets_dir, chunk)
        await wire.set_secrets(admin, connection.sasl_mechanism, secrets)


async def _until_let_in(connection: Connection, user: str) -> None:
    """Return once a new user can sign in and see the network: a broker that is creating topics learns of users later."""
    if connection.secrets_dir is None:
        return
    own = replace(
        connection, sasl_username=user, sasl_password=secret(connection.secrets_dir, user), local=False
    )
    until = time.monotonic() + _LET_IN_WITHIN_S
    while not await _sees_the_network(own):
        if time.monotonic() > until:
            raise NotConnectedError(
                f"The broker has not let {user}, a new user, in after {_LET_IN_WITHIN_S:g} s: look at its log, then run this"
                " again."
            )
        await asyncio.sleep(0.2)


async def _sees_the_network(connection: Connection) -> bool:
    admin = AIOKafkaAdminClient(**connection.kafka())
    try:
        await admin.start()
        (topic,) = await admin.describe_topics([NETWORK])
    except UNREACHABLE:
        return False
    finally:
        await admin.close()
    return not topic["error_code"]


def _secrets(directory: Path, principals: Sequence[str]) -> dict[str, str]:
    return {principal: secret(directory, principal) for principal in principals}


def _chunks(whole: Sequence[T], size: int) -> list[Sequence[T]]:
    return [whole[start : start + size] for start in range(0, len(whole), size)]
