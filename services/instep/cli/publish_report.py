"""Prints what became of a published file: a summary for people, or an object for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instep.adapters import explain
from instep.cli.output import OutputForm, note, show, show_lines, stdout
from instep.client.decisions import summary
from instep.client.explain import explain as explain_reason
from instep.client.filing import LineResult, Tally
from instep.client.following import EventAnswer

LISTED = 50
"""Refused lines and notes listed in full; `--output json` has them all."""

COUNTS: Mapping[str, str] = {
    "published": "published",
    "would-publish": "would be published",
    "unchanged": "unchanged since they were published",
    "same-address": "the same address, written differently: not sent",
    "not-moved": "the same address before and after, so nobody moved: not sent",
    "duplicate": "said by an earlier line of this file: not sent",
    "superseded": "older than what was published: not sent",
    "annulled": "annulled earlier, and nothing newer: not sent",
    "review": "to be looked at before they can be sent",
    "refused": "refused",
}
SENT = ("published", "would-publish")
UNSENT = ("same-address", "not-moved", "duplicate", "superseded", "annulled")
"""Outcomes of lines that were not sent although the file has changed."""


@dataclass(kw_only=True)
class RunResult:
    """The results of the lines, for the summary.

    Keeps lines that somebody has to put right, and the first LISTED that were not sent; with `--wait`, published lines too.
    """

    tally: Tally = field(default_factory=Tally)
    not_published: list[LineResult] = field(default_factory=list)
    not_sent: list[LineResult] = field(default_factory=list)
    published: list[LineResult] = field(default_factory=list)
    answers: list[EventAnswer] = field(default_factory=list)
    first_home: Path | None = None
    """The directory of memory and secret, where the authority has published for the first time from here."""

    def keep(self, result: LineResult) -> None:
        """Keep a line that was not published."""
        if result.outcome in ("refused", "review"):
            self.not_published.append(result)
        elif result.outcome in UNSENT and len(self.not_sent) < LISTED:
            self.not_sent.append(result)

    @property
    def unsettled(self) -> bool:
        """Whether the network has refused a published line, or has not answered it."""
        refused = any(answer.outcome == "refused" for answer in self.answers)
        return refused or len(self.answers) < len(self.published)


def print_summary(file: Path, output: OutputForm, results: RunResult, *, waited: bool) -> None:
    """Print what became of the file's lines: counts, what stays at home, notes, lines that were not sent, answers."""
    if output is OutputForm.JSON:
        show_lines([summary_object(results)])
        return
    print_counts(file, results)
    if waited and results.published:
        _answers(results)


def print_counts(file: Path, results: RunResult) -> None:
    """Print, for people, what became of the file's lines."""
    out = stdout()
    tally = results.tally
    if tally.lines:
        out.print(f"{tally.lines} {_lines(tally.lines)} of {file.name}:")
    else:
        out.print(f"{file.name} has headings and no rows: there is nothing to send.", soft_wrap=True)
    for outcome, words in COUNTS.items():
        if tally.outcomes[outcome]:
            more = f", of which {tally.corrections} correct an earlier one" if outcome in SENT else ""
            out.print(f"{tally.outcomes[outcome]:>8}  {words}{more if tally.corrections else ''}")
    _kept_at_home(tally)
    _notes(tally)
    _not_sent(results)
    _not_published(results.not_published)
    if results.first_home:
        out.print(
            f"The first file published from here. Its memory and secret are in {results.first_home}: keep a copy, with"
            " `instep publisher export`.",
            soft_wrap=True,
        )


def summary_object(results: RunResult) -> dict[str, Any]:
    """The summary as a JSON object."""
    summary: dict[str, Any] = {
        "lines": results.tally.lines,
        "outcomes": dict(results.tally.outcomes),
        "corrections": results.tally.corrections,
        "held_back": dict(results.tally.kept_at_home),
        "notes": [
            {
                "column": column,
                "note": reason,
                "meaning": explain(reason),
                "count": count,
                "lines": results.tally.noted[column, reason],
            }
            for (column, reason), count in results.tally.notes.most_common()
        ],
    }
    if results.first_home:
        summary["first"] = {"memory": str(results.first_home)}
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
    stdout().print("Put right, left out, or to be looked at in your own system:")
    for (column, reason), count in tally.notes.most_common(LISTED):
        where = _places(tally.noted[column, reason], count)
        stdout().print(f"{count:>8}  {f'{column}: ' if column else ''}{explain(reason)} ({where})")


def _places(lines: Sequence[int], count: int) -> str:
    more = f" and {count - len(lines)} more" if count > len(lines) else ""
    return f"{_lines(count)} {', '.join(map(str, lines))}{more}"


def _not_sent(results: RunResult) -> None:
    """Lines that need nobody: listed, since an unsent line may be a mistake all the same."""
    if results.not_sent:
        rows = [{"line": line.line, "why": COUNTS[line.outcome]} for line in results.not_sent]
        show(OutputForm.TABLE, ("line", "why"), rows, title="Not sent:")
        _and_more(sum(results.tally.outcomes[outcome] for outcome in UNSENT) - len(rows))


def _not_published(lines: Sequence[LineResult]) -> None:
    if not lines:
        return
    rows = [
        {"line": line.line, "record": line.entry, "column": column, "why": meaning}
        for line in lines[:LISTED]
        for column, meaning in _reasons(line)
    ]
    columns = (
        ("line", "record", "column", "why")
        if any(line.entry for line in lines)
        else ("line", "column", "why")
    )
    show(OutputForm.TABLE, columns, rows, title="Not published:")
    _and_more(len(lines) - LISTED)


def _reasons(line: LineResult) -> Sequence[tuple[str, str]]:
    """Each column at fault, and why."""
    others = [(fault.column, fault.meaning) for fault in line.faults[1:]]
    return [(line.column, line.meaning), *others]


def _and_more(count: int) -> None:
    if count > 0:
        note(f"and {count} more; --output json lists them all.")


def _answers(results: RunResult) -> None:
    _accepted([answer for answer in results.answers if answer.outcome == "accepted"])
    _refused_later([answer for answer in results.answers if answer.outcome == "refused"])
    silent = len(results.published) - len(results.answers)
    if silent:
        note(
            f"{silent} {_lines(silent)} had no answer: either the network had them before and dropped the repeat, or"
            " its services are not running."
        )


def _accepted(answers: Sequence[EventAnswer]) -> None:
    delivered = sum(answer.delivered for answer in answers)
    withheld = sum(answer.withheld for answer in answers)
    withdrawn = sum(answer.decided.withdrawn for answer in answers if answer.decided)
    also = f", withdrawn {withdrawn} times" if withdrawn else ""
    stdout().print(f"Accepted {len(answers)}: delivered {delivered} times, withheld {withheld} times{also}.")
    rows = [
        {
            "line": answer.line,
            "reference": answer.subject_ref,
            "what became of it": summary(answer.decided) if answer.decided else "",
        }
        for answer in sorted(answers, key=lambda answer: answer.line)[:LISTED]
    ]
    if rows:
        show(OutputForm.TABLE, ("line", "reference", "what became of it"), rows)
        _and_more(len(answers) - len(rows))


def _refused_later(answers: Sequence[EventAnswer]) -> None:
    rows = [
        {
            "line": answer.line,
            "reference": answer.subject_ref,
            "fields": answer.fields,
            "why": explain_reason(answer.reason).meaning,
        }
        for answer in answers[:LISTED]
    ]
    if rows:
        show(OutputForm.TABLE, ("line", "reference", "fields", "why"), rows, title="Refused by the network:")


def _lines(count: int) -> str:
    return "line" if count == 1 else "lines"
