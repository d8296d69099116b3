"""Carries out `instep network try`: who would be told what before and after a change of agreements, on a file of events."""

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from instep.adapters import Refused, Row, Settings, read
from instep.cache import cache_directory
from instep.cli.output import OutputForm, note, progress, show, show_lines, stdout
from instep.client.council_names import CouncilNames
from instep.errors import FileFormatError, NetworkError, PlainEventError
from instep.events.plain import from_plain
from instep.events.rules import rule_of
from instep.events.schema import EventType
from instep.network.documents import nearest
from instep.network.network import Network
from instep.postcodes import Postcodes
from instep.router.decide import Result
from instep.router.trial import Draft, Forecast, ForecastChange, Trial, differences, signed

LISTED = 50
"""Changes that a table lists; `--output json` has each line's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialRequest:
    """The user's options. `authority` publishes the file; None for a file of many councils."""

    file: Path
    authority: str | None
    format: str | None
    day: date
    as_signed: bool
    output: OutputForm


_UNTIL_PUBLISHED: Mapping[str, Any] = {
    "event_id": "00000000-0000-4000-8000-000000000000",
    "source": "unknown",
    "source_system": "unknown",
    "subject_ref": "unknown",
    "sequence": 0,
    "change_kind": "NEW",
    "handling": "ORDINARY",
    "published_at": "2026-01-01T00:00:00Z",
}
"""Stands in for the header fields that an event gets when it is published."""

Change = tuple[str, str, str]
"""An authority, a purpose, and in words how the authority would be told otherwise."""


@dataclass(kw_only=True, slots=True)
class TrialTally:
    """The counts of a trial: by authority and purpose, events delivered before and after; and the changes."""

    lines: int = 0
    refused: int = 0
    nobody: int = 0
    """Lines of which nobody can say who would publish them."""
    changed: int = 0
    unapproved: int = 0
    """Deliveries that only an approval is missing for, after the change."""
    before: Counter[tuple[str, str]] = field(default_factory=Counter)
    after: Counter[tuple[str, str]] = field(default_factory=Counter)
    changes: dict[Change, list[int]] = field(default_factory=dict)
    """The lines with each change, in the file's order."""

    def count(self, answers: Mapping[tuple[str, str], Forecast], counter: Counter[tuple[str, str]]) -> None:
        """Count who would be told."""
        counter.update(pair for pair, answer in answers.items() if answer.result is Result.DELIVERED)

    def add(self, line: int, difference: ForecastChange) -> None:
        """Add a difference to its kind of change."""
        change = difference.authority, difference.purpose, _change(difference)
        self.changes.setdefault(change, []).append(line)


def try_change(
    request: TrialRequest, current: Network, proposed: Network, events: Mapping[str, EventType]
) -> None:
    """Decide each line of the file under both networks, and print who would be told otherwise. Needs no broker."""
    if not request.file.exists():
        raise FileFormatError(f"{request.file} is not there.")
    if request.authority is not None and request.authority not in proposed.authorities:
        words = nearest(request.authority, proposed.authorities)
        raise NetworkError(f"{request.authority!r} is no authority of {proposed.name}{words}.")
    postcodes = Postcodes.open(cache_directory(os.environ))
    if request.as_signed:
        proposed = signed(proposed)
    before, after = (Trial(network, events, postcodes, request.day) for network in (current, proposed))
    tally = TrialTally()
    for line, found in _compared(request, before, after, tally, events):
        if request.output is OutputForm.JSON:
            show_lines(_row(line, difference) for difference in found)
    if request.output is OutputForm.JSON:
        show_lines([{"summary": _summary(tally)}])
    else:
        _print(request, tally)


def _compared(
    request: TrialRequest,
    before: Trial,
    after: Trial,
    tally: TrialTally,
    events: Mapping[str, EventType],
) -> Iterator[tuple[int, list[ForecastChange]]]:
    # In a file of many councils a registration's council is no fault.
    council_of = CouncilNames(after.network).of_registration if request.authority else None
    settings = Settings(today=request.day, council_of=council_of)
    lines = read(request.file, request.format, authority=request.authority or "", settings=settings)
    with progress(f"trying {request.file.name} (bytes)", request.file.stat().st_size) as bar:
        for line in lines:
            tally.lines += 1
            bar.update(done=line.position)
            if isinstance(line, Refused):
                tally.refused += 1
                continue
            draft = _draft(line, request.authority, events)
            if draft is None:
                tally.refused += 1
                continue
            source = after.publisher(draft)
            if source is None:
                tally.nobody += 1
                continue
            was, becomes = before.answers(draft, source), after.answers(draft, source)
            tally.count(was, tally.before)
            tally.count(becomes, tally.after)
            tally.unapproved += sum(answer.reason == "not-approved" for answer in becomes.values())
            found = list(differences(was, becomes))
            for difference in found:
                tally.add(line.line, difference)
            tally.changed += bool(found)
            yield line.line, found


def _draft(row: Row, authority: str | None, events: Mapping[str, EventType]) -> Draft | None:
    """The row as an event; None for a row that intake would refuse."""
    header = {**_UNTIL_PUBLISHED, **row.header}
    if row.protected or row.shielded:
        header["handling"] = "PROTECTED"
    # A household gets its reference when it is published; here it only matters that there is one.
    body = {**({"group_ref": "of-a-household"} if row.household else {}), **row.body}
    event = events.get(row.event_type)
    if event is None or not _sound(event, {"header": header, **body}):
        return None
    return Draft(
        event_type=row.event_type,
        source=authority or row.header.get("source"),
        change_kind=header["change_kind"],
        handling=header["handling"],
        requested_by=header.get("requested_by"),
        occurred_on=date.fromisoformat(header["occurred_on"]),
        body=body,
    )


def _sound(event: EventType, plain: dict[str, Any]) -> bool:
    """Whether a plain event fits its schema and intake's rules."""
    try:
        datum = from_plain(event.latest, plain)
    except (PlainEventError, RecursionError):
        return False
    return rule_of(event)(datum, time.time_ns() // 1_000_000) is None


def _row(line: int, difference: ForecastChange) -> dict[str, Any]:
    return {
        "line": line,
        "authority": difference.authority,
        "purpose": difference.purpose,
        "before": _answer(difference.before),
        "after": _answer(difference.after),
        "gained": list(difference.gained),
        "lost": list(difference.lost),
    }


def _answer(answer: Forecast | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return {"result": answer.result.value, "reason": answer.reason, "fields": list(answer.fields)}


def _summary(tally: TrialTally) -> dict[str, Any]:
    return {
        "lines": tally.lines,
        "refused": tally.refused,
        "publisher_unknown": tally.nobody,
        "lines_that_differ": tally.changed,
        "deliveries": [
            {
                "authority": authority,
                "purpose": purpose,
                "before": tally.before[authority, purpose],
                "after": tally.after[authority, purpose],
            }
            for authority, purpose in sorted({*tally.before, *tally.after})
        ],
        "changes": [
            {"authority": authority, "purpose": purpose, "change": words, "lines": len(lines)}
            for (authority, purpose, words), lines in sorted(tally.changes.items())
        ],
    }


def _print(request: TrialRequest, tally: TrialTally) -> None:
    count = tally.changed
    differ = f"{count} would be told otherwise" if count else "nobody would be told otherwise"
    stdout().print(f"{tally.lines} lines of {request.file.name}, as on {request.day}: {differ}.")
    rows = [
        {
            "authority": authority,
            "purpose": purpose,
            "lines": len(lines),
            "first line": lines[0],
            "change": words,
        }
        for (authority, purpose, words), lines in sorted(tally.changes.items())
    ]
    if rows:
        show(OutputForm.TABLE, ("authority", "purpose", "lines", "first line", "change"), rows[:LISTED])
    if len(rows) > LISTED:
        note(f"... and {len(rows) - LISTED} more: --output json lists all.")
    if tally.refused:
        note(f"{tally.refused} lines cannot be published as they are: instep publish says why.")
    if tally.nobody:
        note(
            f"{tally.nobody} lines have no publisher in this network: --authority names the council that publishes."
        )
    if tally.unapproved and not request.as_signed:
        note(
            f"{tally.unapproved} deliveries are withheld only because a party has not approved: --signed shows what follows"
            " once all have."
        )


def _change(difference: ForecastChange) -> str:
    before, after = difference.before, difference.after
    if _delivered(before) and _delivered(after):
        comes = [f"{path} comes" for path in difference.gained]
        return ", ".join((*comes, *(f"{path} goes" for path in difference.lost)))
    if after is not None and _delivered(after):
        return f"is told {', '.join(after.fields)} (before: {_why_not(before)})"
    if _delivered(before):
        return f"is told no more: {_why_not(after)}"
    return f"is not told either way (before: {_why_not(before)}; after: {_why_not(after)})"


def _delivered(answer: Forecast | None) -> bool:
    return answer is not None and answer.result is Result.DELIVERED


def _why_not(answer: Forecast | None) -> str:
    return "no agreement" if answer is None else answer.reason
