"""Takes in a filled work list from a watched folder: checks its rows, keeps their outcomes, and reports.

A list with a fault goes to `to-correct` whole, with a sentence for each row, and none of its outcomes is kept. After a kill
the list is checked again, and keeping the same outcomes again changes nothing.
"""

import os
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from instep.cli import worklist
from instep.cli.publish import PublishRequest
from instep.cli.screen import printable
from instep.client.days import LONDON
from instep.client.memory_place import place
from instep.client.worklist import FilledList, RowOutcome, WorkListFault, read_work_list
from instep.errors import FileFormatError
from instep.watch.watcher import FilePublished, Unreadable

_AGAIN = "Put the list into the watched folder again once it is right."


def keep_outcomes(request: PublishRequest, file: Path) -> FilePublished | Unreadable:
    """Check a work list and keep its outcomes; raises TheWorlds where the broker or the disk is away."""
    try:
        filled = read_work_list(file)
    except FileFormatError as error:
        return _spoilt(str(error).replace(str(file), file.name))
    if filled.authority != request.authority:
        return _spoilt(
            f"This is a work list of {filled.authority}, and the folder is {request.authority}'s: give the list to"
            f" {filled.authority}."
        )
    if not filled.rows:
        return _spoilt(f"No row has an outcome yet, of {filled.open_rows:,}: choose the outcomes first.")
    answers, faults = worklist.checked(filled)
    if faults:
        return _faulty(file.name, faults)
    counts = worklist.keep(filled.authority, answers, place(request.state_directory, os.environ).state)
    return _kept(file.name, filled, answers, counts)


def _spoilt(sentence: str) -> Unreadable:
    return Unreadable(summary=sentence, report=f"{sentence}\n\n{_AGAIN}\n")


def _faulty(name: str, faults: Sequence[WorkListFault]) -> Unreadable:
    rows = len({fault.row for fault in faults})
    what = f"{rows:,} {'row has' if rows == 1 else 'rows have'} to be put right, and no outcome was kept."
    lines = [f"{printable(name)}: {what} {_AGAIN}", "", *map(str, faults), ""]
    return Unreadable(summary=f"{what} {faults[0]}", report="\n".join(lines))


def _kept(
    name: str, filled: FilledList, answers: Sequence[RowOutcome], counts: Counter[str]
) -> FilePublished:
    tally = ", ".join(f"{count:,} {word}" for word, count in counts.items())
    summary = (
        f"{len(answers):,} {'outcome' if len(answers) == 1 else 'outcomes'} kept for {filled.authority}'s receipts"
        f" ({tally}). {filled.open_rows:,} without an outcome yet."
    )
    by_outcome = Counter(answer.outcome for answer in answers).most_common()
    lines = [
        f"{printable(name)}, a work list, checked {datetime.now(LONDON):%Y-%m-%d at %H:%M}",
        "",
        summary,
        *(f"{count:>8}  {outcome}" for outcome, count in by_outcome),
        "",
    ]
    if filled.open_rows:
        lines += ["When more rows have an outcome, put the list into the watched folder again.", ""]
    return FilePublished(summary=summary, report="\n".join(lines))
