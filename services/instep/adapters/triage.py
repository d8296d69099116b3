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

import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from instep.adapters.annulment import annulled, is_annulled, protects_still
from instep.adapters.identity import Identity
from instep.adapters.likeness import has_not_moved, is_another, loosened, newly_protected
from instep.adapters.line import Line, Note, Plain, Refused, Row, Shield
from instep.adapters.memory import Fingerprint, Memory, Sent
from instep.adapters.normalise import at_milliseconds, iso
from instep.errors import PlainEventError, RowError, Theirs

Validate = Callable[[str, Plain], None]

_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


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
    household in doubt?
    """

    line: int
    position: int
    column: str
    reason: str
    entry: str = ""
    notes: tuple[Note, ...] = ()


Triaged = Send | Unchanged | SameAddress | Skipped | Review | Refused


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
        if isinstance(line, Refused):
            triager.shield(line.shield)
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
        self._now = now
        self._validate = validate
        self._on_behalf = on_behalf

    def sort(self, row: Row) -> Triaged:
        outcome = self._sorted(row)
        if row.household and row.protected and not isinstance(outcome, Send):
            self._keep_protected(row, outcome)
        return outcome

    def _sorted(self, row: Row) -> Triaged:
        try:
            if row.held:
                return _review(row, "household_reference", row.held)
            return self._given(row) if "change_kind" in row.header else self._derived(row)
        except PlainEventError as error:
            return _refused(row, error.field, error.reason, error.problem)
        except RowError as error:
            return _refused(row, error.column, error.reason)
        except Theirs as error:
            return _refused(row, "", "undecodable", str(error))
        except RecursionError:
            return _refused(row, "", "too-deep")

    def _keep_protected(self, row: Row, outcome: Triaged) -> None:
        """Keep that a row protects its household, where the row itself is not sent; a row out of date says nothing."""
        if isinstance(outcome, Skipped) and outcome.reason == "superseded":
            return
        # Of another person under the reference, nobody can tell when a row of that person is published.
        another = isinstance(outcome, Review) and outcome.reason == "reference-conflict"
        reference = "" if another else self._subject_ref(row)
        self.shield(
            Shield(system=row.system, reference=reference, households=frozenset({row.household})), known=True
        )

    def shield(self, shield: Shield | None, *, known: bool = False) -> None:
        """Keep what an unsent row says of protection; `known`: its reference is a subject's pseudonym already."""
        if shield is None:
            return
        reference = shield.reference
        if reference and not known:
            reference = self._identity.subject_ref(shield.system, reference)
        self._memory.shield(
            [self._identity.digest("household", shield.system, household) for household in shield.households],
            self._identity.digest("memory", reference),
        )

    def _subject_ref(self, row: Row) -> str:
        return str(row.header.get("subject_ref") or self._identity.subject_ref(row.system, row.reference))

    def _given(self, row: Row) -> Triaged:
        """An event whose own system names the kind of change: only gaps in its header are filled."""
        header, body, current = self._content_of(row)
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
        header, body, current = self._content_of(row)
        last = self._memory.last(current.subject)
        if last is None or is_annulled(last, self._identity):
            if last is not None and self._is_still_annulled(row, current, last):
                return _skipped(row, "annulled")
            if has_not_moved(body):
                return _skipped(row, "not-moved")
            if row.elsewhere and not self._on_behalf:
                raise RowError("", "elsewhere")
            header["change_kind"] = "NEW"
            again = b""
            if last is not None and last.household and protects_still(last, current):
                # Nobody can tell which later row would be of the person who was annulled.
                self._memory.shield([last.household], self._identity.digest("memory", ""))
        else:
            outcome = self._nothing_new(row, current, last)
            if outcome is not None:
                return outcome
            again = last.again if current.recorded == last.recorded else b""
            header |= {"change_kind": "CORRECT", "replaces": str(uuid.UUID(bytes=last.event_id))}
        if last is not None:
            current = replace(current, sequence=max(current.sequence, last.sequence + 1), again=again)
        return self._send(row, {**header, "sequence": current.sequence}, body, current, remembered=True)

    def _is_still_annulled(self, row: Row, current: Fingerprint, last: Fingerprint) -> bool:
        """Whether a row of an annulled record says nothing newer: an export that still has the row brings nothing back."""
        same = current.alike == last.alike or self._sent_before(row, current) is not None
        return same or current.recorded + row.precision <= last.recorded

    def _content_of(self, row: Row) -> tuple[Plain, Plain, Fingerprint]:
        """Header and body as far as the row decides them, and the fingerprint of the event."""
        identity = self._identity
        given, family, born = self._traits(row)
        subject_ref = self._subject_ref(row)
        subject = identity.digest("memory", subject_ref)
        household = self._household(row, subject)
        body, protected = self._with_household(row, household, subject)
        header = {
            "source_system": row.system,
            **row.header,
            "subject_ref": subject_ref,
            "handling": "PROTECTED" if protected else "ORDINARY",
        }
        content = {"handling": header["handling"], "occurred_on": header["occurred_on"], **body}
        text = _canonical(content)
        if "event_id" not in header:
            as_given = _canonical(row.header) if "change_kind" in row.header else ""
            header["event_id"] = identity.event_id(subject_ref, text + as_given, row.recorded)
        return (
            header,
            body,
            Fingerprint(
                subject=subject,
                event_id=_uuid(header["event_id"]),
                alike=identity.digest("alike", text.casefold()),
                loose=identity.digest("loose", _canonical(loosened(content)).casefold()),
                person=identity.digest("person", "\n".join(row.person).casefold()) if row.person else None,
                household=household,
                protected=row.protected,
                recorded=row.recorded,
                sequence=row.recorded,
                run=self._memory.run,
                given=given,
                family=family,
                born=born,
                shown=protected,
            ),
        )

    def _traits(self, row: Row) -> tuple[bytes | None, ...]:
        """Digests of given names, family name and date of birth, each None where not known."""
        return tuple(
            self._identity.digest(name, value.casefold()) if value else None
            for name, value in zip(("given", "family", "born"), row.person or ("", "", ""), strict=True)
        )

    def _with_household(self, row: Row, household: bytes | None, subject: bytes) -> tuple[Plain, bool]:
        """The body with what the household adds, and whether the event is protected."""
        protected, body, memory = row.protected or row.shielded, row.body, self._memory
        if not household:
            return body, protected
        if row.household:
            body = {"group_ref": self._identity.group_ref(row.system, row.household), **body}
        if row.household_size:
            body = _with_all_members(body, row.household_size, memory.members(household))
        beside = memory.protected_beside(household, subject) or memory.shielded(household, subject)
        return body, protected or beside

    def _household(self, row: Row, subject: bytes) -> bytes | None:
        """The digest of the row's household; without a household, of the subject's last: an empty cell takes nobody out."""
        if row.household:
            return self._identity.digest("household", row.system, row.household)
        last = self._memory.last(subject) if "change_kind" not in row.header else None
        return last.household if last else None

    def _nothing_new(self, row: Row, current: Fingerprint, last: Fingerprint) -> Triaged | None:
        """The reason not to send a row of a remembered subject; None for a correction."""
        if current.alike == last.alike or current.event_id == last.event_id:
            self._memory.note_repeat(last, current.event_id, current.recorded)
            self._memory.lift(current.subject)
            return _again(row, current, last)
        if (outcome := self._sent_before(row, current)) is not None:
            return outcome
        if is_another(current, last):
            return _review(row, "reference", "reference-conflict")
        if current.recorded + row.precision <= last.recorded and not newly_protected(current, last):
            return _skipped(row, "superseded")
        if current.loose == last.loose:
            self._memory.note_repeat(last, current.event_id, current.recorded)
            self._memory.lift(current.subject)
            return SameAddress(line=row.line, position=row.position, notes=row.notes)
        return _again(row, current, last) if last.also_said_by(current.event_id) else None

    def _sent_before(self, row: Row, current: Fingerprint) -> Triaged | None:
        """The reason not to send an event that was sent before: an id never goes out with two contents."""
        if self._memory.under_way(current.event_id):
            return _skipped(row, "duplicate")
        if self._memory.sent(current.event_id):
            return Unchanged(line=row.line, position=row.position, notes=row.notes)
        return None

    def _send(
        self, row: Row, header: Plain, body: Plain, current: Fingerprint, *, remembered: bool
    ) -> Triaged:
        event = {"header": {**header, **self._of_this_run(header)}, **body}
        if self._validate:
            self._validate(row.event_type, event)
        sent = Sent(event_id=current.event_id, fingerprint=current if remembered else None)
        self._memory.begin(sent)
        notes = row.notes
        if header["handling"] == "PROTECTED" and not row.protected:
            notes = (*notes, Note(column="protected", reason="household-protected"))
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


def _refused(row: Row, column: str, reason: str, problem: str = "") -> Refused:
    return Refused(
        line=row.line,
        column=column,
        reason=reason,
        problem=problem,
        position=row.position,
        entry=row.entry,
    )


def _review(row: Row, column: str, reason: str) -> Review:
    return Review(
        line=row.line,
        position=row.position,
        column=column,
        reason=reason,
        entry=row.entry,
        notes=row.notes,
    )


def _skipped(row: Row, reason: str) -> Skipped:
    return Skipped(line=row.line, position=row.position, reason=reason, notes=row.notes)


def _again(row: Row, current: Fingerprint, last: Fingerprint) -> Triaged:
    if last.run == current.run:
        return _skipped(row, "duplicate")
    return Unchanged(line=row.line, position=row.position, notes=row.notes)


def _whole(sequence: Any, otherwise: int) -> int:
    """A sequence as a line of JSON gives it; the network's rules refuse what is no whole number."""
    return sequence if isinstance(sequence, int) else otherwise


def _canonical(content: Any) -> str:
    return _ENCODER.encode(content)


def _uuid(text: Any) -> bytes:
    try:
        return uuid.UUID(text).bytes
    except (ValueError, TypeError, AttributeError):
        raise RowError("header.event_id", "bad-identifier") from None


def _with_all_members(body: Plain, in_file: int, remembered: int) -> Plain:
    """A placement of a household that is only partly in this file: counts all members, leaves out their description."""
    if remembered <= in_file or "others_number" not in body.get("placement", {}):
        return body
    placement = {name: value for name, value in body["placement"].items() if name != "others_description"}
    return {**body, "placement": {**placement, "others_number": remembered - 1}}
