"""Carries out `instep outcomes A --format …` and `instep rejected A --format …`: answers of the network as a file."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, assert_never

from aiokafka import TopicPartition

from instep.cli import council_views as views
from instep.cli.inbox_files import file_format, nothing, text_stream
from instep.cli.listing import connected, run
from instep.cli.output import FileFormat, json_line, note, progress
from instep.client.council import Council, council
from instep.client.days import LONDON, Days
from instep.client.explain import explain_to_source
from instep.client.reader import Item, Reader, Stretch, reading
from instep.client.redriven import Refusals
from instep.errors import ConfigurationError
from instep.workbooks.csv_file import CsvTable
from instep.workbooks.excel import MOST_ROWS, new_workbook
from instep.workbooks.new_file import new_file
from instep.workbooks.tables import Column, ColumnKind, Value

Row = Mapping[str, Value]
Objects = Callable[[], AsyncIterator[Mapping[str, Any]]]
"""Begins to give a topic's objects, from the first."""

OUTCOMES = (
    Column(heading="at", kind=ColumnKind.MOMENT),
    Column(heading="event", width=38),
    Column(heading="reference", width=34),
    Column(heading="file", width=24),
    Column(heading="line", kind=ColumnKind.NUMBER, width=8),
    Column(heading="kind", width=12),
    Column(heading="recipient"),
    Column(heading="purpose"),
    Column(heading="result"),
    Column(heading="reason"),
    Column(heading="agreements", width=30),
    Column(heading="what it means", width=60),
    Column(heading="what to do", width=60),
)
REJECTED = (
    Column(heading="refused", kind=ColumnKind.MOMENT),
    Column(heading="event", width=38),
    Column(heading="reference", width=34),
    Column(heading="place in outbox", kind=ColumnKind.NUMBER),
    Column(heading="reason"),
    Column(heading="fields", width=30),
    Column(heading="what it means", width=60),
    Column(heading="how to put it right", width=60),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The way to write a topic's records: `rows` for a table of `columns`, `objects` for JSON lines."""

    name: str
    columns: Sequence[Column]
    rows: Callable[[Mapping[str, Any]], Iterator[Row]]
    objects: Callable[[Item], Sequence[Mapping[str, Any]]]
    topic: Callable[[Council], TopicPartition]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRequest:
    """The user's options. `to` is None for stdout."""

    authority: str
    format: FileFormat
    to: Path | None
    days: Days


async def write_answers(at: Council, request: AnswerRequest, answers: Answers) -> None:
    """Write the file, and say how many rows are in it."""
    async with reading(at.connection, at.schemas) as reader:
        with progress(f"reading the {answers.name.lower()}"):
            topic, days = answers.topic(at), request.days
            stretch = await reader.taken([topic], since_ms=days.since_ms, until_ms=days.until_ms)
            count = await write_rows(
                request, answers, lambda: _objects(reader, stretch, answers), at.authority
            )
    if not count:
        note(nothing(request.days))
    if request.to is not None:
        note(f"{count:,} {'row is' if count == 1 else 'rows are'} in {request.to}.")


async def _objects(reader: Reader, stretch: Stretch, answers: Answers) -> AsyncIterator[Mapping[str, Any]]:
    async for record in reader.records(stretch.ends, stretch.starts, stretch.ends):
        for shown in answers.objects(reader.decoded(record)):
            yield shown


def write_rejected(
    authority: str,
    format: FileFormat | None,  # noqa: A002 -- the option's name
    to: Path | None,
    days: Days,
    refusals: Refusals,
) -> None:
    """Write those refusals to a file that `refusals` chooses."""
    answers = Answers(
        name="Rejected",
        columns=REJECTED,
        rows=rejected_rows,
        objects=lambda item: [views.rejected_object(item)] if refusals.covers(item) else [],
        topic=lambda at: at.rejected(),
    )
    chosen = file_format(format, to, work_list=False)
    run(
        _write_rejected(
            AnswerRequest(authority=authority, format=chosen, to=to, days=days), answers, refusals
        )
    )


async def _write_rejected(request: AnswerRequest, answers: Answers, refusals: Refusals) -> None:
    at = await council(*connected(), request.authority)
    async with reading(at.connection, at.schemas) as reader:
        await refusals.prepare(at, reader)
    await write_answers(at, request, answers)


async def write_rows(request: AnswerRequest, answers: Answers, objects: Objects, authority: str) -> int:
    """Write the objects to the file, or to stdout; returns the number of rows.

    An Excel file needs the number of its rows first, so its records are read twice.
    """
    match request.format:
        case FileFormat.JSONL:
            with text_stream(request.to) as stream:
                return await _counted(objects(), lambda shown: [stream.write(json_line(shown))])
        case FileFormat.CSV:
            with text_stream(request.to) as stream:
                table = CsvTable(stream, answers.columns)
                return await _counted(objects(), lambda shown: list(map(table.write, answers.rows(shown))))
        case FileFormat.XLSX:
            count = await _counted(objects(), lambda shown: list(answers.rows(shown)))
            await _write_workbook(request, answers, objects(), count, authority)
            return count
        case _:
            assert_never(request.format)


async def _counted(
    objects: AsyncIterator[Mapping[str, Any]], rows_of: Callable[[Mapping[str, Any]], Sequence[object]]
) -> int:
    return sum([len(rows_of(shown)) async for shown in objects])


async def _write_workbook(
    request: AnswerRequest,
    answers: Answers,
    objects: AsyncIterator[Mapping[str, Any]],
    count: int,
    authority: str,
) -> None:
    if request.to is None:
        raise ConfigurationError(f"Say where the Excel file is to go: --to {answers.name.lower()}.xlsx.")
    if count > MOST_ROWS:
        raise ConfigurationError(
            f"There are {count:,} rows, and a sheet of Excel has {MOST_ROWS:,} at most: ask for fewer days with"
            " --since and --until, or for --format csv."
        )
    with new_file(request.to) as part, new_workbook(part, f"{answers.name} of {authority}") as book:
        sheet = book.sheet(answers.name, answers.columns, rows=count)
        async for shown in objects:
            for row in answers.rows(shown):
                sheet.write(row)


def outcome_rows(entry: Mapping[str, Any]) -> Iterator[Row]:
    """A row for each recipient and purpose of an entry of `council_views.outcome_objects`; at least a single row."""
    common: dict[str, Value] = {
        "at": moment(entry.get("at")),
        "event": _text(entry.get("event_id")),
        "reference": _text(entry.get("subject_ref")),
        "file": _text(entry.get("file")),
        "line": entry.get("line"),
        "kind": _text(entry.get("problem") or entry.get("kind")),
    }
    decisions = entry.get("decisions", ())
    for decision in decisions:
        yield common | {
            "recipient": _text(decision["authority"]),
            "purpose": _text(decision.get("purpose")),
            "result": _text(decision["result"]),
            "agreements": ", ".join(decision.get("agreements", ())),
            **_explained(_text(decision.get("reason")), "what to do"),
        }
    if decisions:
        return
    ending = _text(entry.get("ending"))
    yield common | {
        "recipient": _text(entry.get("authority")),
        "purpose": _text(entry.get("purpose")),
        "result": _text(entry.get("outcome")) or ending,
        **(
            _explained(ending, "what to do")
            if ending not in ("", "DECIDED", "UNKNOWN")
            else {"reason": _text(entry.get("reason_code"))}
        ),
    }


def rejected_rows(refusal: Mapping[str, Any]) -> Iterator[Row]:
    """The row of a refusal of `council_views.rejected_object`."""
    yield {
        "refused": moment(refusal.get("at")),
        "event": _text(refusal.get("event_id")),
        "reference": _text(refusal.get("subject_ref")),
        "place in outbox": refusal.get("outbox_offset"),
        "reason": _text(refusal.get("reason") or refusal.get("problem")),
        "fields": ", ".join(refusal.get("fields", ())),
        "what it means": _text(refusal.get("meaning")),
        "how to put it right": _text(refusal.get("remedy")),
    }


def moment(at: Any) -> datetime | None:
    """A time in London without a zone, as a spreadsheet shows it, from ISO 8601."""
    if not at:
        return None
    return datetime.fromisoformat(str(at)).astimezone(LONDON).replace(tzinfo=None)


def _explained(reason: str, remedy: str) -> dict[str, Value]:
    if not reason:
        return {}
    explanation = explain_to_source(reason)
    return {"reason": reason, "what it means": explanation.meaning, remedy: explanation.remedy}


def _text(value: Any) -> str:
    return "" if value is None else str(value)
