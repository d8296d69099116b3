"""Carries out `instep publish FILE`: puts a council's file into the council's outbox, and prints the result of each line."""

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from instep.adapters import STANDARD_INPUT, Note, explain, load_mapping, read, shown
from instep.adapters.identity import Identity
from instep.adapters.roll import Roll
from instep.cli.by_hand import Order
from instep.cli.listing import connected, run
from instep.cli.missing import MissingRequest, annulling_of, attend_to_missing, missing_of
from instep.cli.output import Bar, OutputForm, note, progress, show_lines
from instep.cli.publish_report import RunResult, print_summary
from instep.client import filed_rows
from instep.client.council import Council, council
from instep.client.decisions import decided_object
from instep.client.explain import explain as explain_reason
from instep.client.file_settings import file_settings
from instep.client.filing import Filing, LineResult, Tally, so_far
from instep.client.following import EventAnswer, Following
from instep.client.hand_journal import Journal
from instep.client.memory_place import place
from instep.client.publisher import Gate, publishing
from instep.client.publisher_memory import Opened, open_memory
from instep.client.reader import reading
from instep.errors import FileFormatError

LOUD = frozenset({"no-households", "other-sheet", "hidden-row", "hidden-column", "above-headings"})
"""Remarks about a file that are said before anything is sent."""


@dataclass(frozen=True, kw_only=True)
class PublishRequest:
    """The user's options."""

    file: Path
    authority: str
    format: str | None
    mapping: Path | None
    wait: bool
    on_behalf: bool
    output: OutputForm
    state_directory: Path | None = None
    """The directory that the user names for the memory; see `memory_place`."""
    sheet: str = ""
    first: bool = False
    """Begin a memory, or go on with it, although the network shows events of another secret."""
    missing: MissingRequest | None = None


def publish_file(request: PublishRequest) -> None:
    """Publish the file, print the results, and exit with 1 when somebody has to put a line right."""
    results = RunResult()
    whole = False
    try:
        publish_into(request, results)
        whole = True
    except KeyboardInterrupt:
        note(f"Stopped. {so_far(results.tally)}")
        raise
    finally:
        if results.tally.lines or whole:
            print_summary(shown(request.file), request.output, results, waited=request.wait)
    if results.tally.refused or (request.wait and results.unsettled):
        raise typer.Exit(1)


def publish_into(request: PublishRequest, results: RunResult) -> None:
    """Publish the file, and keep in `results` what becomes of its lines, also when an error ends the publishing.

    Raises FileFormatError where the file cannot be read, TheWorlds where the broker or the publisher's memory is away.
    """
    ensure_there(request.file)
    columns = load_mapping(request.mapping) if request.mapping else {}
    run(_publish(request, columns, results))


def ensure_there(file: Path) -> None:
    """Say where a link leads. Raises FileFormatError where there is no such file: a mistyped name should need no broker."""
    if file != STANDARD_INPUT and not file.exists():
        raise FileFormatError(f"{file} is not there.")
    if file.is_symlink():
        note(f"{file} is a link: what is read is {file.resolve()}.")


async def _publish(request: PublishRequest, columns: Mapping[str, str], results: RunResult) -> None:
    at = await council(*connected(), request.authority)
    settings = file_settings(at.network, at.authority, columns, remarking(results.tally), request.sheet)
    lines = read(request.file, request.format, authority=at.authority, settings=settings)
    opened = await open_memory(at, place(request.state_directory, os.environ), note, first=request.first)
    with (
        opened.memory as memory,
        filed_rows.opened(opened.home) as rows,
        bar_for(request.file, "publishing") as bar,
    ):
        results.first_home = opened.home if opened.first else None
        roll, identity = memory.roll(), Identity(secret=memory.secret, authority=at.authority)
        filing = Filing(
            lines=roll.noting(lines, request.file.name, identity),
            authority=at.authority,
            gate=Gate(at.network, at.catalogue),
            memory=memory,
            on_behalf=request.on_behalf,
            file=request.file.name,
            rows=rows,
            tally=results.tally,
            report=_reporter(request, results),
            progress=lambda position: bar.update(done=position),
        )
        if request.wait:
            await _publish_and_wait(at, filing, request, results)
        else:
            async with publishing(at.connection) as publisher:
                await filing.publish(publisher)
        opened.note_published(results.tally)
        if request.missing is not None:
            await _attend_to_missing(at, request, request.missing, opened, roll)


async def _attend_to_missing(
    at: Council, request: PublishRequest, wish: MissingRequest, opened: Opened, roll: Roll
) -> None:
    order = Order(
        authority=at.authority,
        reason=f"missing from {request.file.name}",
        wait=request.wait,
        output=request.output,
        state_directory=request.state_directory,
    )
    annulling = annulling_of(at, opened.memory, Journal(opened.home, order.reason))
    missing = missing_of(roll, opened.memory, annulling.identity)
    await attend_to_missing(at, wish, missing, annulling, order)


async def _publish_and_wait(at: Council, filing: Filing, request: PublishRequest, results: RunResult) -> None:
    async with reading(at.connection, at.schemas) as reader:
        following = Following(at, reader)
        await following.begin()
        async with publishing(at.connection) as publisher:
            await filing.publish(publisher)
        async for answer in following.answers(results.published):
            results.answers.append(answer)
            if answer.to_correct:
                filing.memory.forget(uuid.UUID(answer.event_id).bytes)
            if request.output is OutputForm.JSON:
                show_lines([_answer_object(answer)])


@contextmanager
def bar_for(file: Path, doing: str) -> Iterator[Bar]:
    """The progress through the bytes of a file."""
    size = None if file == STANDARD_INPUT else file.stat().st_size
    with progress(f"{doing} {shown(file).name} (bytes)", size) as bar:
        yield bar


def _reporter(request: PublishRequest, results: RunResult) -> Callable[[LineResult], None]:
    def report(result: LineResult) -> None:
        results.keep(result)
        if request.wait and result.outcome == "published":
            results.published.append(result)
        if request.output is OutputForm.JSON:
            show_lines([result_object(result)])

    return report


def remarking(tally: Tally) -> Callable[[int, Note], None]:
    """Keeps remarks about the file for the summary; what endangers somebody is said at once, before anything is sent."""
    said: set[Note] = set()

    def remark(line: int, remark: Note) -> None:
        tally.remark(line, remark)
        if remark.reason in LOUD and remark not in said:
            said.add(remark)
            column = f"{remark.column}: " if remark.column and remark.reason != "no-households" else ""
            note(f"Line {line}: {column}{explain(remark.reason)}.")

    return remark


def result_object(result: LineResult) -> dict[str, Any]:
    """A line's result as a JSON object."""
    shown: dict[str, Any] = {"line": result.line, "outcome": result.outcome}
    if result.event_id:
        shown |= {
            "event_id": result.event_id,
            "subject_ref": result.subject_ref,
            "change_kind": "CORRECT" if result.correction else "NEW",
        }
    if result.offset is not None:
        shown["offset"] = result.offset
    if result.reason:
        shown |= {"column": result.column, "reason": result.printed_reason, "meaning": result.meaning}
    if len(result.faults) > 1:
        shown["faults"] = [
            {"column": fault.column, "reason": fault.reason, "meaning": fault.meaning}
            for fault in result.faults
        ]
    if result.kept_at_home:
        shown["held_back"] = list(result.kept_at_home)
    if result.notes:
        shown["notes"] = [
            {
                "line": result.line,
                "column": remark.column,
                "note": remark.reason,
                "meaning": remark.meaning,
            }
            | ({"cause": remark.cause} if remark.cause else {})
            for remark in result.notes
        ]
    if result.entry:
        shown["entry"] = result.entry
    return shown


def _answer_object(answer: EventAnswer) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "line": answer.line,
        "event_id": answer.event_id,
        "subject_ref": answer.subject_ref,
        "outcome": answer.outcome,
    }
    if answer.outcome == "refused":
        meaning = explain_reason(answer.reason).meaning
        return shown | {"reason": answer.reason, "fields": list(answer.fields), "meaning": meaning}
    shown |= {"delivered": answer.delivered, "withheld": answer.withheld}
    return shown | (decided_object(answer.decided) if answer.decided else {})
