"""Defines two requests of Kafka's protocol that aiokafka lacks: how a transaction ended, and the ids of topics.

https://kafka.apache.org/protocol: DescribeTransactions version 0, Metadata version 12.
"""

from io import BytesIO
from uuid import UUID

from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

_TAGS = ("tags", TaggedFields)
_NO_ID = UUID(int=0)


class Uuid(AbstractType[UUID]):  # type: ignore[misc]  # aiokafka has no types
    """16 bytes, big-endian."""

    @classmethod
    def encode(cls, value: UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))


class _DescribeTransactionsResponse(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 65
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "transactions",
            CompactArray(
                ("error_code", Int16),
                ("transactional_id", CompactString()),
                ("state", CompactString()),
                ("timeout_ms", Int32),
                ("start_time_ms", Int64),
                ("producer_id", Int64),
                ("producer_epoch", Int16),
                (
                    "topics",
                    CompactArray(("topic", CompactString()), ("partitions", CompactArray(Int32)), _TAGS),
                ),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class _DescribeTransactionsRequest(RequestStruct):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 65
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _DescribeTransactionsResponse
    SCHEMA = Schema(("transactional_ids", CompactArray(CompactString())), _TAGS)


class DescribeTransactions(Request[_DescribeTransactionsRequest]):  # type: ignore[misc]  # aiokafka has no types
    """The state of a transactional id's last transaction; to be sent to the id's coordinator."""

    API_KEY = 65

    def __init__(self, transactional_id: str) -> None:
        self._transactional_id = transactional_id

    def build(self, request_struct_class: type[_DescribeTransactionsRequest]) -> _DescribeTransactionsRequest:
        return request_struct_class([self._transactional_id], {})


class _TopicsResponse(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 3
    API_VERSION = 12
    FLEXIBLE_VERSION = True
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString()),
                ("port", Int32),
                ("rack", CompactString()),
                _TAGS,
            ),
        ),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString()),
                ("topic_id", Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        _TAGS,
                    ),
                ),
                ("authorized_operations", Int32),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class _TopicsRequest(RequestStruct):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 3
    API_VERSION = 12
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _TopicsResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", Uuid), ("name", CompactString()), _TAGS)),
        ("allow_auto_topic_creation", Boolean),
        ("include_authorized_operations", Boolean),
        _TAGS,
    )


class DescribeTopics(Request[_TopicsRequest]):  # type: ignore[misc]  # aiokafka has no types
    """The ids of some topics (Metadata with topic ids); to be sent to any broker."""

    API_KEY = 3

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def build(self, request_struct_class: type[_TopicsRequest]) -> _TopicsRequest:
        return request_struct_class([(_NO_ID, name, {}) for name in self._names], False, False, {})
