"""Defines the answer about a record, and the ways that a record can go."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from instep.client.decisions import EventOutcome, decided_object
from instep.client.filed_rows import FiledRow
from instep.client.why_evidence import Answered, Published


class Way(StrEnum):
    """The way that a record has gone, as its source can know."""

    NOT_PUBLISHED = "not-published"
    REFUSED_AT_HOME = "refused-at-home"
    HELD = "held-for-review"
    LEFT_OUT = "left-out"
    NO_LONGER_KEPT = "no-longer-kept"
    OTHER_NETWORK = "other-network"
    OTHER_PUBLISHER = "other-publisher"
    REFUSED = "refused"
    WAITING = "waiting"
    REPEAT = "repeat"
    TEST = "test-event"
    UNKNOWN_AREA = "unknown-area"
    NOBODY_CONCERNED = "nobody-concerned"
    OWN_AREA = "own-area"
    NOT_CONCERNED = "not-concerned"
    WITHHELD = "withheld"
    WITHDRAWN = "withdrawn"
    DELIVERED = "delivered"
    COUNTED = "counted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The answer about an event, or about a row that never became an event.

    `sentence` says what became of the record, `remedy` what to do. `notes` are further facts.
    """

    way: Way
    sentence: str
    remedy: str = ""
    reason: str = ""
    published: Published | None = None
    row: FiledRow | None = None
    outcome: EventOutcome | None = None
    answered: Sequence[Answered] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """A JSON object, as `--output json` prints an answer."""
        shown: dict[str, Any] = {"way": self.way, "sentence": self.sentence, "remedy": self.remedy}
        if self.reason:
            shown["reason"] = self.reason
        if self.published:
            shown |= {
                "event_id": self.published.event_id,
                "subject_ref": self.published.subject_ref,
                "event_type": self.published.event_type,
                "change_kind": self.published.change_kind,
                "published_at": self.published.at,
                "offset": self.published.offset,
            }
        if self.row:
            shown |= {"file": self.row.file, "line": self.row.line, "subject_ref": self.row.subject_ref}
        if self.outcome:
            shown |= {"decided_at": self.outcome.at, "delivered": self.outcome.delivered}
            shown |= {"withheld": self.outcome.withheld, **decided_object(self.outcome)}
            shown["sentence"], shown["remedy"] = self.sentence, self.remedy
        if self.answered:
            shown["answers"] = [
                {"authority": a.authority, "purpose": a.purpose, "outcome": a.outcome, "at": a.at}
                for a in self.answered
            ]
        return shown | ({"notes": list(self.notes)} if self.notes else {})
