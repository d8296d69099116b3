"""Turns the records of topics into the demo's evidence, the plain values that the module `report` judges. Pure."""

from collections.abc import Mapping
from typing import Any

from instep.client.content import leaves
from instep.client.reader import Item
from instep.demo.report import (
    Disclosed,
    EventIdentity,
    PublishedRecord,
    ReceivedRecord,
    RecipientResult,
    RejectedRecord,
    Slot,
)


def said(item: Item) -> PublishedRecord:
    """A record of an outbox; without an identity where the record cannot be read."""
    slot = Slot(item.topic.removesuffix(".outbox"), item.offset)
    header = item.content.get("header")
    if header is None:
        return PublishedRecord(slot=slot, identity=None)
    return PublishedRecord(
        slot=slot, identity=_identity(header), event_type=item.kind, replaces=header.get("replaces")
    )


def refusal(item: Item) -> RejectedRecord:
    """The refusal in a record of a rejected topic, of an outbox of the topic's owner, whatever source the record names."""
    return RejectedRecord(
        slot=Slot(item.topic.removesuffix(".rejected"), item.content.get("outbox_offset", -1)),
        reason=item.content.get("reason", item.problem),
    )


def disclosed(item: Item) -> Disclosed:
    """A record of `instep.disclosures`."""
    content = item.content
    return Disclosed(
        identity=_identity(content),
        event_type=content["event_type"],
        ending=content["ending"],
        decisions=tuple(_decision(entry) for entry in content.get("decisions", ())),
    )


def received(item: Item) -> ReceivedRecord:
    """A record of an inbox: a delivery or a withdrawal."""
    authority, _, purpose = item.topic.partition(".inbox.")
    if item.kind == "withdrawal":
        return ReceivedRecord(
            authority=authority, purpose=purpose, identity=_identity(item.content), withdrawn=True
        )
    return ReceivedRecord(
        authority=authority,
        purpose=purpose,
        identity=_identity(item.content["header"]),
        fields=frozenset(filter(None, item.headers.get("ce_instepfields", "").split(","))),
        says=frozenset(path for path, _ in body(item)),
    )


def body(item: Item) -> list[tuple[str, Any]]:
    """The path and the value of each field with a value, beneath an event's header."""
    return [*leaves({name: value for name, value in item.content.items() if name != "header"})]


def _identity(holder: Mapping[str, Any]) -> EventIdentity:
    return EventIdentity(holder["source"], holder["subject_ref"], holder["event_id"])


def _decision(entry: Mapping[str, Any]) -> RecipientResult:
    return RecipientResult(
        authority=entry["authority"],
        purpose=entry["purpose"],
        result=entry["result"],
        reason=entry["reason"],
        fields=frozenset(entry.get("fields", ())),
    )
