"""Writes and reads the Kafka headers of a record: CloudEvents 1.0 in Kafka's binary mode, the trace context, and our own.

Publishers may send `ce_` headers, which must agree with the event. Every record in an inbox carries them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from instep.events.schema import Schema

Headers = list[tuple[str, bytes]]
"""A list, because aiokafka's packer takes nothing else."""

CONTENT_TYPE = ("content-type", b"application/avro")
SPEC_VERSION = ("ce_specversion", b"1.0")

OUTBOX_OFFSET = "instep-outbox-offset"
"""On `instep.events`: where the event lies in its source's outbox, in ASCII digits, for the router's rejections."""

PUBLISHER_KEY = "instep-publisher-key"
"""In outboxes: the key id of the secret with which `instep publish` made the event's reference and id. Goes no further."""

TRACEPARENT = "traceparent"
_MILLISECOND = tuple(b".%03dZ" % millisecond for millisecond in range(1000))
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def ce_source(authority: str) -> str:
    """The CloudEvents `source` of an authority's events."""
    return f"urn:instep:authority:{authority}"


def ce_type(schema: Schema) -> str:
    """The CloudEvents `type`, for example `uk.instep.resident-moved.v1`."""
    major = schema.version.partition(".")[0]
    return f"uk.instep.{schema.name}.v{major}"


def ce_dataschema(schema: Schema) -> str:
    """The CloudEvents `dataschema`, for example `urn:instep:schema:uk.instep.ResidentMoved:1.0.0`."""
    return f"urn:instep:schema:{schema.full_name}:{schema.version}"


def ce_time(at: int) -> bytes:
    """The CloudEvents `time` (RFC 3339) of epoch milliseconds UTC, for example `2026-04-01T09:30:00.250Z`."""
    second, millisecond = divmod(at, 1000)
    return _second(second) + _MILLISECOND[millisecond]


def traceparent(headers: Iterable[tuple[str, bytes | None]]) -> tuple[str, bytes] | None:
    """The trace context, where there is a well-formed one (W3C Trace Context, "traceparent")."""
    for name, value in headers:
        if name == TRACEPARENT and value is not None and _TRACEPARENT.fullmatch(value):
            return (TRACEPARENT, value)
    return None


@lru_cache(maxsize=1024)
def _second(at: int) -> bytes:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()
