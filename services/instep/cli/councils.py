"""Defines `instep publish | rejected | outcomes`: the commands of a council as a source."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from instep.cli.options import AuthorityArgument, FollowOption, FromBeginningOption, LastOption
from instep.cli.output import Output, OutputOption


def register(app: typer.Typer) -> None:
    """Add this module's commands to `instep`."""
    app.command("publish")(publish)
    app.command("rejected")(rejected)
    app.command("outcomes")(outcomes)


class Format(StrEnum):
    """The format of a file."""

    JSONL = "jsonl"
    CSV = "csv"
    FSA_JSON = "fsa-json"


def publish(
    file: Annotated[Path, typer.Argument(help="The file, as your own system exports it.", dir_okay=False)],
    authority: Annotated[
        str, typer.Option("--authority", "-a", help="The council that publishes, by id or full name: leeds.")
    ],
    format: Annotated[  # noqa: A002 -- the option's name
        Format | None,
        typer.Option(
            "--format",
            help="jsonl: plain events, one JSON object a line. csv: moves from a council-tax system."
            " fsa-json: registrations from the FSA's service. By the file's name if left out.",
        ),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="A TOML file that says what your own CSV headings mean.")
    ] = None,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait",
            help="Wait until each line is accepted or refused, and show how many recipients it went to.",
        ),
    ] = False,
    on_behalf: Annotated[
        bool,
        typer.Option(
            "--on-behalf",
            help="Send moves too that neither begin nor end in your area, for the council whose records they are. Each is"
            " marked in the report. Left out, such lines are refused.",
        ),
    ] = False,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            "--state-dir",
            help="Where the memory of published events lies, in digests that nobody can read; INSTEP_STATE_DIR or .instep"
            " if left out. Keep this directory: with it, a changed row goes out as a correction.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Send nothing and remember nothing: show each line as it would go, what stays at home, and who would be"
            " told which fields.",
        ),
    ] = False,
    network: Annotated[
        str | None,
        typer.Option(
            "--network",
            metavar="DIR",
            help="With --dry-run: the network's directory, or its name, so that no broker is needed; the applied network if"
            " left out.",
        ),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Publish a file that a council's own system has exported, to the council's outbox.

    The network's own rules are applied to each line before it is sent. A line that cannot be put right is listed with its
    column and the reason, and the others go on. When you publish the same file again, only changed lines are sent, as
    corrections. So after an interruption, run the same command again.

    Exit code: 0 when every line is fine, 1 when you have to put a line right or something failed, 2 for wrong usage.

    Examples: instep publish moves.csv --authority leeds --wait · instep publish export.csv -a leeds --mapping ours.toml ·
    instep publish registrations.json -a leeds --format fsa-json -o json · instep publish moves.csv -a leeds --dry-run
    --network uk
    """
    from instep.cli.publish import Request, publish_file

    if network is not None and not dry_run:
        raise typer.BadParameter(
            "--network goes with --dry-run: an event is published to the applied network."
        )
    if wait and dry_run:
        raise typer.BadParameter("--wait does not go with --dry-run: nothing is sent that could be answered.")
    request = Request(
        file=file,
        authority=authority,
        format=format.value if format else None,
        mapping=mapping,
        wait=wait,
        on_behalf=on_behalf,
        output=output,
        state_directory=state_dir or Path(os.environ.get("INSTEP_STATE_DIR", ".instep")),
    )
    if dry_run:
        from instep.cli.dry_run import rehearse_file

        rehearse_file(request, network)
    else:
        publish_file(request)


class Action(StrEnum):
    """The action on refusals."""

    REDRIVE = "redrive"


def rejected(
    authority: AuthorityArgument,
    action: Annotated[
        Action | None,
        typer.Argument(
            metavar="[redrive]",
            help="Send again, unchanged, events that have become sound; with --at, --reason or --all.",
        ),
    ] = None,
    follow: FollowOption = False,
    from_beginning: FromBeginningOption = False,
    last: LastOption = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="REASON", help="Only events refused for this reason.")
    ] = None,
    counts: Annotated[
        bool,
        typer.Option(
            "--counts", help="How many events were refused for each reason, of all that are still kept."
        ),
    ] = False,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="N[-M]", help="redrive: a place in the outbox, or a range of places."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="redrive: every refused event.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="redrive: show which events would be sent, and send none.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show a council its refused events, with reasons and remedies; send again those that have become sound.

    The originals stay in the council's outbox, at the place named. If a record itself is wrong, correct it in your own
    system and publish it again. If the cause was another (the network did not know the schema, a date lay in the future, the
    event that this event corrects had not been accepted), redrive the event: today's rules are applied, and a sound event is
    sent again unchanged, in the order of the originals. A redriven event keeps its own sequence number, so it may come after
    a later event of the same subject: recipients apply an event only if it is newer.

    No event is redriven twice: the header instep-redrives of each record sent names the original. After an interruption,
    the same command goes on where it stopped.

    Exit code: 1 when an event that was to be redriven is not sent.

    Examples: instep rejected leeds · instep rejected leeds --counts · instep rejected leeds redrive --reason
    replaces-unknown --dry-run · instep rejected leeds redrive --at 120-140
    """
    from instep.cli import council_views as views
    from instep.cli.listing import Listing, Span, list_records, run

    if action is Action.REDRIVE:
        from instep.cli.redrive import redrive_refused

        redrive_refused(
            authority, at=at, reason=reason, everything=everything, dry_run=dry_run, output=output
        )
        return
    if at or everything or dry_run:
        raise typer.BadParameter(
            "--at, --all and --dry-run go with `redrive`: instep rejected leeds redrive --all"
        )
    if counts:
        from instep.cli.redrive import count_refused

        count_refused(authority, reason=reason, output=output)
        return
    listing = Listing(
        columns=views.REJECTED,
        rows=lambda item: [views.rejected_row(item)],
        objects=lambda item: [views.rejected_object(item)],
        nothing="Nothing has been refused.",
        wanted=None if reason is None else lambda item: bool(item.content.get("reason") == reason),
    )
    span = Span(follow=follow, from_beginning=from_beginning, last=last)
    run(list_records(authority, lambda at: [at.rejected()], listing, span, output))


def outcomes(
    authority: AuthorityArgument,
    follow: FollowOption = False,
    from_beginning: FromBeginningOption = False,
    last: LastOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show a council the outcome of each of its events: accepted, how often delivered, how often withheld.

    Examples: instep outcomes leeds · instep outcomes leeds --follow -o json
    """
    from instep.cli import council_views as views
    from instep.cli.listing import Listing, Span, list_records, run

    listing = Listing(
        columns=views.OUTCOMES,
        rows=lambda item: [views.outcome_row(entry) for entry in views.outcome_objects(item)],
        objects=lambda item: list(views.outcome_objects(item)),
        nothing="There are no outcomes yet.",
    )
    span = Span(follow=follow, from_beginning=from_beginning, last=last)
    run(list_records(authority, lambda at: [at.outcomes()], listing, span, output))
