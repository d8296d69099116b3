"""Carries out `instep publish FILE`: puts a council's file into the council's outbox, and prints the result of each line."""

import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from instep.adapters import Memory, Settings, explain, load_mapping, read
from instep.cache import cache_directory
from instep.cli.listing import connected, run
from instep.cli.output import Bar, Output, note, progress, show, show_lines, stdout
from instep.client.council import Council, council
from instep.client.explain import explain as explain_reason
from instep.client.filing import Filing, LineResult, Tally, so_far
from instep.client.following import Answer, Following
from instep.client.publisher import Gate, publishing
from instep.client.reader import reading
from instep.errors import ConfigurationError, FileFormatError
from instep.network.days import today_in_london
from instep.network.network import Network
from instep.postcodes import Postcodes

LISTED = 50
"""Refused lines and notes listed in full; `--output json` has them all."""

COUNTS: Mapping[str, str] = {
    "published": "published",
    "unchanged": "unchanged since they were published",
    "same-address": "the same address, written differently: not sent",
    "duplicate": "said by an earlier line of this file: not sent",
    "superseded": "older than what was published: not sent",
    "review": "to be looked at before they can be sent",
    "refused": "refused",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """The user's options."""

    file: Path
    authority: str
    format: str | None
    mapping: Path | None
    wait: bool
    output: Output
    state_directory: Path


@dataclass(kw_only=True)
class RunResult:
    """The results of the lines, for the summary. Keeps lines that were not published; with `--wait`, published lines too."""

    tally: Tally = field(default_factory=Tally)
    not_published: list[LineResult] = field(default_factory=list)
    published: list[LineResult] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


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
            _summary(request, results)
    if results.tally.refused or (request.wait and _unsettled(results)):
        raise typer.Exit(1)


async def _publish(request: Request, columns: Mapping[str, str], results: RunResult) -> None:
    at = await council(*connected(), request.authority)
    settings = Settings(
        today=today_in_london(time.time_ns() // 1_000_000),
        columns=columns,
        known_postcode=known_postcodes(),
        council_of=council_by_name(at.network),
    )
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


def known_postcodes() -> Callable[[str], bool] | None:
    """Whether a postcode exists, where the list of them is installed (the [services] extra)."""
    try:
        postcodes = Postcodes.open(cache_directory(os.environ))
    except ConfigurationError:
        return None
    return lambda postcode: postcodes.gss(postcode) is not None


def council_by_name(network: Network) -> Callable[[Mapping[str, Any]], str | None]:
    """The authority of a registration, by the council's name in it, where the network knows that name."""
    names = {authority.name.casefold(): authority.id for authority in network.authorities.values()}
    return lambda registration: names.get(str(registration.get("council", "")).casefold())


@contextmanager
def _bar(file: Path) -> Iterator[Bar]:
    with progress(f"publishing {file.name} (bytes)", file.stat().st_size) as bar:
        yield bar


def _reporter(request: Request, results: RunResult) -> Callable[[LineResult], None]:
    def report(result: LineResult) -> None:
        if result.outcome in ("refused", "review"):
            results.not_published.append(result)
        if request.wait and result.outcome == "published":
            results.published.append(result)
        if request.output is Output.JSON:
            show_lines([_result_object(result)])

    return report


def _result_object(result: LineResult) -> dict[str, Any]:
    shown: dict[str, Any] = {"line": result.line, "outcome": result.outcome}
    if result.outcome == "published":
        shown |= {
            "event_id": result.event_id,
            "subject_ref": result.subject_ref,
            "change_kind": "CORRECT" if result.correction else "NEW",
            "offset": result.offset,
        }
    if result.reason:
        shown |= {"column": result.column, "reason": result.printed_reason, "meaning": result.meaning}
    if result.kept_at_home:
        shown["held_back"] = list(result.kept_at_home)
    if result.notes:
        shown["notes"] = [{"column": remark.column, "note": remark.reason} for remark in result.notes]
    return shown


def _answer_object(answer: Answer) -> dict[str, Any]:
    shown: dict[str, Any] = {"line": answer.line, "event_id": answer.event_id, "outcome": answer.outcome}
    if answer.outcome == "refused":
        meaning = explain_reason(answer.reason).meaning
        return shown | {"reason": answer.reason, "fields": list(answer.fields), "meaning": meaning}
    return shown | {"delivered": answer.delivered, "withheld": answer.withheld}


def _summary(request: Request, results: RunResult) -> None:
    if request.output is Output.JSON:
        show_lines([_summary_object(results)])
        return
    out = stdout()
    tally = results.tally
    out.print(f"{tally.lines} {_lines(tally.lines)} of {request.file.name}:")
    for outcome, words in COUNTS.items():
        if tally.outcomes[outcome]:
            more = f", of which {tally.corrections} correct an earlier one" if outcome == "published" else ""
            out.print(f"{tally.outcomes[outcome]:>8}  {words}{more if tally.corrections else ''}")
    _kept_at_home(tally)
    _notes(tally)
    _not_published(results.not_published)
    if request.wait and results.published:
        _answers(results)


def _summary_object(results: RunResult) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "lines": results.tally.lines,
        "outcomes": dict(results.tally.outcomes),
        "corrections": results.tally.corrections,
        "held_back": dict(results.tally.kept_at_home),
    }
    if results.published:
        summary["accepted"] = sum(answer.outcome == "accepted" for answer in results.answers)
        summary["refused_later"] = sum(answer.outcome == "refused" for answer in results.answers)
        summary["unanswered"] = len(results.published) - len(results.answers)
    return {"summary": summary}


def _kept_at_home(tally: Tally) -> None:
    if tally.kept_at_home:
        stdout().print("Kept at home, since none of your agreements shares it (lines that have it):")
        for path, count in sorted(tally.kept_at_home.items()):
            stdout().print(f"{count:>8}  {path}")


def _notes(tally: Tally) -> None:
    if not tally.notes:
        return
    stdout().print("Put right, or to be looked at in your own system:")
    for (column, reason), count in tally.notes.most_common(LISTED):
        stdout().print(f"{count:>8}  {f'{column}: ' if column else ''}{explain(reason)}")


def _not_published(lines: Sequence[LineResult]) -> None:
    if not lines:
        return
    rows = [{"line": line.line, "column": line.column, "why": line.meaning} for line in lines[:LISTED]]
    show(Output.TABLE, ("line", "column", "why"), rows, title="Not published:")
    if len(lines) > LISTED:
        note(f"and {len(lines) - LISTED} more; --output json lists them all.")


def _answers(results: RunResult) -> None:
    _accepted([answer for answer in results.answers if answer.outcome == "accepted"])
    _refused_later([answer for answer in results.answers if answer.outcome == "refused"])
    silent = len(results.published) - len(results.answers)
    if silent:
        note(
            f"{silent} {_lines(silent)} had no answer: either the network had them before and dropped the repeat, or"
            " its services are not running."
        )


def _accepted(answers: Sequence[Answer]) -> None:
    delivered = sum(answer.delivered for answer in answers)
    withheld = sum(answer.withheld for answer in answers)
    stdout().print(f"Accepted {len(answers)}: delivered {delivered} times, withheld {withheld} times.")
    columns = ("line", "outcome", "delivered", "withheld")
    rows = [
        {column: getattr(answer, column) for column in columns}
        for answer in sorted(answers, key=lambda answer: answer.line)[:LISTED]
    ]
    if rows:
        show(Output.TABLE, columns, rows)


def _refused_later(answers: Sequence[Answer]) -> None:
    rows = [
        {"line": answer.line, "fields": answer.fields, "why": explain_reason(answer.reason).meaning}
        for answer in answers[:LISTED]
    ]
    if rows:
        show(Output.TABLE, ("line", "fields", "why"), rows, title="Refused by the network:")


def _unsettled(results: RunResult) -> bool:
    return any(answer.outcome == "refused" for answer in results.answers) or len(results.answers) < len(
        results.published
    )


def _lines(count: int) -> str:
    return "line" if count == 1 else "lines"
