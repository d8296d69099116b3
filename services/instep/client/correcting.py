"""Corrects a published record by hand: a row of a file with changed cells goes the way of every row, and no other row does.

The memory keeps digests, and digests cannot be published again. So a correction needs the file that holds the row, a file
with that row alone, or the event that stands in the council's own outbox (`published_row`).

Where the changed row is protected, published members of its household who are in the file go out with it: they become
PROTECTED now, as they would with the whole file.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from instep.adapters.annulment import is_annulled, revived
from instep.adapters.edits import Edit
from instep.adapters.identity import Identity
from instep.adapters.line import Line, Refused, Row
from instep.adapters.lookup import reference_forms
from instep.adapters.marks import heard_by, said_by
from instep.adapters.memory import Fingerprint, Memory, Sent
from instep.adapters.normalise import at_milliseconds, iso, key_of
from instep.client.filing import EventSink, Filing, LineResult
from instep.client.hand_journal import Journal, JournalEntry
from instep.client.publisher import Gate
from instep.errors import ConfigurationError, FileFormatError

Reading = Callable[[Edit], Iterable[Line]]
"""Reads the file from its beginning, with an edit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What is to be corrected: the row of `reference` (None: the file's only row), with new cells by column."""

    reference: str | None = field(repr=False)
    changes: dict[str, str] = field(repr=False)

    def edit(self, at_ms: int) -> Edit:
        """The wish as a change of cells that was made at a time, epoch milliseconds."""
        references = tuple(reference_forms(self.reference)) if self.reference is not None else ()
        return Edit(references=references, changes=self.changes, recorded_at=iso(at_milliseconds(at_ms)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Correcting:
    """Corrects a record of an authority. `gate`, `memory`, `on_behalf` as for a `Filing`; `now` gives epoch milliseconds."""

    authority: str
    gate: Gate
    memory: Memory
    journal: Journal
    on_behalf: bool = False
    now: Callable[[], int] = field(default=lambda: time.time_ns() // 1_000_000)
    _before: dict[str, Sent] = field(default_factory=dict, repr=False)

    @property
    def identity(self) -> Identity:
        return Identity(secret=self.memory.secret, authority=self.authority)

    async def correct(self, wish: Wish, reading: Reading, outbox: EventSink) -> list[LineResult]:
        """Publish the changed row; the row's result comes first, then those of its household.

        Raises ConfigurationError where the record was never published from here, FileFormatError where the file does not
        hold the row or a column.
        """
        row = self._chosen(wish, reading)
        if isinstance(row, Refused):
            return await self._publish([row], outbox)
        last = self.memory.last(self._subject(row))
        if last is None:
            raise ConfigurationError(
                f"{self.authority} has published no record of this reference from here: publish its file first."
            )
        entry = self._entry(row, last)
        at_ms = self.journal.begun_at(entry.request, self.now())
        self.journal.begin([(entry, at_ms)])
        if is_annulled(last, self.identity):
            again = revived(last, self.identity)
            self.memory.remember([Sent(event_id=last.event_id, fingerprint=again)])
        results = await self._publish([_recorded(row, at_ms), *self._household(wish, row, reading)], outbox)
        self._keep_person(row, last)
        self.journal.finish([(replace(entry, event_id=results[0].event_id), self.now())])
        return results

    def _keep_person(self, row: Row, last: Fingerprint) -> None:
        """A row that does not say who the person is leaves what the memory knows of the person."""
        now = self.memory.last(last.subject)
        if row.person or now is None or now.event_id == last.event_id:
            return
        kept = replace(now, person=last.person, given=last.given, family=last.family, born=last.born)
        self.memory.remember([Sent(event_id=now.event_id, fingerprint=kept)])

    def take_back(self, result: LineResult) -> None:
        """Forget a correction that the network has refused: what stood before stands."""
        self.memory.forget(uuid.UUID(result.event_id).bytes)
        before = self._before.get(result.subject_ref)
        if before is not None:
            self.memory.remember([before])

    def _chosen(self, wish: Wish, reading: Reading) -> Line:
        """The row as it is to be published; of several rows of a reference the last, which holds."""
        edit = wish.edit(self.now())
        forms = {key_of(form) for form in edit.references}
        chosen: list[Line] = []
        ahead: frozenset[tuple[str, str]] = frozenset()
        for line in reading(edit):
            ahead |= line.ahead
            if _is_meant(line, edit, forms):
                chosen.append(line)
        if edit.missing:
            raise FileFormatError(f"The file has no column {', '.join(sorted(edit.missing))}.")
        if not chosen:
            raise FileFormatError(
                "The file holds no row of this reference that can be read."
                if forms
                else "The file has no row."
            )
        if wish.changes and not edit.lines:
            raise FileFormatError("--set changes the cells of a table: correct this file in an editor.")
        if not forms and len(chosen) > 1:
            raise FileFormatError(
                f"The file has {len(chosen)} rows: say with --reference which row is to be corrected."
            )
        return replace(chosen[-1], ahead=ahead)

    def _household(self, wish: Wish, row: Row, reading: Reading) -> Iterator[Row]:
        """The published rows of the file that the row protects, such as those of its household."""
        if not (row.protected and wish.reference is not None):
            return
        said = said_by(row)
        for line in reading(wish.edit(self.now())):
            if not isinstance(line, Row) or line.system != row.system or said.isdisjoint(heard_by(line)):
                continue
            subject = self._subject(line)
            if subject != self._subject(row) and self.memory.last(subject) is not None:
                yield line

    async def _publish(self, lines: Sequence[Line], outbox: EventSink) -> list[LineResult]:
        results: list[LineResult] = []
        for row in (line for line in lines if isinstance(line, Row)):
            last = self.memory.last(self._subject(row))
            if last is not None:
                self._before[self.identity.subject_of(row)] = Sent(
                    event_id=last.event_id, fingerprint=last, protecting=self.memory.marks_of(last.subject)
                )
        filing = Filing(
            lines=lines,
            authority=self.authority,
            gate=self.gate,
            memory=self.memory,
            on_behalf=self.on_behalf,
            report=results.append,
        )
        await filing.publish(outbox)
        return sorted(results, key=lambda result: result.line != lines[0].line)

    def _subject(self, row: Row) -> bytes:
        return self.identity.digest("memory", self.identity.subject_of(row))

    def _entry(self, row: Row, last: Fingerprint) -> JournalEntry:
        replaces = str(uuid.UUID(bytes=last.event_id))
        wanted = repr((sorted(row.body.items(), key=str), row.header.get("occurred_on"), row.protected))
        return JournalEntry(
            command="correct",
            request=self.identity.digest("by-hand", "correct", replaces, wanted).hex(),
            subject_ref=self.identity.subject_of(row),
            replaces=replaces,
        )


def _is_meant(line: Line, edit: Edit, forms: set[str]) -> bool:
    if line.line in edit.lines or not forms:
        return True
    return isinstance(line, Row) and key_of(line.reference) in forms


def _recorded(row: Row, at_ms: int) -> Row:
    """The row as recorded by hand at a time: nothing that was recorded earlier outdates the row."""
    if "change_kind" in row.header:
        return row
    header = {**row.header, "recorded_at": iso(at_milliseconds(at_ms))}
    return replace(row, recorded=at_ms, header=header, precision=1)
