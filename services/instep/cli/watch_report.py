"""Writes the report beside a file of a watched folder, and the file of rows to correct."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from instep.adapters import explain, load_mapping
from instep.adapters.reading import format_of
from instep.adapters.to_correct import BY_HAND, RefusalCause, write_events, write_moves
from instep.cli.publish import PublishRequest
from instep.cli.publish_report import COUNTS, RunResult
from instep.cli.screen import printable
from instep.client.filing import LineResult
from instep.watch.decide import WHY

_AGAIN = "Put it into the watched folder again once it is right: lines that have been published are not sent again."


def summary(results: RunResult) -> str:
    """The counts of a file's lines, in one sentence."""
    tally = results.tally
    counts = [
        f"{tally.outcomes[outcome]:,} {words}" for outcome, words in COUNTS.items() if tally.outcomes[outcome]
    ]
    return f"{tally.lines:,} {'line' if tally.lines == 1 else 'lines'}: {'; '.join(counts) or 'nothing to publish'}."


def report(name: str, results: RunResult, now: datetime) -> str:
    """The report of a published file: counts, what stays at home, notes with lines, lines to correct."""
    return "\n".join(
        [
            f"{printable(name)}, published {now:%Y-%m-%d at %H:%M}",
            "",
            summary(results),
            *_section(
                "Kept at home, since none of your agreements shares it (lines that have it):", _kept(results)
            ),
            *_section("Put right, left out, or to be looked at in your own system:", _notes(results)),
            *_section("Not published (the file to correct has these lines, where it can):", _faults(results)),
            "",
        ]
    )


def unreadable_report(name: str, sentence: str, results: RunResult) -> str:
    """The report beside a file that could not be read to its end."""
    lines = [sentence, "", f"{printable(name)} was not published. {_AGAIN}"]
    if results.tally.lines:
        lines = [sentence, "", f"{printable(name)}, as far as it could be read: {summary(results)} {_AGAIN}"]
    return "\n".join([*lines, *_section("Not published:", _faults(results)), ""])


def corrections(request: PublishRequest, file: Path, results: RunResult) -> Callable[[Path], None] | None:
    """Fills a folder with the lines to correct, in a file of the same name, and the reasons; None without such lines."""
    if not results.not_published:
        return None
    return partial(_fill, request, file, results.not_published)


def _fill(request: PublishRequest, file: Path, lines: Sequence[LineResult], folder: Path) -> None:
    causes = {line.line: RefusalCause(line.reason, _sentence(line)) for line in lines}
    target = folder / file.name
    match request.format or format_of(file):
        case "csv":
            write_moves(file, target, causes, load_mapping(request.mapping) if request.mapping else {})
        case "jsonl":
            write_events(file, target, causes)
        case _:
            shutil.copyfile(file, target)
            (folder / WHY).write_text(
                _why(file.name, lines, carried=False),
                encoding="utf-8",
                errors="backslashreplace",
                newline="\r\n",
            )
            return
    (folder / WHY).write_text(
        _why(file.name, lines, carried=True), encoding="utf-8", errors="backslashreplace", newline="\r\n"
    )


def _why(name: str, lines: Sequence[LineResult], *, carried: bool) -> str:
    """Instructions for the file beside, and each line's reason; numbers are those of the published file."""
    by_hand = [line for line in lines if carried and line.reason in BY_HAND]
    listed = [line for line in lines if line not in by_hand]
    return "\n".join(
        [
            f"Correct {printable(name)}. {_AGAIN}",
            *_section(
                "The lines to correct, with their numbers in the file that was published:",
                map(_listed, listed),
            ),
            *_section(
                "Not in this file: correct these in your own system, and export again:", map(_listed, by_hand)
            ),
            "",
        ]
    )


def _section(title: str, lines: Iterator[str]) -> list[str]:
    listed = list(lines)
    return ["", title, *listed] if listed else []


def _kept(results: RunResult) -> Iterator[str]:
    return (f"{count:>8}  {path}" for path, count in sorted(results.tally.kept_at_home.items()))


def _notes(results: RunResult) -> Iterator[str]:
    for (column, reason), count in results.tally.notes.most_common():
        lines = results.tally.noted[column, reason]
        more = f" and {count - len(lines)} more" if count > len(lines) else ""
        what = f"{printable(column)}: {explain(reason)}" if column else explain(reason)
        word = "line" if count == 1 else "lines"
        yield f"{count:>8}  {what} ({word} {', '.join(map(str, lines))}{more})"


def _faults(results: RunResult) -> Iterator[str]:
    return map(_listed, results.not_published)


def _listed(line: LineResult) -> str:
    return f"Line {line.line}{f' ({printable(line.entry)})' if line.entry else ''}: {_sentence(line)}"


def _sentence(line: LineResult) -> str:
    return f"{printable(line.column)}: {line.meaning}" if line.column else line.meaning
