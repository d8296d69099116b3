"""Carries out `instep why`: gathers everything that the authority may read of a record, and prints the answers."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from instep.adapters.recall import SYSTEMS, recalled
from instep.cli.listing import connected, run
from instep.cli.output import OutputForm, progress, show, show_lines, stdout
from instep.client import filed_rows, why
from instep.client.council import Council, council, participant
from instep.client.decisions import RecipientDecision
from instep.client.explain import explain_to_source
from instep.client.memory_place import place
from instep.client.publisher_memory import memory_home
from instep.client.reader import Reader, reading
from instep.client.why_answer import Answer
from instep.client.why_elsewhere import other_networks, other_secrets
from instep.client.why_evidence import Evidence
from instep.client.why_reading import (
    evidence_of,
    inbox_records,
    inboxes_of,
    only_purpose,
    positions_of,
    purpose_of,
    subjects_of,
)
from instep.client.why_received import Received, received
from instep.errors import ConfigurationError

DECISIONS = ("recipient", "purpose", "result", "why", "what to do")
_RESULTS = {"DELIVERED": "sent", "WITHHELD": "withheld", "WITHDRAWN": "withdrawn"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyRequest:
    """The user's options: `reference`, `event`, or `file` with `line`."""

    authority: str
    reference: str | None
    event: str | None
    file: str | None
    line: int | None
    to: str | None
    system: str | None
    state_directory: Path | None
    output: OutputForm


def explain_record(request: WhyRequest) -> None:
    """Print the answers."""
    run(_explain(request))


async def _explain(request: WhyRequest) -> None:
    at = await council(*connected(), request.authority)
    to = participant(at.network, request.to) if request.to else None
    # A service of one purpose may not read the outbox, which says where the memory lies, and has published nothing.
    home = None if only_purpose(at) else await memory_home(at, place(request.state_directory, os.environ))
    async with reading(at.connection, at.schemas) as reader:
        with progress("looking through your topics"):
            if request.event is not None:
                answers = await _of_event(at, reader, request.event, home, to)
            elif request.reference is not None:
                answers = await _of_reference(at, reader, request, home, to)
            else:
                answers = await _of_line(at, reader, request, home, to)
    _show(answers, request.output)


async def _of_event(
    at: Council, reader: Reader, event_id: str, home: Path | None, to: str | None
) -> Sequence[Answer | Received]:
    """As the event's source, where the outbox holds the event; else as a recipient."""
    if subjects := await subjects_of(at, reader, event_id):
        evidence = await _with_rows(at, reader, subjects, home)
        if answer := why.about(evidence, event_id, to):
            return [answer]
    inboxes = inboxes_of(at)
    records = await inbox_records(reader, inboxes, event_id) if inboxes else []
    positions = await positions_of(at, inboxes) if records else {}
    return received(at.authority, [purpose_of(inbox.topic) for inbox in inboxes], records, positions)


async def _of_reference(
    at: Council, reader: Reader, request: WhyRequest, home: Path | None, to: str | None
) -> Sequence[Answer]:
    reference = request.reference or ""
    systems = (request.system,) if request.system else SYSTEMS
    with recalled(home, at.authority) as recall:
        subjects = {reference} | (recall.pseudonyms(reference, systems) if recall else frozenset())
        remembered = recall is not None and any(map(recall.knows, subjects))
    evidence = replace(await _with_rows(at, reader, subjects, home), remembered=remembered)
    if recall is None and not evidence.published:
        raise ConfigurationError(
            f"No file of {at.authority} was published from here, so nobody can tell which events have this reference: ask"
            " where the files are published, name --state-dir, or ask by --event."
        )
    if not (evidence.published or evidence.rows or remembered):
        evidence = replace(
            evidence,
            networks=other_networks(at, place(request.state_directory, os.environ), home, reference, systems),
            secrets=await other_secrets(at, recall.key_id if recall else ""),
        )
    return why.answers(evidence, to)


async def _of_line(
    at: Council, reader: Reader, request: WhyRequest, home: Path | None, to: str | None
) -> Sequence[Answer]:
    file, line = Path(request.file or "").name, request.line or 0
    with filed_rows.reading_rows(home) as rows:
        filed = rows.of_line(file, line) if rows else ()
    if not filed:
        raise ConfigurationError(
            f"Nothing is known of line {line} of {file} here: the row is unchanged since an earlier file was published, or"
            " it was published from another machine. Ask by its reference: --reference."
        )
    evidence = await evidence_of(at, reader, {row.subject_ref for row in filed if row.event_id})
    evidence = replace(evidence, rows=filed)
    return [why.about_row(evidence, row, to) for row in filed]


async def _with_rows(at: Council, reader: Reader, subjects: Collection[str], home: Path | None) -> Evidence:
    evidence = await evidence_of(at, reader, subjects)
    with filed_rows.reading_rows(home) as rows:
        known = [row for subject in sorted(subjects) for row in (rows.of_subject(subject) if rows else ())]
    return replace(evidence, rows=known)


def _show(answers: Sequence[Answer | Received], output: OutputForm) -> None:
    if output is OutputForm.JSON:
        show_lines(answer.as_json() for answer in answers)
        return
    for number, answer in enumerate(answers):
        if number:
            stdout().print()
        if isinstance(answer, Answer):
            _show_answer(answer)
        else:
            _say(answer.sentence, answer.remedy)


def _show_answer(answer: Answer) -> None:
    if heading := _heading(answer):
        stdout().print(heading, soft_wrap=True)
    _say(answer.sentence, answer.remedy)
    for text in answer.notes:
        stdout().print(text, soft_wrap=True)
    if answer.outcome and answer.outcome.decisions:
        show(OutputForm.TABLE, DECISIONS, map(_decision_row, answer.outcome.decisions))
    for each in answer.answered:
        stdout().print(
            f"{each.authority} ({each.purpose}) answered {each.outcome} on {each.at[:10]}.", soft_wrap=True
        )


def _say(sentence: str, remedy: str) -> None:
    stdout().print(sentence, soft_wrap=True)
    if remedy:
        stdout().print(remedy, soft_wrap=True)


def _heading(answer: Answer) -> str:
    """`Event 6513…, NEW resident-moved, published 2026-11-28 12:00 UTC at place 17 of the outbox, moves.csv line 3:`."""
    record = answer.published
    if record is None:
        return ""
    named = f"Event {record.event_id}" if record.event_id else "A record that cannot be read here"
    what = f", {record.change_kind} {record.event_type}" if record.change_kind else ""
    row = f", {answer.row.place}" if answer.row else ""
    when = record.at[:16].replace("T", " ")
    return f"{named}{what}, published {when} UTC at place {record.offset} of the outbox{row}:"


def _decision_row(decision: RecipientDecision) -> dict[str, Any]:
    reason = explain_to_source(decision.reason) if decision.reason else None
    return {
        "recipient": decision.authority,
        "purpose": decision.purpose,
        "result": _RESULTS.get(decision.result, decision.result),
        "why": f"{decision.reason}: {reason.meaning}"
        if reason
        else f"under {', '.join(decision.agreements)}",
        "what to do": reason.remedy if reason else "",
    }
