"""Carries out `instep publish --missing list|annul`: lists or annuls the published records without a row in an export."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import typer

from instep.adapters.annulment import SubjectRecord, is_annulled
from instep.adapters.identity import Identity
from instep.adapters.memory import Memory
from instep.adapters.roll import Roll
from instep.cli.by_hand import Order, annul_and_show
from instep.cli.options import Wanted
from instep.cli.output import OutputForm, note, show, show_lines
from instep.cli.publish_report import LISTED
from instep.client.annulling import Annulling
from instep.client.council import Council
from instep.client.hand_journal import Journal
from instep.client.missing import Gone, Missing, objection
from instep.client.publisher import Gate
from instep.errors import PlatformError


@dataclass(frozen=True, kw_only=True)
class MissingRequest:
    """The user's options. `confirmed` is the number of missing records that the user expects."""

    wanted: Wanted
    confirmed: int | None


def missing_of(roll: Roll, memory: Memory, identity: Identity) -> Missing:
    """The published records without a row in this run's file."""
    gone = []
    for standing in roll.missing():
        last = memory.last(standing.subject)
        if last is not None and not is_annulled(last, identity):
            record = SubjectRecord(
                subject_ref=standing.subject_ref,
                event_type=standing.event_type,
                system=standing.system,
                last=last,
            )
            gone.append(Gone(record=record, standing=standing))
    return Missing(gone=gone, known=roll.size(), unread=roll.unread, rows=len(roll.scopes))


async def attend_to_missing(
    at: Council, request: MissingRequest, missing: Missing, annulling: Annulling, order: Order
) -> None:
    """Show the missing records; annul them where wanted. Raises PlatformError where `objection` has a reason."""
    show_missing(missing, order.output)
    if request.wanted is Wanted.LIST or not missing.gone:
        return
    if why_not := objection(missing, request.confirmed):
        raise PlatformError(f"Nothing was annulled. {why_not}")
    if request.confirmed is None and sys.stdin.isatty() and order.output is not OutputForm.JSON:
        typer.confirm(f"Annul {missing.count}?", abort=True)
    await annul_and_show(at, annulling, [each.record for each in missing.gone], order)


def annulling_of(at: Council, memory: Memory, journal: Journal) -> Annulling:
    """Annuls for a council."""
    return Annulling(
        authority=at.authority, gate=Gate(at.network, at.catalogue), memory=memory, journal=journal
    )


def show_missing(missing: Missing, output: OutputForm) -> None:
    """Print the missing records, each with its last file and line."""
    rows = [_row(each) for each in missing.gone]
    if output is OutputForm.JSON:
        show_lines([{"missing": row} for row in rows])
        show_lines([_summary(missing)])
        return
    note(f"{missing.count} of this export are missing from the file.")
    if missing.unread:
        note(f"The file has {missing.unread} lines that cannot be read: they may name some of these.")
    _table(rows)


def _table(rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        columns = ("file", "line", "subject_ref", "event_id")
        show(
            OutputForm.TABLE,
            columns,
            rows[:LISTED],
            title="Missing, with the file and line that named them last:",
        )
    if len(rows) > LISTED:
        note(f"and {len(rows) - LISTED:,} more; --output json lists them all.")


def _row(gone: Gone) -> dict[str, Any]:
    return {
        "file": gone.standing.file,
        "line": gone.standing.line,
        "subject_ref": gone.record.subject_ref,
        "event_id": gone.record.event_id,
    }


def _summary(missing: Missing) -> dict[str, Any]:
    counts = {"missing": len(missing.gone), "known": missing.known, "unread": missing.unread}
    return {"missing_summary": {**counts, "suspicious": missing.is_suspicious}}
