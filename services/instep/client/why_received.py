"""Says what a recipient has received of an event, and whether its own programs have read it. Pure.

A recipient reads its own inboxes and the positions of its own consumer groups, and nothing else. So only the source knows
why an event is in no inbox: nothing here says whether such an event exists.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from instep.client.explain import explain

Positions = Mapping[str, int]
"""The offset from which each consumer group goes on reading."""


class Whereabouts(StrEnum):
    """What a recipient has of an event."""

    RECEIVED = "received"
    NOT_READ = "not-read"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"
    NOT_HERE = "not-here"
    NO_INBOX = "no-inbox"


class InboxRecordKind(StrEnum):
    """What a record of an inbox says of the event."""

    DELIVERY = "delivery"
    REPLACEMENT = "replacement"
    WITHDRAWAL = "withdrawal"


@dataclass(frozen=True, kw_only=True, slots=True)
class InboxRecord:
    """A record of an inbox that speaks of the event. `event_id` is the id of the event that the record carries.

    `at` is ISO 8601, UTC. `reason` is that of a withdrawal.
    """

    purpose: str
    offset: int
    at: str
    said: InboxRecordKind
    event_id: str
    source: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """The answer for a purpose; "" where the event is in no inbox."""

    arrival: Whereabouts
    sentence: str
    remedy: str = ""
    purpose: str = ""
    records: Sequence[InboxRecord] = ()
    read_by: tuple[str, ...] = ()
    not_read_by: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """A JSON object, as `--output json` prints an answer."""
        shown: dict[str, Any] = {"way": self.arrival, "sentence": self.sentence, "remedy": self.remedy}
        if not self.purpose:
            return shown
        records = [
            {"what": r.said, "offset": r.offset, "at": r.at, "event_id": r.event_id, "from": r.source}
            | ({"reason": r.reason} if r.reason else {})
            for r in self.records
        ]
        read = {"read_by": list(self.read_by), "not_read_by": list(self.not_read_by)}
        return shown | {"purpose": self.purpose, "records": records} | read


def received(
    authority: str,
    purposes: Sequence[str],
    records: Sequence[InboxRecord],
    positions: Mapping[str, Positions],
) -> list[Received]:
    """An answer for each purpose with a record of the event, or a single answer where there is none.

    `purposes` are those of the authority's inboxes; `positions` are by purpose.
    """
    if not purposes:
        return [
            Received(
                arrival=Whereabouts.NO_INBOX,
                sentence=f"{authority} has no inbox: it receives under no agreement.",
                remedy="Make a sharing agreement with the council whose records you need: `instep agreement new`.",
            )
        ]
    by_purpose: dict[str, list[InboxRecord]] = {}
    for record in records:
        by_purpose.setdefault(record.purpose, []).append(record)
    given = [_of_purpose(purpose, of, positions.get(purpose, {})) for purpose, of in by_purpose.items()]
    return given or [_not_here(purposes)]


def _not_here(purposes: Sequence[str]) -> Received:
    return Received(
        arrival=Whereabouts.NOT_HERE,
        sentence=f"No record of this event is in your inboxes ({', '.join(purposes)}), as far as they reach back. Only the"
        " source can tell why.",
        remedy="Ask the source to run `instep why --event` with this id and `--to` you. The answer says whether the event"
        " was published, refused, withheld from you and why, or sent longer ago.",
    )


def _of_purpose(purpose: str, records: Sequence[InboxRecord], positions: Positions) -> Received:
    last = records[-1]
    read = tuple(sorted(group for group, offset in positions.items() if offset > last.offset))
    unread = tuple(sorted(group for group, offset in positions.items() if offset <= last.offset))
    arrival = _arrival(last, read, unread)
    return Received(
        arrival=arrival,
        sentence=" ".join((*map(_said, records), _reading(last, read, unread))),
        remedy=_remedy(arrival, last),
        purpose=purpose,
        records=records,
        read_by=read,
        not_read_by=unread,
    )


def _arrival(last: InboxRecord, read: Sequence[str], unread: Sequence[str]) -> Whereabouts:
    if unread and not read:
        return Whereabouts.NOT_READ
    match last.said:
        case InboxRecordKind.WITHDRAWAL:
            return Whereabouts.WITHDRAWN
        case InboxRecordKind.REPLACEMENT:
            return Whereabouts.CORRECTED
        case InboxRecordKind.DELIVERY:
            return Whereabouts.RECEIVED


def _said(record: InboxRecord) -> str:
    when = f"{record.at[:16].replace('T', ' ')} UTC, place {record.offset}"
    match record.said:
        case InboxRecordKind.DELIVERY:
            return f"Received from {record.source} for {record.purpose} on {when}."
        case InboxRecordKind.REPLACEMENT:
            return f"Replaced by event {record.event_id} on {when}."
        case InboxRecordKind.WITHDRAWAL:
            return f"Withdrawn on {when}. {explain(record.reason).meaning}"


def _reading(last: InboxRecord, read: Sequence[str], unread: Sequence[str]) -> str:
    if not read and not unread:
        return "No consumer group of yours has kept a position there, so nobody can tell whether a program has read it."
    said = [f"Read by {', '.join(read)}."] if read else []
    if unread:
        said.append(f"Not read yet by {', '.join(unread)}.")
    return " ".join(said)


def _remedy(arrival: Whereabouts, last: InboxRecord) -> str:
    match arrival:
        case Whereabouts.NOT_READ:
            return "Start your program that reads this inbox, or look why it stands still."
        case Whereabouts.WITHDRAWN:
            return explain(last.reason).remedy
        case Whereabouts.CORRECTED:
            return "Use the later event: a correction carries the whole record."
        case _:
            return "If your own system does not show it, look in the program that takes records over from this inbox."
