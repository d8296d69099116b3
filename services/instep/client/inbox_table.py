"""Lays out records of an inbox as rows of a table: a column for each shared field, by its path.

The records' own headers (`ce_instepfields`) say which fields are shared. A field that no record shares has no column. An
empty cell may stand for a field that is not shared, or for a value unknown to the source: the column `shared` tells.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from instep.client.days import LONDON
from instep.client.explain import explain
from instep.client.reader import Item
from instep.events.fields import Field
from instep.events.schema import Schema, version_key
from instep.workbooks.tables import Column, ColumnKind, Value

SHARED_HEADER = "ce_instepfields"

_NUMBERS = frozenset({"int", "long", "float", "double"})
_KINDS = {"date": ColumnKind.DATE, "timestamp-millis": ColumnKind.MOMENT}

RECEIVED, SOURCE, WHAT = "received", "from", "what"
CHANGE, HANDLING, OCCURRED, WITHDRAWN = "change", "handling", "occurred", "withdrawn"
REFERENCE, PURPOSE, EVENT, REPLACES, SHARED = "reference", "purpose", "event", "replaces", "shared"

FIRST = (
    Column(heading=RECEIVED, kind=ColumnKind.MOMENT),
    Column(heading=SOURCE),
    Column(heading=WHAT, width=20),
    Column(heading=CHANGE, width=12),
    Column(heading=HANDLING, width=12),
    Column(heading=OCCURRED, kind=ColumnKind.DATE, width=12),
    Column(heading=WITHDRAWN, width=24),
)
"""Columns before the shared fields. `received` is in London; `withdrawn` says why, and what to do."""
LAST = (
    Column(heading=REFERENCE, width=28),
    Column(heading=PURPOSE),
    Column(heading=EVENT, width=38),
    Column(heading=REPLACES, width=38),
    Column(heading=SHARED, width=40),
)
"""Columns after the shared fields: the identity of the record."""

WITHDRAWAL = "withdrawal"


@dataclass(frozen=True, slots=True)
class SharedFields:
    """The fields that a record shares: the record's kind (`resident-moved`), and the paths, separated by commas."""

    kind: str
    paths: str


class InboxTable:
    """The columns and rows of records whose schemas are among `schemas`."""

    def __init__(self, schemas: Iterable[Schema]) -> None:
        self._fields: dict[str, dict[str, Column]] = {}
        for schema in sorted(schemas, key=lambda schema: (schema.name, version_key(schema.version))):
            if schema.kind == "event":
                self._fields.setdefault(schema.name, {}).update(_columns(schema))

    @property
    def headings(self) -> frozenset[str]:
        """The headings that a table of any records may have."""
        fields = frozenset(path for columns in self._fields.values() for path in columns)
        return fields.union(column.heading for column in (*FIRST, *LAST))

    def columns(self, forms: Iterable[SharedFields]) -> list[Column]:
        """The columns of a table of such records: a field that any of them shares has a column, in the schema's order."""
        shared: dict[str, set[str]] = {}
        for form in forms:
            shared.setdefault(form.kind, set()).update(path for path in form.paths.split(",") if path)
        fields = {
            path: column
            for kind, columns in self._fields.items()
            for path, column in columns.items()
            if _is_shared(path, shared.get(kind, ()))
        }
        return [*FIRST, *fields.values(), *LAST]

    def row(self, item: Item) -> dict[str, Value]:
        """The record's values by heading, without those that are empty. A record that cannot be decoded has a row too."""
        source, _, reference = (item.key or "").partition("/")
        row: dict[str, Value] = {
            RECEIVED: item.at.astimezone(LONDON).replace(tzinfo=None, microsecond=0),
            SOURCE: source,
            REFERENCE: reference,
            PURPOSE: item.topic.partition(".inbox.")[2],
            EVENT: str(item.content.get("event_id") or item.headers.get("ce_id", "")),
            WHAT: f"cannot be read: {item.problem}" if item.problem else item.kind,
        }
        if item.kind == WITHDRAWAL and not item.problem:
            reason = explain(str(item.content.get("reason")))
            row[WITHDRAWN] = f"{reason.meaning} {reason.remedy}"
        elif item.kind in self._fields and not item.problem:
            row |= _header(item.content["header"]) | dict(self._values(item))
            row[SHARED] = item.headers.get(SHARED_HEADER, "").replace(",", ", ")
        return {heading: value for heading, value in row.items() if value not in (None, "")}

    def _values(self, item: Item) -> Iterator[tuple[str, Value]]:
        columns = self._fields[item.kind]
        for name, value in item.content.items():
            if name != "header":
                for path, text in _leaves(name, value):
                    yield path, _typed(text, columns[path].kind)


def _columns(schema: Schema) -> dict[str, Column]:
    """A column for each field beneath the header; the fields of a record in an array are texts, joined."""
    arrays = [field.path for field in schema.fields.values() if field.array]
    return {
        field.path: Column(heading=field.path)
        if field.array or _is_shared(field.path, arrays)
        else _column(field)
        for field in schema.fields.values()
        if field.leaf and not field.path.startswith("header.")
    }


def _header(header: Mapping[str, Any]) -> dict[str, Value]:
    return {
        EVENT: header["event_id"],
        CHANGE: header.get("change_kind"),
        HANDLING: header.get("handling"),
        OCCURRED: date.fromisoformat(header["occurred_on"]),
        REPLACES: header.get("replaces"),
    }


def _fields(content: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    for name, value in content.items():
        if name != "header":
            yield from _leaves(name, value)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Value]]:
    match value:
        case dict():
            for name, inner in value.items():
                yield from _leaves(f"{path}.{name}", inner)
        case [dict(), *_]:
            names = dict.fromkeys(name for entry in value for name in entry)
            for name in names:
                yield f"{path}.{name}", "; ".join(_text(entry.get(name, "")) for entry in value)
        case list():
            yield path, "; ".join(map(_text, value))
        case bool():
            yield path, _text(value)
        case _:
            yield path, value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _typed(value: Value, kind: ColumnKind) -> Value:
    if not isinstance(value, str):
        return value
    match kind:
        case ColumnKind.DATE:
            return date.fromisoformat(value)
        case ColumnKind.MOMENT:
            return datetime.fromisoformat(value).astimezone(LONDON).replace(tzinfo=None)
        case ColumnKind.TEXT | ColumnKind.NUMBER:
            return value


def _is_shared(path: str, shared: Collection[str]) -> bool:
    return any(path == each or path.startswith(f"{each}.") for each in shared)


def _column(field: Field) -> Column:
    kind = ColumnKind.NUMBER if field.type_name in _NUMBERS else _KINDS.get(field.type_name, ColumnKind.TEXT)
    return Column(heading=field.path, kind=kind, width=12 if kind is ColumnKind.DATE else 18)
