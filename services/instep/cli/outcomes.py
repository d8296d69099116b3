"""Carries out `instep outcomes`: shows a council the outcomes of its events, and the events that found nobody."""

import os
from dataclasses import dataclass
from pathlib import Path

from instep.cli import answer_files
from instep.cli import council_views as views
from instep.cli.answer_files import Answers, write_answers
from instep.cli.inbox_files import file_format
from instep.cli.listing import LARGEST_LISTING, Listing, Span, connected, list_records, run
from instep.cli.output import FileFormat, OutputForm, progress, show, show_lines
from instep.client.council import Council, council
from instep.client.days import Days
from instep.client.filed_rows import reading_rows
from instep.client.lost import LostEvents
from instep.client.memory_place import place
from instep.client.publisher_memory import memory_home
from instep.client.reader import Reader, reading


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesRequest:
    """The user's options."""

    authority: str
    output: OutputForm
    state_directory: Path | None


def show_outcomes(request: OutcomesRequest, span: Span) -> None:
    """Print the outcomes."""
    run(_show_outcomes(request, span))


async def _show_outcomes(request: OutcomesRequest, span: Span) -> None:
    at = await council(*connected(), request.authority)
    with reading_rows(await _home(at, request)) as rows:
        listing = Listing(
            columns=views.OUTCOMES,
            rows=lambda item: [views.outcome_row(entry) for entry in views.outcome_objects(item, rows)],
            objects=lambda item: list(views.outcome_objects(item, rows)),
            nothing="There are no outcomes yet.",
        )
        await list_records(request.authority, lambda at: [at.outcomes()], listing, span, request.output)


def write_outcomes(request: OutcomesRequest, format: FileFormat | None, to: Path | None, days: Days) -> None:  # noqa: A002
    """Write the outcomes to a file: a row for each recipient and purpose."""
    chosen = file_format(format, to, work_list=False)
    run(
        _write_outcomes(
            request, answer_files.AnswerRequest(authority=request.authority, format=chosen, to=to, days=days)
        )
    )


async def _write_outcomes(request: OutcomesRequest, wanted: answer_files.AnswerRequest) -> None:
    at = await council(*connected(), request.authority)
    with reading_rows(await _home(at, request)) as rows:
        answers = Answers(
            name="Outcomes",
            columns=answer_files.OUTCOMES,
            rows=answer_files.outcome_rows,
            objects=lambda item: list(views.outcome_objects(item, rows)),
            topic=lambda at: at.outcomes(),
        )
        await write_answers(at, wanted, answers)


def show_lost(request: OutcomesRequest) -> None:
    """Print the events that found nobody, each with its remedy."""
    run(_show_lost(request))


async def _show_lost(request: OutcomesRequest) -> None:
    at = await council(*connected(), request.authority)
    async with reading(at.connection, at.schemas) as reader:
        with progress("looking through the outcomes"):
            lost = await lost_events(at, reader)
    with reading_rows(await _home(at, request)) as rows:
        objects = [views.lost_object(event, rows) for event in lost]
    if request.output is OutputForm.JSON:
        show_lines(objects)
    else:
        show(
            request.output,
            views.LOST,
            map(views.lost_row, objects),
            at_most=LARGEST_LISTING,
            nothing="No event is lost: each found the authorities that it concerns.",
        )


async def _home(at: Council, request: OutcomesRequest) -> Path | None:
    return await memory_home(at, place(request.state_directory, os.environ))


async def lost_events(at: Council, reader: Reader) -> LostEvents:
    """The lost events among the outcomes that are kept."""
    lost = LostEvents()
    async for record in reader.records([at.outcomes()]):
        lost.outcome(reader.decoded(record))
    keys = {subject.encode() for subject in lost.subjects}
    if keys:
        async for record in reader.records([at.outbox()]):
            if (record.key or b"") in keys:
                lost.published(reader.decoded(record))
    return lost
