"""The settings of a network: what `network.toml` may say, what each setting means, and how each is read.

`instep.network` holds the same settings in its record `network`; both are read here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from instep.network.authorities import IDENTIFIER
from instep.network.documents import TABLE, TEXT, TEXTS, WHOLE, Finding, shape_errors

NETWORK_KEYS = {
    "name": TEXT,
    "lanes": WHOLE,
    "retention": TABLE,
    "replication_factor": WHOLE,
    "min_insync_replicas": WHOLE,
    "registry": TEXT,
    "quotas": TABLE,
    "principals": TABLE,
}
OPTIONAL_NETWORK_KEYS = tuple(key for key in NETWORK_KEYS if key not in ("name", "lanes"))
RETENTION_KEYS = {"tenants": WHOLE, "events": WHOLE, "register": WHOLE}
LEAST_DAYS = {
    "tenants": (7, "the alert for unread records is heard after 3 days, and a long weekend has 4"),
    "events": (7, "the alert for unread records is heard after 3 days, and a long weekend has 4"),
    "register": (
        400,
        "the router remembers for 400 days whom it told of which event, in a topic that is kept as long",
    ),
}
"""The shortest retention that each kind of record may have, and the reason for the limit."""
USUAL_TENANT_DAYS = 35
QUOTA_KEYS = {"producer_byte_rate": WHOLE, "consumer_byte_rate": WHOLE, "request_percentage": WHOLE}


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """Days that records are kept: authorities' topics and receipts, `instep.events`, the topics behind the register."""

    tenants: int = 35
    events: int = 7
    register: int = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Quotas:
    """How much of a broker each principal of an authority may use before Kafka throttles the principal.

    Kafka's own units: bytes a second, as means over some ten seconds, and per cent of one thread's time. The whole
    country's events are a few hundred bytes a second: a council that publishes its whole stock at these rates delays
    nobody.
    """

    producer_byte_rate: int = 1_048_576
    consumer_byte_rate: int = 4_194_304
    request_percentage: int = 50


def read_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Arguments for `Network`, from the document of `network.toml` or of the record `network`."""
    document: dict[str, Any] = {"retention": {}, "quotas": {}, "principals": {}} | settings
    return document | {
        "retention": Retention(**document["retention"]),
        "quotas": Quotas(**document["quotas"]),
        "principals": {id: tuple(purposes) for id, purposes in document["principals"].items()},
    }


def settings_errors(document: Mapping[str, Any]) -> list[Finding]:
    """Every error in the document of `network.toml`."""
    return [*shape_errors(document, NETWORK_KEYS, OPTIONAL_NETWORK_KEYS)] or [*_value_errors(document)]


def _value_errors(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Errors in the values and tables of a document whose own keys and types are right."""
    retention: dict[str, Any] = document.get("retention", {})
    quotas: dict[str, Any] = document.get("quotas", {})
    yield from shape_errors(retention, RETENTION_KEYS, RETENTION_KEYS)
    yield from shape_errors(quotas, QUOTA_KEYS, QUOTA_KEYS)
    for id, purposes in document.get("principals", {}).items():
        if not TEXTS.fits(purposes):
            yield Finding(key=id, message=f"{id} must be {TEXTS.words}")
    yield from _top_level_errors(document)
    for key, amount in (*retention.items(), *quotas.items()):
        if isinstance(amount, int) and amount < 1:
            yield Finding(key=key, message=f"{key} must be 1 or more")
    yield from _retention_errors(retention)


def _top_level_errors(document: Mapping[str, Any]) -> Iterator[Finding]:
    name = document["name"]
    if not IDENTIFIER.fullmatch(name):
        words = f"name is {name!r}; write it in lower-case letters, digits, hyphens"
        yield Finding(key="name", message=words)
    for key in ("lanes", "replication_factor", "min_insync_replicas"):
        if document.get(key, 1) < 1:
            yield Finding(key=key, message=f"{key} must be 1 or more")
    if document.get("min_insync_replicas", 1) > document.get("replication_factor", 1):
        words = "min_insync_replicas is more than replication_factor"
        yield Finding(key="min_insync_replicas", message=words)


def _retention_errors(retention: Mapping[str, Any]) -> Iterator[Finding]:
    for key, (least, why) in LEAST_DAYS.items():
        days = retention.get(key, least)
        if WHOLE.fits(days) and 1 <= days < least:
            yield Finding(key=key, message=f"{key} is {days}, which must be {least} or more: {why}")


def settings_warnings(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Every warning about a document of `network.toml` that has no errors."""
    days = document.get("retention", {}).get("tenants", USUAL_TENANT_DAYS)
    if days < USUAL_TENANT_DAYS:
        words = f"tenants is {days}, less than {USUAL_TENANT_DAYS}: a council that is away for a month loses what expires"
        yield Finding(key="tenants", message=words)
