"""From rows to what is to be sent: what is new, what corrects, and what says nothing new.

Every event has an id made from source, reference, content and recorded date. With the memory lost, the same
file gives the same events under the same ids (a correction in it replaces the event of the row before it),
and the router drops the repeats. Only where the file no longer holds the earlier row does the correction
become a NEW of the same id and other content: the router refuses that one as an id-conflict, and what was
delivered before stands.

Digests cannot be published again, hence two limits. A household member who is not in the file stays as
published when another becomes protected, until a file holds that member's row. And a row that says again
exactly what it said before an intermediate change, under the same `recorded_at`, is taken as published: so
one whose household is no longer protected stays PROTECTED until its system records it anew.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from instep.adapters.identity import Identity
from instep.adapters.line import Line, Note, Plain, Refused, Row
from instep.adapters.memory import Known, Memory, Sent
from instep.adapters.normalise import at_milliseconds, iso
from instep.errors import PlainEventError, RowError, Theirs

Check = Callable[[str, Plain], None]

_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Send:
    """An event to publish. Once the broker has confirmed it, `memory.remember([send.sent, …])`."""

    line: int
    position: int
    event_type: str
    event: Plain = field(repr=False)
    notes: tuple[Note, ...]
    sent: Sent = field(repr=False)

    @property
    def event_id(self) -> str:
        return str(self.event["header"]["event_id"])

    @property
    def subject_ref(self) -> str:
        return str(self.event["header"]["subject_ref"])


@dataclass(frozen=True, kw_only=True, slots=True)
class Unchanged:
    """Published before: in an earlier run."""

    line: int
    position: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SameAddress:
    """Only the writing of an address has changed: same UPRN and postcode. Counted, not sent."""

    line: int
    position: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """Not sent: `duplicate` (said by an earlier row of this file), `superseded` (older than what was published)."""

    line: int
    position: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """Not sent until somebody has looked: a correction, or two people under one reference?"""

    line: int
    position: int
    column: str
    reason: str


Planned = Send | Unchanged | SameAddress | Skipped | Review | Refused


def plan(
    lines: Iterable[Line],
    *,
    memory: Memory,
    secret: bytes,
    authority: str,
    now: Callable[[], int],
    check: Check | None = None,
) -> Iterator[Planned]:
    """What to do with each line, in order. `now` gives epoch milliseconds.

    `check` gets each event type and event, and raises Theirs for one that intake would refuse; it is then
    Refused here and taken as not sent, so that no later row corrects it.
    """
    planner = _Planner(memory, Identity(secret=secret, authority=authority), now, check)
    for line in lines:
        yield line if isinstance(line, Refused) else planner.decide(line)


class _Planner:
    def __init__(
        self, memory: Memory, identity: Identity, now: Callable[[], int], check: Check | None
    ) -> None:
        self._memory = memory
        self._identity = identity
        self._now = now
        self._check = check

    def decide(self, row: Row) -> Planned:
        try:
            return self._given(row) if "change_kind" in row.header else self._derived(row)
        except PlainEventError as error:
            return _refused(row, error.field, error.reason, error.problem)
        except RowError as error:
            return _refused(row, error.column, error.reason)
        except Theirs as error:
            return _refused(row, "", "undecodable", str(error))
        except RecursionError:
            return _refused(row, "", "too-deep")

    def _given(self, row: Row) -> Planned:
        """An event whose system says itself what it changes: only gaps in its header are filled."""
        header, body, said = self._content_of(row)
        if (outcome := self._said_before(row, said)) is not None:
            return outcome
        stands = header["change_kind"] in ("NEW", "CORRECT")
        return self._send(row, {"sequence": row.recorded, **header}, body, said, remembered=stands)

    def _derived(self, row: Row) -> Planned:
        """An event whose change is judged by what is known of its subject."""
        header, body, said = self._content_of(row)
        known = self._memory.known(said.subject)
        if known is None:
            header["change_kind"] = "NEW"
        else:
            outcome = self._nothing_new(row, said, known)
            if outcome is not None:
                return outcome
            again = known.again if said.recorded == known.recorded else b""
            said = replace(said, sequence=max(said.sequence, known.sequence + 1), again=again)
            header |= {"change_kind": "CORRECT", "replaces": str(uuid.UUID(bytes=known.event_id))}
        return self._send(row, {**header, "sequence": said.sequence}, body, said, remembered=True)

    def _content_of(self, row: Row) -> tuple[Plain, Plain, Known]:
        """Header and body as far as the row decides them, and what would then be known."""
        identity, memory = self._identity, self._memory
        subject_ref = row.header.get("subject_ref") or identity.subject_ref(row.system, row.reference)
        subject = identity.digest("memory", subject_ref)
        household = identity.digest("household", row.system, row.household) if row.household else None
        body, protected = row.body, row.protected or row.shielded
        if household:
            body = {"group_ref": identity.group_ref(row.system, row.household), **body}
            protected = protected or memory.protected_beside(household, subject)
            if row.household_size:
                body = _with_all_members(body, row.household_size, memory.members(household))
        header = {
            "source_system": row.system,
            **row.header,
            "subject_ref": subject_ref,
            "handling": "PROTECTED" if protected else "ORDINARY",
        }
        said_of_it = {"handling": header["handling"], "occurred_on": header["occurred_on"], **body}
        content = _canonical(said_of_it)
        if "event_id" not in header:
            given = _canonical(row.header) if "change_kind" in row.header else ""
            header["event_id"] = identity.event_id(subject_ref, content + given, row.recorded)
        return (
            header,
            body,
            Known(
                subject=subject,
                event_id=_uuid(header["event_id"]),
                alike=identity.digest("alike", content.casefold()),
                loose=identity.digest("loose", _canonical(_loosened(said_of_it)).casefold()),
                person=identity.digest("person", row.person.casefold()) if row.person else None,
                household=household,
                protected=row.protected,
                recorded=row.recorded,
                sequence=row.recorded,
                run=memory.run,
            ),
        )

    def _nothing_new(self, row: Row, said: Known, known: Known) -> Planned | None:
        """Why a row of a known reference is not sent; None where it is a correction."""
        line, position = row.line, row.position
        if said.alike == known.alike or said.event_id == known.event_id:
            self._memory.see_again(known, said.event_id, said.recorded)
            return _again(row, said, known)
        if (outcome := self._said_before(row, said)) is not None:
            return outcome
        if _is_another(said, known):
            return Review(line=line, position=position, column="reference", reason="reference-conflict")
        if said.recorded < known.recorded:
            return Skipped(line=line, position=position, reason="superseded")
        if said.loose == known.loose:
            self._memory.see_again(known, said.event_id, said.recorded)
            return SameAddress(line=line, position=position)
        return _again(row, said, known) if known.said_again(said.event_id) else None

    def _said_before(self, row: Row, said: Known) -> Planned | None:
        """Whether this very event was sent, not only last: it must not go out twice as different things."""
        if self._memory.under_way(said.event_id):
            return Skipped(line=row.line, position=row.position, reason="duplicate")
        if self._memory.sent(said.event_id):
            return Unchanged(line=row.line, position=row.position)
        return None

    def _send(self, row: Row, header: Plain, body: Plain, said: Known, *, remembered: bool) -> Planned:
        event = {"header": {**header, **self._of_this_run(header)}, **body}
        if self._check:
            self._check(row.event_type, event)
        sent = Sent(event_id=said.event_id, known=said if remembered else None)
        self._memory.plan(sent)
        notes = row.notes
        if header["handling"] == "PROTECTED" and not row.protected:
            notes = (*notes, Note(column="protected", reason="household-protected"))
        return Send(
            line=row.line,
            position=row.position,
            event_type=row.event_type,
            event=event,
            notes=notes,
            sent=sent,
        )

    def _of_this_run(self, header: Plain) -> Plain:
        authority = self._identity.authority
        if header.get("source", authority) != authority:
            raise RowError("header.source", "wrong-source")
        published = header.get("published_at") or iso(at_milliseconds(self._now()))
        return {"source": authority, "published_at": published}


def _refused(row: Row, column: str, reason: str, problem: str = "") -> Refused:
    return Refused(line=row.line, column=column, reason=reason, problem=problem, position=row.position)


def _again(row: Row, said: Known, known: Known) -> Planned:
    if known.run == said.run:
        return Skipped(line=row.line, position=row.position, reason="duplicate")
    return Unchanged(line=row.line, position=row.position)


def _canonical(content: Any) -> str:
    return _ENCODER.encode(content)


def _uuid(text: Any) -> bytes:
    try:
        return uuid.UUID(text).bytes
    except (ValueError, TypeError, AttributeError):
        raise RowError("header.event_id", "bad-identifier") from None


def _is_another(said: Known, known: Known) -> bool:
    """Another person and another household; without households, another person is enough to ask."""
    if said.person is None or known.person is None or said.person == known.person:
        return False
    return said.household is None or known.household is None or said.household != known.household


def _with_all_members(body: Plain, in_file: int, remembered: int) -> Plain:
    """A placement whose household is only partly in this file: the number is of all, and who they are is left out."""
    if remembered <= in_file or "others_number" not in body.get("placement", {}):
        return body
    placement = {name: value for name, value in body["placement"].items() if name != "others_description"}
    return {**body, "placement": {**placement, "others_number": remembered - 1}}


def _loosened(content: Any) -> Any:
    """The same, with each address that has a UPRN reduced to what decides: UPRN and postcode."""
    if isinstance(content, dict):
        if content.get("uprn") and "lines" in content:
            return {"uprn": content["uprn"], "postcode": content.get("postcode")}
        return {name: _loosened(value) for name, value in content.items()}
    if isinstance(content, list):
        return [_loosened(item) for item in content]
    return content
