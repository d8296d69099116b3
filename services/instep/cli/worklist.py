"""Carries out `instep worklist check`: reads a filled work list, checks it against the inbox, and keeps its outcomes.

A watched folder checks and keeps lists by the same functions, `checked` and `keep`.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer

from instep.cli.listing import LARGEST_LISTING, connected, run
from instep.cli.output import OutputForm, note, progress, show, show_lines, stdout
from instep.client import kept_outcomes
from instep.client.council import Council, council
from instep.client.inbox_table import InboxTable
from instep.client.reader import reading
from instep.client.worklist import FilledList, Key, RowOutcome, WorkListFault, check, key_of, read_work_list
from instep.workbooks.tables import Value


def check_file(file: Path, state_directory: Path, output: OutputForm) -> None:
    """Check the list and keep its outcomes, or show each fault, keep nothing and exit with 1."""
    # Before any connection: what is wrong with the file itself should need no broker.
    filled = read_work_list(file)
    if not filled.rows:
        note(f"No row of {file} has an outcome yet, of {filled.open_rows:,}.")
        return
    answers, faults = checked(filled)
    if faults:
        _show_faults(file, faults, output)
        raise typer.Exit(1)
    counts = keep(filled.authority, answers, state_directory)
    _show_kept(filled, answers, counts, output)


def keep(authority: str, answers: Sequence[RowOutcome], state_directory: Path) -> Counter[str]:
    """Keep the answers for the authority's receipts; the number of `new`, `changed` and `unchanged` answers.

    Keeping the same answers again changes nothing.
    """
    with kept_outcomes.opened(state_directory / "recipients", authority) as kept:
        return kept.keep(answers, datetime.now(UTC).isoformat(timespec="seconds"))


def checked(filled: FilledList) -> tuple[list[RowOutcome], list[WorkListFault]]:
    """The answers of a list and the faults of its rows, compared with the inbox; with a fault, nothing is to be kept."""

    async def work() -> tuple[list[RowOutcome], list[WorkListFault]]:
        at = await council(*connected(), filled.authority)
        table = InboxTable(at.schemas.values())
        received = await _received(at, table, {row.key for row in filled.rows})
        return check(filled.rows, received, table.headings)

    return run(work())


async def _received(
    at: Council, table: InboxTable, wanted: Collection[Key]
) -> dict[Key, Mapping[str, Value]]:
    """The rows of the inbox with these keys, as far as the inbox still has them."""
    purposes = {key.purpose for key in wanted}
    partitions = [
        partition for partition in at.inboxes() if partition.topic.partition(".inbox.")[2] in purposes
    ]
    received: dict[Key, Mapping[str, Value]] = {}
    async with reading(at.connection, at.schemas) as reader:
        with progress("comparing with the inbox") as bar:
            async for item in reader.read(partitions):
                row = table.row(item)
                if (key := key_of(row)) in wanted:
                    received[key] = row
                bar.advance()
    return received


def _show_faults(file: Path, faults: Sequence[WorkListFault], output: OutputForm) -> None:
    if output is OutputForm.JSON:
        show_lines({"row": fault.row, "fault": fault.sentence} for fault in faults)
        return
    for fault in faults[:LARGEST_LISTING]:
        stdout().print(str(fault), soft_wrap=True)
    if len(faults) > LARGEST_LISTING:
        stdout().print(f"… and {len(faults) - LARGEST_LISTING:,} more: --output json", soft_wrap=True)
    rows = len({fault.row for fault in faults})
    note(
        f"Nothing was kept: put {rows:,} {'row' if rows == 1 else 'rows'} of {file} right, and check it again."
    )


def _show_kept(
    filled: FilledList, answers: Sequence[RowOutcome], counts: Counter[str], output: OutputForm
) -> None:
    by_outcome = Counter(answer.outcome for answer in answers)
    if output is OutputForm.JSON:
        show_lines([{"kept": dict(counts), "outcomes": dict(by_outcome), "open": filled.open_rows}])
        return
    rows = [{"outcome": outcome, "rows": count} for outcome, count in by_outcome.most_common()]
    show(output, ("outcome", "rows"), rows)
    tally = ", ".join(f"{count:,} {word}" for word, count in counts.items())
    note(f"Kept for {filled.authority}'s receipts: {tally}. {filled.open_rows:,} without an outcome yet.")
