"""Makes the row of a correction from the event that stands in the council's own outbox, where nobody has the file.

The memory keeps digests alone, so the values come from the outbox, which the council may read. The row is refused wherever
the outbox may hold less than the file: a correction carries the whole event, and recipients would lose the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from instep.adapters import Memory, Settings, normalise
from instep.adapters.annulment import SubjectRecord
from instep.adapters.csv_moves import read_table
from instep.adapters.edits import Edit
from instep.adapters.event_cells import cells_of, holds, table_of
from instep.adapters.identity import Identity
from instep.adapters.line import Line, Row
from instep.adapters.lookup import only_record, records_of, reference_forms
from instep.adapters.protection import Protection
from instep.client.council import Council
from instep.client.reader import Reader
from instep.errors import ConfigurationError

_NAME = "the record"
_TRAITS = ("given_names", "family_name", "date_of_birth")
"""The columns by which a row of another person is known."""
_BY_FILE = "name the file that holds the row: instep correct FILE --reference REF --set COLUMN=VALUE."


def record_of(
    authority: str, memory: Memory, identity: Identity, reference: str, system: str | None
) -> SubjectRecord:
    """The published record of a local reference. Raises ConfigurationError where there is none, or more than one."""
    absent = f"{authority} has published no record of this reference from here: check it, or publish its file first."
    return only_record(records_of(reference, system, memory, identity), absent=absent)


async def event_of(at: Council, reader: Reader, record: SubjectRecord) -> Mapping[str, Any]:
    """The plain event that stands for a record. Raises ConfigurationError where the outbox keeps the event no longer."""
    named = record.event_id.encode()
    event: Mapping[str, Any] = {}
    async for kept in reader.records([at.outbox()]):
        if named in (kept.value or b""):
            content = reader.decoded(kept).content
            if content.get("header", {}).get("event_id") == record.event_id:
                event = content
    if not event:
        raise ConfigurationError(f"Your outbox does not hold the record any more (35 days): {_BY_FILE}")
    return event


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedRow:
    """Reads the published event as the only row of a file, with an edit. Made by `published_row`."""

    event: Mapping[str, Any] = field(repr=False)
    cells: Mapping[str, str] = field(repr=False)
    settings: Settings
    changes: Mapping[str, str] = field(repr=False)

    def __call__(self, edit: Callable[[int, dict[str, str]], dict[str, str]]) -> Iterator[Line]:
        """The row as a correction would read the row of a file."""
        settings = replace(self.settings, edit=edit)
        for line in read_table(table_of(self.cells), _NAME, settings):
            yield self._whole(line) if isinstance(line, Row) else line

    @property
    def is_unchanged(self) -> bool:
        """Whether the changes say what is published already. Fields that stay at home make the digests differ."""
        before, after = (self._read(changes) for changes in ({}, self.changes))
        return isinstance(before, Row) and isinstance(after, Row) and _content(before) == _content(after)

    def _read(self, changes: Mapping[str, str]) -> Line:
        (line,) = self(Edit(changes=changes, recorded_at=self.cells["recorded_at"]))
        return line

    def _whole(self, row: Row) -> Row:
        """The row with what no cell can say: the household's pseudonym."""
        group = self.event.get("group_ref")
        body = {**row.body, "group_ref": group} if group and not row.household else row.body
        # Without a date of birth, for example, the row would pass for another person's. Whoever changes a name gives all.
        changed = not self.changes.keys().isdisjoint(_TRAITS)
        whole = all(self.cells[column] for column in _TRAITS)
        return replace(row, body=body, person=row.person if changed or whole else ())


def _content(row: Row) -> tuple[Any, ...]:
    return row.body, row.header["occurred_on"], row.protected, row.person, row.household


def published_row(
    authority: str,
    record: SubjectRecord,
    event: Mapping[str, Any],
    reference: str,
    changes: Mapping[str, str],
    memory: Memory,
    settings: Settings,
) -> PublishedRow:
    """The row of a record's event, to be changed. Raises ConfigurationError where only a file can correct the record."""
    _ensure_ordinary(record, event, changes)
    identity = Identity(secret=memory.secret, authority=authority)
    cells = {**cells_of(dict(event)), "reference": _local(record, reference, identity), "protected": "no"}
    row = PublishedRow(
        event=event,
        cells=cells,
        settings=replace(settings, source_system=record.system),
        changes=dict(changes),
    )
    _ensure_named(cells, changes)
    _ensure_whole(row, event)
    corrected = row._read(changes)
    if isinstance(corrected, Row) and not corrected.protected:
        _ensure_unprotected(corrected, record, Protection(memory, identity))
    return row


def _ensure_unprotected(row: Row, record: SubjectRecord, protection: Protection) -> None:
    """Raise ConfigurationError where the row would go out protected, and so be withdrawn, though nobody asked for that.

    Without the household's reference, the row hears the protection of everybody at its addresses.
    """
    if protection.covers(row, record.last.household, record.last.subject):
        raise ConfigurationError(
            "Somebody of the household, or at an address of the record, is or may be protected, and only the file tells"
            f" which: {_BY_FILE}"
        )


def _ensure_ordinary(record: SubjectRecord, event: Mapping[str, Any], changes: Mapping[str, str]) -> None:
    header = event["header"]
    if record.event_type != "resident-moved":
        raise ConfigurationError(f"Only moves can be corrected without a file: {_BY_FILE}")
    if header["change_kind"] == "ANNUL":
        raise ConfigurationError(f"The record was annulled: to publish it again, {_BY_FILE}")
    if header["handling"] != "ORDINARY":
        raise ConfigurationError(
            f"The record went out protected, so your outbox does not hold all of it: {_BY_FILE}"
        )
    if normalise.clean(changes.get("reason", "")).casefold() == "placement":
        raise ConfigurationError(f"A placement's notice counts the household, so {_BY_FILE}")
    if "protected" in changes and (event.get("group_ref") or record.last.household):
        raise ConfigurationError(
            f"Protecting a person protects the household at once only where its rows are read too: {_BY_FILE}"
        )


def _local(record: SubjectRecord, reference: str, identity: Identity) -> str:
    """The form of a local reference from which the record's pseudonym was made."""
    for form in reference_forms(reference) if record.system else ():
        if identity.subject_ref(record.system, form) == record.subject_ref:
            return form
    raise ConfigurationError(f"The record was published under a reference of its system's own: {_BY_FILE}")


def _ensure_named(cells: Mapping[str, str], changes: Mapping[str, str]) -> None:
    """Raise ConfigurationError where the outbox lacks a column that the changed event needs."""
    needed = ["family_name"]
    if not changes.keys().isdisjoint(_TRAITS):
        needed = list(_TRAITS)
    missing = [column for column in needed if not cells[column] and column not in changes]
    if missing:
        raise ConfigurationError(
            f"Your outbox does not hold {' and '.join(missing)}, perhaps because no agreement lets it leave your council:"
            f" give {' and '.join(f'--set {column}=VALUE' for column in missing)} too, empty where there is none."
        )


def _ensure_whole(row: PublishedRow, event: Mapping[str, Any]) -> None:
    """Raise ConfigurationError where the columns cannot say everything that the event says."""
    stand_in = {} if row.cells["family_name"] else {"family_name": "-x"}
    body = {name: value for name, value in event.items() if name not in ("header", "group_ref")}
    line = row._read(stand_in)
    if not isinstance(line, Row) or not holds(line.body, body) or event.get("placement"):
        raise ConfigurationError(f"The record has more in it than these columns can say: {_BY_FILE}")
