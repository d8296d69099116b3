"""Says how a publisher's memory keeps an annulled record, and makes the row of an annulment.

The memory has no column for annulments: `loose` of an annulled subject is a digest that no content has. Everything that
protects others stays: an annulled member who was protected goes on to protect the household, until a newer row of the same
person says otherwise. The next row of the reference may be another person's, and lifts nothing.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace

from instep.adapters.identity import Identity
from instep.adapters.line import Row
from instep.adapters.memory import Fingerprint, Memory
from instep.adapters.normalise import at_milliseconds, iso


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectRecord:
    """A published record of a subject, as the memory has it. `subject_ref` is the pseudonym, `system` the numbering."""

    subject_ref: str
    event_type: str
    system: str
    last: Fingerprint = field(repr=False)

    @property
    def event_id(self) -> str:
        """The id of the event that stands."""
        return str(uuid.UUID(bytes=self.last.event_id))


def annulled(last: Fingerprint, annulment: Fingerprint, identity: Identity) -> Fingerprint:
    """The fingerprint of a subject whose `last` event is annulled; `annulment` is that of the annulling event."""
    return replace(
        annulment,
        alike=last.alike,
        loose=_mark(last, identity),
        person=last.person,
        given=None,
        family=None,
        born=None,
        household=last.household,
        protected=last.protected,
        shown=last.shown,
    )


def is_annulled(last: Fingerprint, identity: Identity) -> bool:
    """Whether the subject's last event annulled the record."""
    return last.loose == _mark(last, identity)


def revived(last: Fingerprint, identity: Identity) -> Fingerprint:
    """An annulled subject of which the same content may be published again."""
    emptied = replace(last, alike=identity.digest("revived", last.event_id.hex()))
    return replace(emptied, loose=_mark(emptied, identity))


def protects_still(last: Fingerprint, current: Fingerprint) -> bool:
    """Whether an annulled subject protects its household beside a newer row of the reference, `current`.

    A row of another person says nothing of the annulled person, even where that row is protected itself.
    """
    return bool(last.protected) and current.person != last.person


def _mark(last: Fingerprint, identity: Identity) -> bytes:
    return identity.digest("annulled", last.alike.hex())


def annulment(record: SubjectRecord, memory: Memory, line: int, at_ms: int) -> Row:
    """The row of a record's annulment: a bare event, with the replaced event's id and nothing of the person.

    `at_ms` is epoch milliseconds. The event is PROTECTED where a row of the record would go out PROTECTED today.
    """
    last = record.last
    at = at_milliseconds(at_ms)
    return Row(
        line=line,
        event_type=record.event_type,
        recorded=at_ms,
        header={
            "subject_ref": record.subject_ref,
            "source_system": record.system,
            "change_kind": "ANNUL",
            "replaces": record.event_id,
            "occurred_on": at.date().isoformat(),
            "recorded_at": iso(at),
            "sequence": max(at_ms, last.sequence + 1),
        },
        body={},
        system=record.system,
        protected=is_protected(last, memory),
    )


def is_protected(last: Fingerprint, memory: Memory) -> bool:
    """Whether the subject was sent as PROTECTED, or would be today."""
    if last.protected or last.shown:
        return True
    household = last.household
    return household is not None and (
        memory.protected_beside(household, last.subject)
        or memory.is_marked([household], last.subject, household)
    )
