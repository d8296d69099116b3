"""Records of an inbox, as a reader gives them."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from instep.catalogue.files import default_directory, load_catalogue
from instep.client.inbox_table import SHARED_HEADER, InboxTable
from instep.client.reader import Item

CATALOGUE = load_catalogue(default_directory())
TABLE = InboxTable(CATALOGUE.all())
AT = datetime(2026, 7, 1, 23, 30, 15, 999, tzinfo=UTC)


def delivery(
    *,
    kind: str = "resident-moved",
    shared: str = "person,new_address,moved_on",
    purpose: str = "council-tax",
    subject: str = "s-1",
    header: Mapping[str, Any] | None = None,
    **body: Any,
) -> Item:
    """An event that Leeds has published, as York received it."""
    event_id = str(uuid.uuid4())
    full = {
        "event_id": event_id,
        "source": "leeds",
        "subject_ref": subject,
        "change_kind": "NEW",
        "occurred_on": "2026-06-30",
        "handling": "ORDINARY",
        **(header or {}),
    }
    return received(kind, {"header": full, **body}, purpose, subject, {SHARED_HEADER: shared})


def withdrawal(event_id: str, *, reason: str = "ANNULLED", subject: str = "s-1") -> Item:
    content = {"source": "leeds", "subject_ref": subject, "event_id": event_id, "reason": reason}
    return received("withdrawal", content, "council-tax", subject, {})


def unreadable() -> Item:
    """A record whose schema is newer than this client."""
    item = received("", {}, "council-tax", "s-9", {"ce_id": str(uuid.uuid4())})
    return Item(
        topic=item.topic,
        partition=0,
        offset=item.offset,
        at=item.at,
        key=item.key,
        headers=item.headers,
        kind="",
        content={},
        problem="its schema id, 99, is not known here",
    )


def received(
    kind: str, content: Mapping[str, Any], purpose: str, subject: str, headers: Mapping[str, str]
) -> Item:
    return Item(
        topic=f"york.inbox.{purpose}",
        partition=0,
        offset=7,
        at=AT,
        key=f"leeds/{subject}",
        headers=headers,
        kind=kind,
        content=content,
    )
