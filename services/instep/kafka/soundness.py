"""Warns of a Kafka that leaves out end markers of transactions: 4.3.0, 4.3.1 and 4.4.0 (KAFKA-20734).

In these versions the transaction coordinator takes a partition without a leader for a deleted partition, and never
writes the marker that ends the transaction there. The next transaction of the same producer then ends both, whichever
way that transaction goes. Instep waits for hanging transactions and settles them, but cannot see a marker that was
skipped while nobody looked.

Each broker is asked for its features (the ApiVersions request, which needs no permission). The highest level of
`metadata.version` that a broker supports tells the version of its software, even where an upgrade has not been finalised.
"""

import asyncio
import io
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError
from aiokafka.protocol.api import RequestStruct, Response, ResponseHeader_v0
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

from instep.errors import InstepError
from instep.kafka.connection import Connection

FEATURE = "metadata.version"
SOUND = "4.2.2, 4.1.2 and 4.0.2"
"""The newest release of each line that writes every marker."""

_RELEASES_AT_FAULT = {"4.3": "4.3.0 and 4.3.1", "4.4": "4.4.0"}
# Levels of metadata.version, from org.apache.kafka.server.common.MetadataVersion in Kafka 4.4.0.
_LINE_OF = {30: "4.3", 31: "4.4", 32: "4.4", 33: "4.4"}

_WITHIN_S = 5.0
_SUPPORTED, _FINALIZED = 0, 2
"""The tags of the answer's lists of features."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Levels:
    """The levels of `metadata.version`: the highest that a broker supports, and the cluster's; None if unknown."""

    supported: int | None = None
    finalized: int | None = None

    @property
    def line(self) -> str | None:
        """The broker's line of releases, if the line is at fault; None otherwise."""
        # A newer software at an older level is judged by its software.
        level = self.finalized if self.supported is None else self.supported
        return None if level is None else _LINE_OF.get(level)


def verdict(brokers: Iterable[Levels]) -> str | None:
    """A sentence for an operator when any of the brokers may skip markers; None when no broker is known to."""
    lines = sorted({broker.line for broker in brokers if broker.line})
    if not lines:
        return None
    at_fault = " and ".join(_RELEASES_AT_FAULT[line] for line in lines)
    return (
        f"This cluster runs Kafka {' and '.join(lines)}, and may lose or repeat events after a broker restart: {at_fault}"
        f" skip the end of transactions in partitions without a leader (KAFKA-20734); {SOUND} are sound."
    )


async def unsound(connection: Connection) -> str | None:
    """A sentence when the cluster's Kafka may skip the end of transactions.

    None for a sound cluster, an unknown version, or no answer; raises nothing. Takes 5 s at most.
    """
    try:
        async with asyncio.timeout(_WITHIN_S):
            return verdict(await _ask_all(connection))
    except (KafkaError, InstepError, OSError, TimeoutError):
        return None


async def _ask_all(connection: Connection) -> list[Levels]:
    client = AIOKafkaClient(**connection.kafka(), request_timeout_ms=int(_WITHIN_S * 1000))
    try:
        await client.bootstrap()
        nodes = [broker.nodeId for broker in client.cluster.brokers()]
        return await asyncio.gather(*(_ask(client, node) for node in nodes))
    finally:
        await client.close()


async def _ask(client: AIOKafkaClient, node: int) -> Levels:
    """The levels of a broker; without levels where the broker does not answer, or answers in another form."""
    try:
        async with asyncio.timeout(_WITHIN_S / 2):
            await client.ready(node)
            answer = await client.send(node, _Features())
        return levels(answer.tags)
    except (KafkaError, OSError, TimeoutError, ValueError, struct.error):
        return Levels()


def levels(tags: Mapping[int, bytes]) -> Levels:
    """The levels in the tagged fields of an answer; raises ValueError or struct.error for another form."""
    supported, finalized = tags.get(_SUPPORTED), tags.get(_FINALIZED)
    return Levels(
        supported=_level(supported, lowest_first=True), finalized=_level(finalized, lowest_first=False)
    )


def _level(field: bytes | None, *, lowest_first: bool) -> int | None:
    """The level in a list of features. The two lists hold their bounds in different orders."""
    if field is None:
        return None
    for name, first, second, _ in _FEATURES.decode(io.BytesIO(field)):
        if name == FEATURE:
            return int(second if lowest_first else first)
    return None


# aiokafka knows no version of this request with features, and carries no types: hence the remarks to mypy.

_FEATURES = CompactArray(
    ("name", CompactString("utf-8")), ("first", Int16), ("second", Int16), ("tags", TaggedFields)
)


class ApiVersionsResponse(Response):  # type: ignore[misc]
    API_KEY = 18
    API_VERSION = 3
    SCHEMA = Schema(
        ("error_code", Int16),
        (
            "api_keys",
            CompactArray(("key", Int16), ("oldest", Int16), ("newest", Int16), ("tags", TaggedFields)),
        ),
        ("throttle_time_ms", Int32),
        ("tags", TaggedFields),
    )


class ApiVersionsRequest(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 18
    API_VERSION = 3
    RESPONSE_TYPE = ApiVersionsResponse
    SCHEMA = Schema(
        ("name", CompactString("utf-8")), ("version", CompactString("utf-8")), ("tags", TaggedFields)
    )

    def parse_response_header(self, read_buffer: Any) -> Any:
        """Alone among flexible answers, ApiVersions has the old header: a client cannot know yet what a broker speaks."""
        return ResponseHeader_v0.decode(read_buffer)


class _Features:
    """The request for features, with the interface that aiokafka asks for."""

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> ApiVersionsRequest:
        oldest, newest = versions.get(ApiVersionsRequest.API_KEY, (0, -1))
        if not oldest <= ApiVersionsRequest.API_VERSION <= newest:
            raise IncompatibleBrokerVersion("this broker does not tell of its features")
        return ApiVersionsRequest("instep", "1", {})
