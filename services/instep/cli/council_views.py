"""Shows a council's records: as rows of a table for an officer, as objects for a program."""

from collections.abc import Iterator, Mapping
from typing import Any

from instep.client.content import leaves
from instep.client.explain import explain
from instep.client.reader import Item

INBOX = ("received", "from", "reference", "purpose", "what", "what it says")
REJECTED = ("refused", "event", "place in outbox", "reason", "fields", "what it means", "how to put it right")
OUTCOMES = ("at", "event", "reference", "kind", "authority", "purpose", "outcome", "delivered", "withheld")


def inbox_row(item: Item) -> dict[str, Any]:
    """A delivery or a withdrawal."""
    source, _, reference = (item.key or "").partition("/")
    return {
        "received": _moment(item),
        "from": source,
        "reference": reference,
        "purpose": item.topic.partition(".inbox.")[2],
        "what": _what(item),
        "what it says": _says(item),
    }


def inbox_object(item: Item) -> dict[str, Any]:
    """The whole record; a withdrawal with its meaning."""
    if item.kind != "withdrawal":
        return item.as_json()
    return item.as_json() | {"meaning": explain(str(item.content["reason"])).meaning}


def rejected_row(item: Item) -> dict[str, Any]:
    """A refusal, in plain English."""
    refusal = rejected_object(item)
    return {
        "refused": _moment(item),
        "event": refusal.get("event_id", ""),
        "place in outbox": refusal.get("outbox_offset", ""),
        "reason": refusal.get("reason", item.problem),
        "fields": refusal.get("fields", []),
        "what it means": refusal.get("meaning", ""),
        "how to put it right": refusal.get("remedy", ""),
    }


def rejected_object(item: Item) -> dict[str, Any]:
    """The rejection's own fields with its explanation."""
    if item.problem:
        return item.as_json()
    reason = explain(str(item.content["reason"]))
    return {
        **item.content,
        "subject_ref": item.key,
        "offset": item.offset,
        "meaning": reason.meaning,
        "remedy": reason.remedy,
    }


def outcome_objects(item: Item) -> Iterator[dict[str, Any]]:
    """An object for each entry: a record may speak of many events."""
    if item.problem:
        yield item.as_json()
    for entry in item.content.get("entries", ()):
        yield {**entry, "offset": item.offset}


def outcome_row(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry."""
    return {
        "at": str(entry.get("at", ""))[:16].replace("T", " "),
        "event": entry.get("event_id", ""),
        "reference": entry.get("subject_ref", ""),
        "kind": entry.get("problem") or entry.get("kind", ""),
        "authority": entry.get("authority", ""),
        "purpose": entry.get("purpose", ""),
        "outcome": " ".join(str(entry[key]) for key in ("outcome", "reason_code") if entry.get(key)),
        "delivered": entry.get("delivered", ""),
        "withheld": entry.get("withheld", ""),
    }


def _what(item: Item) -> str:
    if item.problem:
        return item.problem
    if item.kind == "withdrawal":
        return "withdrawn"
    header = item.content["header"]
    protected = ", PROTECTED" if header["handling"] == "PROTECTED" else ""
    return f"{item.kind} ({header['change_kind']}{protected})"


def _says(item: Item) -> str:
    if item.kind == "withdrawal":
        return explain(str(item.content["reason"])).meaning
    body = {name: value for name, value in item.content.items() if name != "header"}
    return "\n".join(
        f"{path}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for path, value in leaves(body)
    )


def _moment(item: Item) -> str:
    return item.at.strftime("%Y-%m-%d %H:%M:%S")
