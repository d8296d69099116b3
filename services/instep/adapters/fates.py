"""The fate of a file's line: sent, or not sent and why. What `triage` gives, and `filing` reports."""

from __future__ import annotations

from dataclasses import dataclass, field

from instep.adapters.line import Note, Plain, Refused, Row
from instep.adapters.memory import Fingerprint, Sent


@dataclass(frozen=True, kw_only=True, slots=True)
class Send:
    """An event to publish. Once the broker has confirmed the event, call `memory.remember([send.sent, …])`."""

    line: int
    position: int
    event_type: str
    event: Plain = field(repr=False)
    notes: tuple[Note, ...]
    sent: Sent = field(repr=False)
    entry: str = ""
    keyed: bool = True
    """Whether the publisher's secret has made the event's id or reference. A line of JSON may name both itself."""

    @property
    def event_id(self) -> str:
        return str(self.event["header"]["event_id"])

    @property
    def subject_ref(self) -> str:
        return str(self.event["header"]["subject_ref"])


@dataclass(frozen=True, kw_only=True, slots=True)
class Unchanged:
    """Not sent: an earlier run has published the row."""

    line: int
    position: int
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SameAddress:
    """Not sent: an address is written differently, with the same UPRN, postcode and numbers of house and flat."""

    line: int
    position: int
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """Not sent: `duplicate` (an earlier row of this file says the same), `superseded` (a newer row has been published),
    `not-moved` (the addresses before and after are the same), `annulled` (the record was annulled, and the row is no newer).
    """

    line: int
    position: int
    reason: str
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """Not sent until somebody has looked: is the row a correction, or do two people share a reference? Is the row of a
    household in doubt? `cause` is the line that has to be mended first, 0 for none.
    """

    line: int
    position: int
    column: str
    reason: str
    entry: str = ""
    notes: tuple[Note, ...] = ()
    cause: int = 0


Triaged = Send | Unchanged | SameAddress | Skipped | Review | Refused


def refused(row: Row, column: str, reason: str, problem: str = "") -> Refused:
    return Refused(
        line=row.line,
        column=column,
        reason=reason,
        problem=problem,
        position=row.position,
        entry=row.entry,
    )


def review(row: Row, column: str, reason: str) -> Review:
    return Review(
        line=row.line,
        position=row.position,
        column=column,
        reason=reason,
        entry=row.entry,
        notes=row.notes,
        cause=row.cause if reason == row.held else 0,
    )


def skipped(row: Row, reason: str) -> Skipped:
    return Skipped(line=row.line, position=row.position, reason=reason, notes=row.notes)


def again(row: Row, current: Fingerprint, last: Fingerprint) -> Triaged:
    if last.run == current.run:
        return skipped(row, "duplicate")
    return Unchanged(line=row.line, position=row.position, notes=row.notes)
