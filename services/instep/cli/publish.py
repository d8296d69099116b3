"""Carries out `instep publish FILE`: puts a council's file into the council's outbox, and prints the result of each line."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from instep.adapters import Memory, Note, explain, load_mapping, read
from instep.cli.listing import connected, run
from instep.cli.output import Bar, Output, note, progress, show_lines
from instep.cli.publish_report import RunResult, print_summary
from instep.client.council import Council, council
from instep.client.explain import explain as explain_reason
from instep.client.file_settings import file_settings
from instep.client.filing import Filing, LineResult, Tally, so_far
from instep.client.following import Answer, Following
from instep.client.publisher import Gate, publishing
from instep.client.reader import reading
from instep.errors import FileFormatError

LOUD = frozenset({"no-households"})
"""Remarks about a file that are said before anything is sent."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """The user's options."""

    file: Path
    authority: str
    format: str | None
    mapping: Path | None
    wait: bool
    on_behalf: bool
    output: Output
    state_directory: Path


def publish_file(request: Request) -> None:
    """Publish the file, print the results, and exit with 1 when somebody has to put a line right."""
    results = RunResult()
    # Before any connection: finding a mistyped name should need no broker.
    if not request.file.exists():
        raise FileFormatError(f"{request.file} is not there.")
    columns = load_mapping(request.mapping) if request.mapping else {}
    try:
        run(_publish(request, columns, results))
    except KeyboardInterrupt:
        note(f"Stopped. {so_far(results.tally)}")
        raise
    finally:
        if results.tally.lines:
            print_summary(request.file, request.output, results, waited=request.wait)
    if results.tally.refused or (request.wait and results.unsettled):
        raise typer.Exit(1)


async def _publish(request: Request, columns: Mapping[str, str], results: RunResult) -> None:
    at = await council(*connected(), request.authority)
    settings = file_settings(at.network, at.authority, columns, remarking(results.tally))
    lines = read(request.file, request.format, authority=at.authority, settings=settings)
    with (
        Memory.open(request.state_directory / "publishers", at.authority) as memory,
        _bar(request.file) as bar,
    ):
        filing = Filing(
            lines=lines,
            authority=at.authority,
            gate=Gate(at.network, at.catalogue),
            memory=memory,
            on_behalf=request.on_behalf,
            tally=results.tally,
            report=_reporter(request, results),
            progress=lambda position: bar.update(done=position),
        )
        if request.wait:
            await _publish_and_wait(at, filing, request, results)
        else:
            async with publishing(at.connection) as publisher:
                await filing.publish(publisher)


async def _publish_and_wait(at: Council, filing: Filing, request: Request, results: RunResult) -> None:
    async with reading(at.connection, at.schemas) as reader:
        following = Following(at, reader)
        await following.begin()
        async with publishing(at.connection) as publisher:
            await filing.publish(publisher)
        async for answer in following.answers(results.published):
            results.answers.append(answer)
            if answer.outcome == "refused" and answer.reason != "id-conflict":
                # So that the line can be published again once it is put right. In a conflict the network has had the id: the
                # line was published when other fields stayed at home, and its next change corrects the event that stands.
                filing.memory.forget(uuid.UUID(answer.event_id).bytes)
            if request.output is Output.JSON:
                show_lines([_answer_object(answer)])


@contextmanager
def _bar(file: Path) -> Iterator[Bar]:
    with progress(f"publishing {file.name} (bytes)", file.stat().st_size) as bar:
        yield bar


def _reporter(request: Request, results: RunResult) -> Callable[[LineResult], None]:
    def report(result: LineResult) -> None:
        results.keep(result)
        if request.wait and result.outcome == "published":
            results.published.append(result)
        if request.output is Output.JSON:
            show_lines([result_object(result)])

    return report


def remarking(tally: Tally) -> Callable[[int, Note], None]:
    """Keeps remarks about the file for the summary; what endangers somebody is said at once, before anything is sent."""

    def remark(line: int, remark: Note) -> None:
        tally.remark(line, remark)
        if remark.reason in LOUD:
            note(f"Line {line}: {explain(remark.reason)}.")

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
    if result.kept_at_home:
        shown["held_back"] = list(result.kept_at_home)
    if result.notes:
        shown["notes"] = [
            {
                "line": result.line,
                "column": remark.column,
                "note": remark.reason,
                "meaning": explain(remark.reason),
            }
            for remark in result.notes
        ]
    if result.entry:
        shown["entry"] = result.entry
    return shown


def _answer_object(answer: Answer) -> dict[str, Any]:
    shown: dict[str, Any] = {"line": answer.line, "event_id": answer.event_id, "outcome": answer.outcome}
    if answer.outcome == "refused":
        meaning = explain_reason(answer.reason).meaning
        return shown | {"reason": answer.reason, "fields": list(answer.fields), "meaning": meaning}
    return shown | {"delivered": answer.delivered, "withheld": answer.withheld}
