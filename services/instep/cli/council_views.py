"""Shows a council's records: as rows of a table for an officer, as objects for a program."""

from collections.abc import Iterator, Mapping
from typing import Any

from instep.client.content import leaves
from instep.client.decisions import outcome_of, summary
from instep.client.explain import explain
from instep.client.filed_rows import FiledRows
from instep.client.lost import REMEDIES, Lost
from instep.client.reader import Item

INBOX = ("received", "from", "reference", "purpose", "what", "what it says")
REJECTED = ("refused", "event", "place in outbox", "reason", "fields", "what it means", "how to put it right")
OUTCOMES = (
    "at",
    "event",
    "reference",
    "row",
    "kind",
    "delivered",
    "withheld",
    "withdrawn",
    "what became of it",
)
LOST = ("at", "event", "reference", "row", "why", "how to put it right")


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


def outcome_objects(item: Item, rows: FiledRows | None = None) -> Iterator[dict[str, Any]]:
    """An object for each entry: a record may speak of many events. `rows` name the file and line of an event."""
    if item.problem:
        yield item.as_json()
    for entry in item.content.get("entries", ()):
        yield {**entry, "offset": item.offset, **place_of(str(entry.get("event_id", "")), rows)}


def outcome_row(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of `outcome_objects`."""
    return {
        "at": str(entry.get("at", ""))[:16].replace("T", " "),
        "event": entry.get("event_id", ""),
        "reference": entry.get("subject_ref", ""),
        "row": f"{entry['file']} line {entry['line']}" if "file" in entry else "",
        "kind": entry.get("problem") or entry.get("kind", ""),
        "delivered": entry.get("delivered", ""),
        "withheld": entry.get("withheld", ""),
        "withdrawn": entry.get("withdrawn", ""),
        "what became of it": _became(entry),
    }


def _became(entry: Mapping[str, Any]) -> str:
    if entry.get("kind") == "ACCEPTED":
        return summary(outcome_of(entry))
    return " ".join(
        str(entry[key]) for key in ("authority", "purpose", "outcome", "reason_code") if entry.get(key)
    )


def place_of(event_id: str, rows: FiledRows | None) -> dict[str, Any]:
    """The file and line that an event was published from, where this machine has published it."""
    row = rows.of_event(event_id) if rows else None
    return {"file": row.file, "line": row.line} if row else {}


def lost_object(event: Lost, rows: FiledRows | None) -> dict[str, Any]:
    """A lost event with its remedy."""
    ending = REMEDIES[event.ending]
    shown = {
        "event_id": event.event_id,
        "subject_ref": event.subject_ref,
        "at": event.at,
        "ending": event.ending,
    }
    return {**shown, **place_of(event.event_id, rows), "meaning": ending.meaning, "remedy": ending.remedy}


def lost_row(lost: Mapping[str, Any]) -> dict[str, Any]:
    """A lost event of `lost_object`."""
    return {
        "at": str(lost["at"])[:16].replace("T", " "),
        "event": lost["event_id"],
        "reference": lost["subject_ref"],
        "row": f"{lost['file']} line {lost['line']}" if "file" in lost else "",
        "why": lost["meaning"],
        "how to put it right": lost["remedy"],
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
