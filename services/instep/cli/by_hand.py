"""Carries out `instep annul` and `instep correct`: changes a council's published records by hand, and prints the result."""

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer

from instep.adapters import Memory, Note, load_mapping, read
from instep.adapters.csv_moves import COLUMNS
from instep.adapters.edits import Edit
from instep.adapters.line import Line
from instep.cli.listing import connected, run
from instep.cli.output import OutputForm, note, show, show_lines, stdout
from instep.cli.publish_report import COUNTS
from instep.client.annulling import Annulling, Annulment
from instep.client.correcting import Correcting, Wish
from instep.client.correcting import Reading as RowReading
from instep.client.council import Council, council
from instep.client.decisions import decided_object, summary
from instep.client.explain import explain as explain_reason
from instep.client.file_settings import file_settings
from instep.client.filing import LineResult
from instep.client.following import EventAnswer, Following
from instep.client.hand_journal import Journal
from instep.client.memory_place import place
from instep.client.publisher import Gate, publishing
from instep.client.publisher_memory import memory_home, open_memory
from instep.client.reader import reading
from instep.client.releasing import Releasing
from instep.errors import ConfigurationError, PlatformError

WORDS: Mapping[str, str] = {
    **COUNTS,
    "published": "sent",
    "would-publish": "would be sent",
    "already-annulled": "annulled before: nothing was sent",
    "unchanged": "says what is published already: nothing was sent",
}


WHAT = "what became of it"
"""The column that says who was sent the change, or was told to undo what it replaces."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """Who asks for a change by hand, why, and how its result is shown."""

    authority: str
    reason: str
    wait: bool
    output: OutputForm
    state_directory: Path | None


@dataclass(frozen=True, kw_only=True)
class CorrectionRequest:
    """The user's options for a correction."""

    file: Path
    format: str | None
    mapping: Path | None
    reference: str | None
    changes: Sequence[str]
    on_behalf: bool


def annul_records(
    order: Order, references: Sequence[str], system: str | None, event_type: str | None
) -> None:
    """Annul the records of local references, print each result, and exit with 1 where the network refuses any."""
    require_reason(order.reason)

    async def work() -> None:
        at = await council(*connected(), order.authority)
        async with memory_of(at, order.state_directory) as (memory, home):
            annulling = Annulling(
                authority=at.authority,
                gate=Gate(at.network, at.catalogue),
                memory=memory,
                journal=Journal(home, order.reason),
            )
            records = [annulling.find(reference, system, event_type) for reference in references]
            await annul_and_show(at, annulling, records, order)

    run(work())


async def annul_and_show(at: Council, annulling: Annulling, records: Iterable[Any], order: Order) -> None:
    """Annul records and print the results; raises typer.Exit where the network refuses an annulment."""
    async with reading(at.connection, at.schemas) as reader:
        following = Following(at, reader)
        await following.begin()
        async with publishing(at.connection) as publisher:
            annulments = await annulling.annul(records, publisher)
        answers = await _answers(following, [each.result for each in annulments], order)
    for annulment in annulments:
        answer = answers.get(annulment.result.event_id) if annulment.result else None
        if answer is not None and answer.to_correct:
            annulling.take_back(annulment)
    rows = [_annulment_object(annulment, answers) for annulment in annulments]
    show_results(rows, order, answers)
    if any(each.protects_still for each in annulments):
        note(
            "A person was protected. The household stays PROTECTED, also when the person is published again under another"
            " name: `instep publisher release` lifts that, when you know that nobody of the household is at risk."
        )
    if any(annulment.outcome not in ("published", "already-annulled") for annulment in annulments):
        raise typer.Exit(1)
    _exit_if_refused(answers)


def correct_record(order: Order, request: CorrectionRequest) -> None:
    """Correct a record from a row of a file, print the result, and exit with 1 where the row cannot be published."""
    require_reason(order.reason)
    wish = Wish(reference=request.reference, changes=parsed_changes(request.changes))
    columns = load_mapping(request.mapping) if request.mapping else {}

    async def work() -> None:
        at = await council(*connected(), order.authority)
        async with memory_of(at, order.state_directory) as (memory, home):
            correcting = Correcting(
                authority=at.authority,
                gate=Gate(at.network, at.catalogue),
                memory=memory,
                journal=Journal(home, order.reason),
                on_behalf=request.on_behalf,
            )
            await correct_and_show(at, correcting, wish, _Reading(at, request, columns), order)

    run(work())


async def correct_and_show(
    at: Council, correcting: Correcting, wish: Wish, read_with: RowReading, order: Order
) -> None:
    """Correct a record and print the results; raises typer.Exit where a row or the network refuses."""
    async with reading(at.connection, at.schemas) as reader:
        following = Following(at, reader)
        await following.begin()
        async with publishing(at.connection) as publisher:
            results = await correcting.correct(wish, read_with, publisher)
        answers = await _answers(following, results, order)
    for answer in answers.values():
        if answer.to_correct:
            correcting.take_back(next(each for each in results if each.event_id == answer.event_id))
    show_results([correction_object(result, answers) for result in results], order, answers)
    if results[0].outcome in ("refused", "review"):
        raise typer.Exit(1)
    _exit_if_refused(answers)
    if order.output is not OutputForm.JSON:
        note("Change your own system too: what it records later corrects this again.")


def release_household(
    authority: str,
    reason: str,
    *,
    household: str | None,
    reference: str | None,
    system: str,
    state_directory: Path | None,
) -> None:
    """Lift the doubts about the household of a reference, or of a member's reference, and say what still protects it."""
    require_reason(reason)

    async def work() -> None:
        async with _releasing(authority, reason, state_directory) as releasing:
            named = (
                releasing.household(household, system)
                if household is not None
                else releasing.household_of(reference or "", system)
            )
            spellings = releasing.spellings(household, system) if household is not None else ()
            lifted = releasing.release(named, spellings)
            _say_released(lifted, is_protected=releasing.is_still_protected(named))

    run(work())


def release_person(
    authority: str, reason: str, *, person: str, system: str, state_directory: Path | None
) -> None:
    """Lift the doubts about a single person, and say whether somebody protects the person still."""
    require_reason(reason)

    async def work() -> None:
        async with _releasing(authority, reason, state_directory) as releasing:
            kept = releasing.release_person(person, system)
        stdout().print(
            "What unsent rows have said so far no longer protects this person. A row that is recorded from now on goes"
            " out as it says.",
            soft_wrap=True,
        )
        if kept:
            note("A published member of the household is protected, so the person stays PROTECTED.")

    run(work())


@asynccontextmanager
async def _releasing(authority: str, reason: str, state_directory: Path | None) -> AsyncIterator[Releasing]:
    at = await council(*connected(), authority)
    async with memory_of(at, state_directory) as (memory, home):
        yield Releasing(authority=at.authority, memory=memory, journal=Journal(home, reason))


def _say_released(lifted: int, *, is_protected: bool) -> None:
    if lifted:
        rows = "an unsent row" if lifted == 1 else f"{lifted} unsent rows"
        stdout().print(f"The household is no longer in doubt because of {rows}.", soft_wrap=True)
    else:
        stdout().print("No unsent row had put this household in doubt.", soft_wrap=True)
    if is_protected:
        note("A published member is protected, so the household stays PROTECTED.")


class _Reading:
    """Reads the file of a correction with a changed row."""

    def __init__(self, at: Council, request: CorrectionRequest, columns: Mapping[str, str]) -> None:
        self._authority, self._request = at.authority, request
        self._settings = file_settings(at.network, at.authority, columns, _unsaid)

    def __call__(self, edit: Edit) -> Iterator[Line]:
        settings = replace(self._settings, edit=edit)
        return read(self._request.file, self._request.format, authority=self._authority, settings=settings)


@asynccontextmanager
async def memory_of(at: Council, state_directory: Path | None) -> AsyncIterator[tuple[Memory, Path]]:
    """The council's memory and its directory; raises PlatformError where nothing was published from here."""
    where = place(state_directory, os.environ)
    if await memory_home(at, where) is None:
        raise PlatformError(
            f"Nothing of {at.authority} was published from here: run the command where its memory is, or name the directory"
            " with --state-dir."
        )
    opened = await open_memory(at, where, note, first=False)
    with opened.memory as memory:
        yield memory, opened.home


def parsed_changes(changes: Sequence[str]) -> dict[str, str]:
    """The new cells by column. Raises ConfigurationError for what is no `column=value`, or no column of moves."""
    parsed: dict[str, str] = {}
    for change in changes:
        column, equals, value = change.partition("=")
        column = column.strip()
        if not equals:
            raise ConfigurationError("Write --set column=value, such as --set new_postcode='LS1 1UR'.")
        if column not in COLUMNS or column in ("reference", "recorded_at"):
            allowed = ", ".join(name for name in COLUMNS if name not in ("reference", "recorded_at"))
            raise ConfigurationError(f"--set changes the columns {allowed}.")
        parsed[column] = value
    return parsed


async def _answers(
    following: Following, results: Iterable[LineResult | None], order: Order
) -> dict[str, EventAnswer]:
    """The network's answers by event id; empty unless the user waits."""
    if not order.wait:
        return {}
    published = [result for result in results if result is not None and result.outcome == "published"]
    return {answer.event_id: answer async for answer in following.answers(published)}


def _annulment_object(annulment: Annulment, answers: Mapping[str, EventAnswer]) -> dict[str, Any]:
    result = annulment.result
    shown = {
        "subject_ref": annulment.record.subject_ref,
        "outcome": annulment.outcome,
        "replaces": annulment.replaces,
        "event_id": result.event_id if result else "",
    }
    return shown | _explained(result, answers)


def correction_object(result: LineResult, answers: Mapping[str, EventAnswer]) -> dict[str, Any]:
    """A result as a JSON object."""
    shown = {
        "line": result.line,
        "outcome": result.outcome,
        "subject_ref": result.subject_ref,
        "event_id": result.event_id,
    }
    return shown | _explained(result, answers)


def _explained(result: LineResult | None, answers: Mapping[str, EventAnswer]) -> dict[str, Any]:
    if result is None:
        return {}
    if result.reason:
        return {"column": result.column, "reason": result.printed_reason, "meaning": result.meaning}
    answer = answers.get(result.event_id)
    if answer is None:
        return {}
    if answer.outcome == "refused":
        return {
            "answer": "refused",
            "reason": answer.reason,
            "meaning": explain_reason(answer.reason).meaning,
        }
    shown = {"answer": answer.outcome, "delivered": answer.delivered, "withheld": answer.withheld}
    return shown | (decided_object(answer.decided) if answer.decided else {})


def show_results(rows: Sequence[dict[str, Any]], order: Order, answers: Mapping[str, EventAnswer]) -> None:
    """Print a sentence for each result, and a table of the network's answers; or an object a line."""
    if order.output is OutputForm.JSON:
        show_lines(rows)
        return
    for row in rows:
        where = f"line {row['line']}: " if "line" in row else ""
        column = f"{row['column']}: " if row.get("column") else ""
        said = f" {column}{row['meaning']}" if "meaning" in row else ""
        of = f" ({row['subject_ref']})" if row["subject_ref"] else ""
        stdout().print(f"{where}{WORDS.get(row['outcome'], row['outcome'])}{of}.{said}", soft_wrap=True)
    if not order.wait and any(row["outcome"] == "published" for row in rows):
        note("What the network decides is in `instep outcomes` and `instep rejected`.")
    answered = [row | {WHAT: _became(answers.get(row["event_id"]))} for row in rows if "answer" in row]
    if answered:
        show(OutputForm.TABLE, ("subject_ref", "answer", WHAT), answered)


def _became(answer: EventAnswer | None) -> str:
    return summary(answer.decided) if answer is not None and answer.decided else ""


def _exit_if_refused(answers: Mapping[str, EventAnswer]) -> None:
    if any(answer.to_correct for answer in answers.values()):
        raise typer.Exit(1)


def require_reason(reason: str) -> None:
    """Raise ConfigurationError where nobody says why."""
    if not reason.strip():
        raise ConfigurationError(
            "Say why with --reason: the reason stays on this machine, for whoever asks later."
        )


def _unsaid(line: int, remark: Note) -> None:
    """The whole file's remarks are for `instep publish`."""
