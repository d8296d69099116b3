"""Annuls published records by hand: finds them in the memory, and publishes a bare ANNUL for each."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from instep.adapters.annulment import SubjectRecord, annulment, is_annulled
from instep.adapters.identity import Identity
from instep.adapters.lookup import only_record, records_of
from instep.adapters.memory import Memory, Sent
from instep.client.filing import EventSink, Filing, LineResult
from instep.client.hand_journal import Journal, JournalEntry
from instep.client.publisher import Gate
from instep.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class Annulment:
    """A record's annulment. `outcome` is that of a line, or already-annulled."""

    record: SubjectRecord
    outcome: str
    result: LineResult | None = None

    @property
    def replaces(self) -> str:
        """The id of the event that is annulled."""
        return self.record.event_id

    @property
    def protects_still(self) -> bool:
        """Whether the annulled person goes on to protect a household."""
        last = self.record.last
        return self.outcome == "published" and bool(last.protected) and last.household is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Annulling:
    """Annuls records of an authority. `gate`, `memory` as for a `Filing`; `now` gives epoch milliseconds."""

    authority: str
    gate: Gate
    memory: Memory
    journal: Journal
    now: Callable[[], int] = field(default=lambda: time.time_ns() // 1_000_000)

    @property
    def identity(self) -> Identity:
        return Identity(secret=self.memory.secret, authority=self.authority)

    def find(self, reference: str, system: str | None = None, event_type: str | None = None) -> SubjectRecord:
        """The published record of a reference. Raises ConfigurationError where there is none, or more than a single one."""
        records = records_of(reference, system, self.memory, self.identity)
        if event_type:
            typed = (replace(each, event_type=each.event_type or event_type) for each in records)
            records = [record for record in typed if record.event_type == event_type]
        absent = (
            f"{self.authority} has published no record of this reference from here; nothing was annulled."
        )
        return only_record(records, absent=absent)

    async def annul(self, records: Iterable[SubjectRecord], outbox: EventSink) -> list[Annulment]:
        """Publish an annulment of each record that is not annulled yet; the result of each, in order."""
        wanted = list(records)
        standing = [record for record in wanted if not is_annulled(record.last, self.identity)]
        _ensure_typed(standing)
        begun = [(record, self._begun_at(record)) for record in standing]
        self.journal.begin((self._entry(record), at_ms) for record, at_ms in begun)
        rows = [
            annulment(record, self.memory, line, at_ms) for line, (record, at_ms) in enumerate(begun, start=1)
        ]
        results: dict[int, LineResult] = {}
        filing = Filing(
            lines=rows,
            authority=self.authority,
            gate=self.gate,
            memory=self.memory,
            report=lambda result: results.__setitem__(result.line, result),
        )
        await filing.publish(outbox)
        self._finish(standing, results)
        by_subject = {record.subject_ref: results[line] for line, record in enumerate(standing, start=1)}
        return [_annulment(record, by_subject.get(record.subject_ref)) for record in wanted]

    def take_back(self, annulment: Annulment) -> None:
        """Forget an annulment that the network has refused: the record stands, and can be annulled again."""
        if annulment.result is not None:
            self.memory.forget(uuid.UUID(annulment.result.event_id).bytes)
            last = annulment.record.last
            self.memory.remember([Sent(event_id=last.event_id, fingerprint=last)])

    def _begun_at(self, record: SubjectRecord) -> int:
        return self.journal.begun_at(self._entry(record).request, self.now())

    def _entry(self, record: SubjectRecord, event_id: str = "") -> JournalEntry:
        return JournalEntry(
            command="annul",
            request=self.identity.digest("by-hand", "annul", record.event_id).hex(),
            subject_ref=record.subject_ref,
            replaces=record.event_id,
            event_id=event_id,
        )

    def _finish(self, records: Sequence[SubjectRecord], results: dict[int, LineResult]) -> None:
        self.journal.finish(
            (self._entry(record, results[line].event_id), self.now())
            for line, record in enumerate(records, start=1)
            if results[line].outcome == "published"
        )


def _ensure_typed(records: Iterable[SubjectRecord]) -> None:
    if not all(record.event_type for record in records):
        raise ConfigurationError(
            "Nobody knows of what type this record is: say so with --event-type resident-moved or business-registered."
        )


def _annulment(record: SubjectRecord, result: LineResult | None) -> Annulment:
    return Annulment(record=record, outcome=result.outcome if result else "already-annulled", result=result)
