"""Prints what the publication of a file would do: each line, who would be told which fields, and who would not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from instep.adapters import Note
from instep.cli.output import OutputForm, note, show, show_lines, stdout
from instep.cli.publish import result_object
from instep.cli.publish_report import LISTED, RunResult, print_counts, summary_object
from instep.cli.rehearsal import RehearsedEvent
from instep.client.explain import explain as explain_reason
from instep.client.filing import LineResult
from instep.events.schema import EventType
from instep.router.decide import Decision, Ending, Entry, Result
from instep.router.trial import Trial, sent_fields

_Key = TypeVar("_Key")


@dataclass(kw_only=True, slots=True)
class LinesAlike:
    """The lines with the same entry: how many, and the first."""

    lines: int = 0
    first: int


@dataclass(kw_only=True, slots=True)
class Decided:
    """A decision, with how many lines have it, and the first."""

    event_type: str
    decision: Decision
    lines: int = 0
    first: int


@dataclass(kw_only=True, slots=True)
class DryRun:
    """The results of a rehearsal by `source`; `trial` is None where nobody can say who would be told."""

    source: str
    trial: Trial | None
    results: RunResult = field(default_factory=RunResult)
    decisions: dict[tuple[str, int], Decided] = field(default_factory=dict)
    """By event type and the identity of the decision: a trial gives the same object for events with equal facts."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """The first LISTED lines that would be published, as rows of a table."""
    types: dict[str, EventType] = field(default_factory=dict)

    def keep(self, result: LineResult, leaving: RehearsedEvent | None) -> None:
        """Keep a line's result; `leaving` is the event of a line that would be published."""
        self.results.keep(result)
        if leaving is None:
            return
        self.types[leaving.event_type] = leaving.sound.event_type
        if leaving.decision is not None:
            key = leaving.event_type, id(leaving.decision)
            decided = self.decisions.setdefault(
                key, Decided(event_type=leaving.event_type, decision=leaving.decision, first=result.line)
            )
            decided.lines += 1
        if len(self.rows) < LISTED:
            self.rows.append(_row(result, leaving))

    def entries(self) -> dict[tuple[str, Entry], LinesAlike]:
        """The entries of all decisions, by event type and entry."""
        shares: dict[tuple[str, Entry], LinesAlike] = {}
        for decided in self.decisions.values():
            for entry in decided.decision.entries:
                _add(shares, (decided.event_type, entry), decided)
        return shares

    def endings(self) -> dict[Ending, LinesAlike]:
        """How the decisions ended."""
        shares: dict[Ending, LinesAlike] = {}
        for decided in self.decisions.values():
            _add(shares, decided.decision.ending, decided)
        return shares

    def having(self, result: Result) -> list[tuple[str, Entry, LinesAlike]]:
        """The event types, entries and lines with this result, by authority and purpose; without the source's own gaps."""
        chosen = (
            (event_type, entry, share)
            for (event_type, entry), share in self.entries().items()
            if entry.result is result and (entry.authority != self.source or entry.purpose)
        )
        return sorted(chosen, key=lambda row: (row[1].authority, row[1].purpose, row[2].first))


def _add(counted: dict[_Key, LinesAlike], key: _Key, decided: Decided) -> None:
    share = counted.setdefault(key, LinesAlike(first=decided.first))
    share.lines += decided.lines
    share.first = min(share.first, decided.first)


def line_object(result: LineResult, leaving: RehearsedEvent | None) -> dict[str, Any]:
    """A line as a JSON object: its result, and for a line that would be published the event, and the decision about it."""
    shown = result_object(result)
    if leaving is None:
        return shown
    shown |= {"event_type": leaving.event_type, "event": leaving.plain()}
    decision = leaving.decision
    if decision is None:
        return shown
    entries = [_entry_object(leaving.sound.event_type, entry) for entry in decision.entries]
    return shown | {"ending": decision.ending.value, "decisions": entries}


def print_dry_run(file: Path, output: OutputForm, run: DryRun) -> None:
    """Print the summary of a rehearsal: the counts of its lines, then who would be told what, and who would not."""
    outcomes = run.results.tally.outcomes
    if "published" in outcomes:
        outcomes["would-publish"] = outcomes.pop("published")
    if output is OutputForm.JSON:
        show_lines([_summary(run)])
        return
    stdout().print("A dry run: nothing is sent, and nothing is remembered.")
    print_counts(file, run.results)
    _print_rows(run)
    if run.trial is not None:
        _print_told(run)
        _print_untold(run)
        _print_endings(run)


def _row(result: LineResult, leaving: RehearsedEvent) -> dict[str, Any]:
    header = leaving.sound.event["header"]
    protected = ", protected" if header["handling"] == "PROTECTED" else ""
    entries = leaving.decision.having(Result.DELIVERED) if leaving.decision else ()
    return {
        "line": result.line,
        "goes as": f"{leaving.event_type}, {header['change_kind']}{protected}",
        "to": [f"{entry.authority} ({entry.purpose})" for entry in entries] or "nobody",
        "put right": "; ".join(map(_words, result.notes)),
    }


def _words(remark: Note) -> str:
    return f"{remark.column}: {remark.meaning}" if remark.column else remark.meaning


def _print_rows(run: DryRun) -> None:
    if not run.rows:
        return
    columns = ["line", "goes as", "to", "put right"]
    shown = [name for name in columns if any(row[name] for row in run.rows)]
    show(OutputForm.TABLE, shown, run.rows, title="Would be published:")
    more = run.results.tally.outcomes["would-publish"] - len(run.rows)
    if more > 0:
        note(f"and {more} more; --output json lists them all.")


def _print_told(run: DryRun) -> None:
    rows = [
        {
            "authority": entry.authority,
            "purpose": entry.purpose,
            "under": entry.agreements,
            "lines": share.lines,
            "first line": share.first,
            "fields": sent_fields(run.types[event_type], entry.fields),
        }
        for event_type, entry, share in run.having(Result.DELIVERED)
    ]
    if rows:
        columns = ("authority", "purpose", "under", "lines", "first line", "fields")
        show(OutputForm.TABLE, columns, rows, title="Would be told:")


def _print_untold(run: DryRun) -> None:
    rows = [
        {
            "authority": entry.authority,
            "purpose": entry.purpose,
            "lines": share.lines,
            "first line": share.first,
            "why": explain_reason(entry.reason).meaning,
        }
        for _, entry, share in run.having(Result.WITHHELD)
    ]
    if rows:
        show(
            OutputForm.TABLE,
            ("authority", "purpose", "lines", "first line", "why"),
            rows,
            title="Would not be told:",
        )


def _print_endings(run: DryRun) -> None:
    endings = run.endings()
    for ending in (Ending.NOBODY_CONCERNED, Ending.UNKNOWN_AREA):
        if ending in endings:
            share, reason = endings[ending], explain_reason(ending.value)
            first = f" (first: line {share.first})" if share.lines > 1 else f" (line {share.first})"
            stdout().print(f"{share.lines:>8}  to nobody{first}. {reason.meaning} {reason.remedy}")
    if run.results.tally.corrections:
        note(
            "Who had the event that a correction replaces is known to the network alone: they are told too, to correct or to"
            " stop using it."
        )


def _entry_object(event_type: EventType, entry: Entry) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "authority": entry.authority,
        "purpose": entry.purpose,
        "result": entry.result.value,
        "agreements": list(entry.agreements),
    }
    if entry.fields:
        shown["fields"] = list(sent_fields(event_type, entry.fields))
    if entry.reason:
        reason = explain_reason(entry.reason)
        shown |= {"reason": entry.reason, "meaning": reason.meaning, "remedy": reason.remedy}
    return shown


def _summary(run: DryRun) -> dict[str, Any]:
    summary: dict[str, Any] = summary_object(run.results)["summary"] | {"dry_run": True}
    if run.trial is None:
        return {"summary": summary}
    entries: Sequence[tuple[str, Entry, LinesAlike]] = [
        (event_type, entry, share) for (event_type, entry), share in run.entries().items()
    ]
    summary["decisions"] = [
        {"event_type": event_type, "lines": share.lines, "first_line": share.first}
        | _entry_object(run.types[event_type], entry)
        for event_type, entry, share in sorted(
            entries, key=lambda row: (row[1].authority, row[1].purpose, row[2].first)
        )
    ]
    summary["endings"] = {ending.value: share.lines for ending, share in run.endings().items()}
    return {"summary": summary}
