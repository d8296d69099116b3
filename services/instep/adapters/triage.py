"""Sorts a file's rows against the publisher's memory: new, a correction, unchanged, to be reviewed, or refused.

Source, reference, content and recorded date make an event's id. So when the memory is lost, the same file gives the same
events under the same ids, and the router drops the repeats; a correction in the file replaces the event of the row before. A
problem remains where the file no longer holds the earlier row: the correction becomes a NEW of the same id and other
content. The router refuses the NEW as an id-conflict, and the event that was delivered before stands.

The memory holds digests, and digests cannot be published again. Hence two limits:

- When a member of a household becomes protected, members who are not in the file stay as published until a file holds their
  rows.
- A row may repeat exactly, under the same `recorded_at`, the content that an intermediate change has replaced. Such a row
  counts as published. So a row whose household is no longer protected stays PROTECTED until its system records the row anew.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from instep.adapters.annulment import annulled, is_annulled, protects_still
from instep.adapters.content import Content
from instep.adapters.fates import (
    Review,
    SameAddress,
    Send,
    Skipped,
    Triaged,
    Unchanged,
    again,
    refused,
    review,
    skipped,
)
from instep.adapters.identity import Identity
from instep.adapters.likeness import has_not_moved, is_another, newly_protected
from instep.adapters.line import Line, Note, Plain, Refused, Row
from instep.adapters.memory import Fingerprint, Memory, Sent
from instep.adapters.normalise import at_milliseconds, iso
from instep.adapters.protection import Protection
from instep.errors import PlainEventError, RowError, Theirs

__all__ = ["Review", "SameAddress", "Send", "Skipped", "Triaged", "Unchanged", "Validate", "triage"]

Validate = Callable[[str, Plain], None]


def triage(
    lines: Iterable[Line],
    *,
    memory: Memory,
    secret: bytes,
    authority: str,
    now: Callable[[], int],
    validate: Validate | None = None,
    on_behalf: bool = False,
) -> Iterator[Triaged]:
    """Each line's fate, in order. `now` gives epoch milliseconds. `on_behalf`: send new rows of other councils' areas too.

    `validate` gets each event's type and the event, and raises Theirs where intake would refuse the event. The row is then
    Refused and counts as not sent, so no later row corrects the event.
    """
    triager = _Triage(memory, Identity(secret=secret, authority=authority), now, validate, on_behalf)
    for line in lines:
        triager.protection.expect(line.ahead)
        if isinstance(line, Refused):
            triager.protection.shield(line.shield)
            yield line
        else:
            yield triager.sort(line)


class _Triage:
    def __init__(
        self,
        memory: Memory,
        identity: Identity,
        now: Callable[[], int],
        validate: Validate | None,
        on_behalf: bool,
    ) -> None:
        self._memory = memory
        self._identity = identity
        self.protection = Protection(memory, identity)
        self._content = Content(memory, identity, self.protection)
        self._now = now
        self._validate = validate
        self._on_behalf = on_behalf

    def sort(self, row: Row) -> Triaged:
        outcome = self._sorted(row)
        if row.protected:
            self.protection.keep(row, outcome)
        return outcome

    def _sorted(self, row: Row) -> Triaged:
        try:
            if row.held:
                return review(row, "household_reference", row.held)
            return self._given(row) if "change_kind" in row.header else self._derived(row)
        except PlainEventError as error:
            return refused(row, error.field, error.reason, error.problem)
        except RowError as error:
            return refused(row, error.column, error.reason)
        except Theirs as error:
            return refused(row, "", "undecodable", str(error))
        except RecursionError:
            return refused(row, "", "too-deep")

    def _given(self, row: Row) -> Triaged:
        """An event whose own system names the kind of change: only gaps in its header are filled."""
        header, body, current = self._content.of(row)
        if (outcome := self._sent_before(row, current)) is not None:
            return outcome
        if header["change_kind"] == "NEW" and row.elsewhere and not self._on_behalf:
            raise RowError("", "elsewhere")
        header = {"sequence": row.recorded, **header}
        if header["change_kind"] == "ANNUL":
            return self._annul(row, header, body, current)
        stands = header["change_kind"] in ("NEW", "CORRECT")
        return self._send(row, header, body, current, remembered=stands)

    def _annul(self, row: Row, header: Plain, body: Plain, current: Fingerprint) -> Triaged:
        """An annulment of the subject's last event is remembered as such; of any other event, by its id alone."""
        last = self._memory.last(current.subject)
        if last is None or header.get("replaces") != str(uuid.UUID(bytes=last.event_id)):
            return self._send(row, header, body, current, remembered=False)
        sequence = header["sequence"]
        kept = annulled(last, replace(current, sequence=_whole(sequence, row.recorded)), self._identity)
        return self._send(row, header, body, kept, remembered=True)

    def _derived(self, row: Row) -> Triaged:
        """An event whose kind of change follows from the memory of its subject."""
        header, body, current = self._content.of(row)
        last = self._memory.last(current.subject)
        if last is None or is_annulled(last, self._identity):
            if last is not None and self._is_still_annulled(row, current, last):
                return skipped(row, "annulled")
            if has_not_moved(body):
                return skipped(row, "not-moved")
            if row.elsewhere and not self._on_behalf:
                raise RowError("", "elsewhere")
            header["change_kind"] = "NEW"
            repeats = b""
            if last is not None and protects_still(last, current):
                self.protection.keep_annulled(last)
        else:
            outcome = self._nothing_new(row, current, last)
            if outcome is not None:
                return outcome
            repeats = last.again if current.recorded == last.recorded else b""
            header |= {"change_kind": "CORRECT", "replaces": str(uuid.UUID(bytes=last.event_id))}
        if last is not None:
            current = replace(current, sequence=max(current.sequence, last.sequence + 1), again=repeats)
        return self._send(row, {**header, "sequence": current.sequence}, body, current, remembered=True)

    def _is_still_annulled(self, row: Row, current: Fingerprint, last: Fingerprint) -> bool:
        """Whether a row of an annulled record says nothing newer: an export that still has the row brings nothing back."""
        same = current.alike == last.alike or self._sent_before(row, current) is not None
        return same or current.recorded + row.precision <= last.recorded

    def _nothing_new(self, row: Row, current: Fingerprint, last: Fingerprint) -> Triaged | None:
        """The reason not to send a row of a remembered subject; None for a correction."""
        if current.alike == last.alike or current.event_id == last.event_id:
            self._memory.note_repeat(last, current.event_id, current.recorded)
            self._memory.lift(current.subject)
            return again(row, current, last)
        if (outcome := self._sent_before(row, current)) is not None:
            return outcome
        if is_another(current, last):
            return review(row, "reference", "reference-conflict")
        if current.recorded + row.precision <= last.recorded and not newly_protected(current, last):
            return skipped(row, "superseded")
        if current.loose == last.loose:
            self._memory.note_repeat(last, current.event_id, current.recorded)
            self._memory.lift(current.subject)
            return SameAddress(line=row.line, position=row.position, notes=row.notes)
        return again(row, current, last) if last.also_said_by(current.event_id) else None

    def _sent_before(self, row: Row, current: Fingerprint) -> Triaged | None:
        """The reason not to send an event that was sent before: an id never goes out with two contents."""
        if self._memory.under_way(current.event_id):
            return skipped(row, "duplicate")
        if self._memory.sent(current.event_id):
            return Unchanged(line=row.line, position=row.position, notes=row.notes)
        return None

    def _send(
        self, row: Row, header: Plain, body: Plain, current: Fingerprint, *, remembered: bool
    ) -> Triaged:
        event = {"header": {**header, **self._of_this_run(header)}, **body}
        if self._validate:
            self._validate(row.event_type, event)
        # An annulment protects nobody by itself: what the annulled rows said stays.
        said = self.protection.said(row, self._memory.last(current.subject)) if current.protected else ()
        sent = Sent(event_id=current.event_id, fingerprint=current if remembered else None, protecting=said)
        self._memory.begin(sent)
        notes = row.notes
        if header["handling"] == "PROTECTED" and not row.protected:
            cause = row.cause if row.shielded else 0
            notes = (*notes, Note(column="protected", reason="household-protected", cause=cause))
        if row.elsewhere and self._on_behalf:
            notes = (*notes, Note(column="", reason="on-behalf"))
        return Send(
            line=row.line,
            position=row.position,
            event_type=row.event_type,
            event=event,
            notes=notes,
            sent=sent,
            entry=row.entry,
            keyed=not row.header.keys() >= {"event_id", "subject_ref"},
        )

    def _of_this_run(self, header: Plain) -> Plain:
        authority = self._identity.authority
        if header.get("source", authority) != authority:
            raise RowError("header.source", "wrong-source")
        published = header.get("published_at") or iso(at_milliseconds(self._now()))
        return {"source": authority, "published_at": published}


def _whole(sequence: Any, otherwise: int) -> int:
    """A sequence as a line of JSON gives it; the network's rules refuse what is no whole number."""
    return sequence if isinstance(sequence, int) else otherwise
