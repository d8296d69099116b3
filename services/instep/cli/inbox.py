"""Defines `instep inbox | worklist`: the commands of a council as a recipient."""

import os
from pathlib import Path
from typing import Annotated

import typer

from instep.cli.options import (
    AuthorityArgument,
    FollowOption,
    FromBeginningOption,
    LastOption,
    SinceOption,
    UntilOption,
)
from instep.cli.output import FileFormat, OutputForm, OutputOption
from instep.client.days import Days


def register(app: typer.Typer) -> None:
    """Add this module's commands to `instep`."""
    app.command("inbox")(inbox)
    worklists = typer.Typer(
        help="Work lists: Excel files of an inbox, in which people note outcomes.", no_args_is_help=True
    )
    worklists.command("check")(check_work_list)
    app.add_typer(worklists, name="worklist")


def inbox(
    authority: AuthorityArgument,
    purpose: Annotated[
        str | None,
        typer.Argument(metavar="[PURPOSE]", help="One purpose only, such as council-tax; all if left out."),
    ] = None,
    follow: FollowOption = False,
    from_beginning: FromBeginningOption = False,
    last: LastOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    format: Annotated[  # noqa: A002 -- the option's name
        FileFormat | None,
        typer.Option(
            "--format",
            help="Write a file of all records, or of the days asked for. csv and xlsx: a row for each record, a column"
            " for each shared field. jsonl: the records exactly, one JSON object a line. By the name of --to if left out.",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FILE", help="The file to write; stdout if left out. No file is overwritten."
        ),
    ] = None,
    work_list: Annotated[
        bool,
        typer.Option(
            "--work-list",
            help="Write an Excel file in which people note the outcome of each record, for `instep worklist check`.",
        ),
    ] = False,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Show a council its received records: each delivery with the fields that its agreements share, and each withdrawal.

    Looking changes nothing: no position moves, and nothing is marked as read.

    With --format or --work-list the records go to a file. In CSV, a text that a spreadsheet would take for a formula has
    an apostrophe in front. Excel takes UPRNs and references in CSV for numbers: give people xlsx.

    Examples: instep inbox leeds · instep inbox leeds council-tax --follow · instep inbox leeds -o json | jq .content ·
    instep inbox leeds council-tax --format csv --since 2026-11-01 > november.csv ·
    instep inbox leeds council-tax --work-list --to monday.xlsx
    """
    days = Days(since=since, until=until)
    if follow and until:
        raise typer.BadParameter("--follow shows records to come, and --until none of them: leave one out.")
    if format or to or work_list:
        if follow or last or output is OutputForm.JSON:
            raise typer.BadParameter(
                "--follow, --last and --output do not go with a file: use --since and --until."
            )
        _write_inbox(authority, purpose, days, format, to, work_list=work_list)
        return
    from instep.cli import council_views as views
    from instep.cli.listing import Listing, Span, list_records, run

    listing = Listing(
        columns=views.INBOX,
        rows=lambda item: [views.inbox_row(item)],
        objects=lambda item: [views.inbox_object(item)],
        nothing="Nothing has been received." if not days else "Nothing was received in these days.",
        all_of_them="--format csv",
    )
    span = Span(follow=follow, from_beginning=from_beginning, last=last, days=days)
    run(list_records(authority, lambda at: at.inboxes(purpose), listing, span, output))


def _write_inbox(
    authority: str,
    purpose: str | None,
    days: Days,
    format: FileFormat | None,  # noqa: A002 -- the option's name
    to: Path | None,
    *,
    work_list: bool,
) -> None:
    from instep.cli import inbox_files

    chosen = inbox_files.file_format(format, to, work_list=work_list)
    inbox_files.write_inbox(
        inbox_files.InboxRequest(
            authority=authority, purpose=purpose, format=chosen, to=to, days=days, work_list=work_list
        )
    )


def check_work_list(
    file: Annotated[
        Path, typer.Argument(help="The work list, an Excel file with outcomes filled in.", dir_okay=False)
    ],
    state_dir: Annotated[
        Path | None,
        typer.Option(
            "--state-dir",
            help="Where the outcomes are kept; INSTEP_STATE_DIR or your own data directory if left out.",
        ),
    ] = None,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Check a work list that people have filled in against the inbox, and keep its outcomes.

    A row without an outcome waits: it can be filled in later, and the file be checked again. When anything is wrong, each
    fault is shown with the number of its row, and nothing is kept. Notes stay in the file. The kept outcomes are for the
    receipts that tell the sources.

    Exit code: 1 when a row has to be put right.

    Examples: instep worklist check monday.xlsx
    """
    from instep.cli.worklist import check_file
    from instep.client.memory_place import place

    check_file(file, place(state_dir, os.environ).state, output)
