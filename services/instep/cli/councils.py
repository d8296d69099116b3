"""Defines `instep publish | rejected | outcomes`: the commands of a council as a source."""

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from instep.cli.options import (
    AnswerFormatOption,
    AuthorityArgument,
    FollowOption,
    FromBeginningOption,
    LastOption,
    SinceOption,
    StateDirOption,
    ToOption,
    UntilOption,
    Wanted,
)
from instep.cli.output import OutputForm, OutputOption
from instep.client.days import Days


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
    XLSX = "xlsx"
    ODS = "ods"


def publish(
    file: Annotated[
        Path,
        typer.Argument(
            help="The file, as your own system exports it; - reads standard input.", dir_okay=False
        ),
    ],
    authority: Annotated[
        str, typer.Option("--authority", "-a", help="The council that publishes, by id or full name: leeds.")
    ] = "",
    format: Annotated[  # noqa: A002 -- the option's name
        Format | None,
        typer.Option(
            "--format",
            help="jsonl: plain events, one JSON object a line. csv, xlsx, ods: moves from a council-tax system."
            " fsa-json: registrations from the FSA's service. By the file's name if left out.",
        ),
    ] = None,
    sheet: Annotated[
        str,
        typer.Option(
            "--sheet",
            help="The sheet of a workbook; the one sheet that holds moves if left out.",
            metavar="NAME",
        ),
    ] = "",
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="A TOML file that says what your own headings mean.")
    ] = None,
    suggest_mapping: Annotated[
        bool,
        typer.Option(
            "--suggest-mapping",
            help="Print a proposed mapping file for the headings of FILE, and send nothing. Read the proposal before you"
            " use it.",
        ),
    ] = False,
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
            help="Where the memory of published events and the secret lie; INSTEP_STATE_DIR or your own data directory if"
            " left out. With the memory, a changed row goes out as a correction. `instep publisher show` names the place.",
        ),
    ] = None,
    first: Annotated[
        bool,
        typer.Option(
            "--first",
            help="Publish although the network shows earlier events of yours and their secret is not here: everybody in the"
            " file goes out as a new person.",
        ),
    ] = False,
    missing: Annotated[
        Wanted | None,
        typer.Option(
            "--missing",
            help="For a full export: list the published records that the file no longer holds, or annul them. Nothing is"
            " annulled when so many are missing that the export may have been cut.",
        ),
    ] = None,
    confirm_missing: Annotated[
        int | None,
        typer.Option(
            "--confirm-missing",
            metavar="N",
            min=0,
            help="With --missing annul: annul without asking, if exactly N records are missing, however many that is.",
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
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Publish a file that a council's own system has exported, to the council's outbox.

    The network's own rules are applied to each line before it is sent. A line that cannot be put right is listed with its
    column and the reason, and the others go on. When you publish the same file again, only changed lines are sent, as
    corrections. So after an interruption, run the same command again.

    Exit code: 0 when every line is fine, 1 when you have to put a line right or something failed, 2 for wrong usage.

    Examples: instep publish moves.csv --authority leeds --wait · instep publish export.csv -a leeds --mapping ours.toml ·
    instep publish registrations.json -a leeds --format fsa-json -o json · instep publish moves.xlsx -a leeds --sheet May ·
    instep publish --suggest-mapping export.csv > ours.toml · instep publish moves.csv -a leeds --dry-run --network uk
    """
    from instep.cli.missing import MissingRequest
    from instep.cli.publish import PublishRequest, publish_file
    from instep.cli.publish_mapping import print_mapping

    if suggest_mapping:
        print_mapping(file, format.value if format else None, sheet)
        return
    if not authority:
        raise typer.BadParameter("say which council publishes", param_hint="--authority")
    if confirm_missing is not None and missing is not Wanted.ANNUL:
        raise typer.BadParameter("--confirm-missing goes with --missing annul.")
    if network is not None and not dry_run:
        raise typer.BadParameter(
            "--network goes with --dry-run: an event is published to the applied network."
        )
    if wait and dry_run:
        raise typer.BadParameter("--wait does not go with --dry-run: nothing is sent that could be answered.")
    if missing and dry_run:
        raise typer.BadParameter(
            "--missing does not go with --dry-run: --missing list changes nothing that is published."
        )
    request = PublishRequest(
        file=file,
        authority=authority,
        format=format.value if format else None,
        mapping=mapping,
        sheet=sheet,
        wait=wait,
        on_behalf=on_behalf,
        output=output,
        state_directory=state_dir,
        first=first,
        missing=MissingRequest(wanted=missing, confirmed=confirm_missing) if missing else None,
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
    since: SinceOption = None,
    until: UntilOption = None,
    format: AnswerFormatOption = None,  # noqa: A002 -- the option's name
    to: ToOption = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="REASON", help="Only events refused for this reason.")
    ] = None,
    counts: Annotated[
        bool,
        typer.Option(
            "--counts", help="How many events were refused for each reason, of all that are still kept."
        ),
    ] = False,
    redriven: Annotated[
        bool, typer.Option("--redriven", help="Show those too whose events were sent again by `redrive`.")
    ] = False,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="N[-M]", help="redrive: a place in the outbox, or a range of places."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="redrive: every refused event.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="redrive: show which events would be sent, and send none.")
    ] = False,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Show a council its refused events, with reasons and remedies; send again those that have become sound.

    The originals stay in the council's outbox, at the place named. If a record itself is wrong, correct it in your own
    system and publish it again. If the cause was another (the network did not know the schema, a date lay in the future, the
    event that this event corrects had not been accepted), redrive the event: today's rules are applied, and a sound event is
    sent again unchanged, in the order of the originals. A redriven event keeps its own sequence number, so it may come after
    a later event of the same subject: recipients apply an event only if it is newer.

    A refusal whose event was sent again is no longer listed: it was accepted, or refused again with a refusal of its own.
    No event is redriven twice: the header instep-redrives of each record sent names the original. After an interruption,
    the same command goes on where it stopped.

    Exit code: 1 when an event that was to be redriven is not sent.

    Examples: instep rejected leeds · instep rejected leeds --counts · instep rejected leeds redrive --reason
    replaces-unknown --dry-run · instep rejected leeds redrive --at 120-140 · instep rejected leeds --to refused.xlsx
    """
    from instep.cli import council_views as views
    from instep.cli.listing import Listing, Span, list_records, run
    from instep.client.redriven import Refusals

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

        count_refused(authority, reason=reason, redriven=redriven, output=output)
        return
    refusals = Refusals(reason, everything=redriven)
    days = Days(since=since, until=until)
    _one_way_out(follow, until, bool(format or to), last, output)
    if format or to:
        from instep.cli.answer_files import write_rejected

        write_rejected(authority, format, to, days, refusals)
        return
    listing = Listing(
        columns=views.REJECTED,
        rows=lambda item: [views.rejected_row(item)],
        objects=lambda item: [views.rejected_object(item)],
        nothing="Nothing has been refused, or all of it was sent again.",
        prepare=refusals.prepare,
        wanted=refusals.covers,
    )
    span = Span(follow=follow, from_beginning=from_beginning, last=last, days=days)
    run(list_records(authority, lambda at: [at.rejected()], listing, span, output))


def outcomes(
    authority: AuthorityArgument,
    follow: FollowOption = False,
    from_beginning: FromBeginningOption = False,
    last: LastOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    format: AnswerFormatOption = None,  # noqa: A002 -- the option's name
    to: ToOption = None,
    lost: Annotated[
        bool,
        typer.Option(
            "--lost",
            help="Only events that found nobody: those whose area nobody knows, and those that concern nobody here.",
        ),
    ] = False,
    state_dir: StateDirOption = None,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Show a council the outcome of each of its events: to whom it was sent, from whom withheld or withdrawn, and why.

    An event that this machine has published from a file is named with its file and line. `instep why` says more of a single
    event.

    Examples: instep outcomes leeds · instep outcomes leeds --lost · instep outcomes leeds --follow -o json ·
    instep outcomes leeds --since 2026-11-01 --to november.xlsx
    """
    from instep.cli.listing import Span
    from instep.cli.outcomes import OutcomesRequest, show_lost, show_outcomes, write_outcomes

    days = Days(since=since, until=until)
    if lost and (follow or last or days or format or to):
        raise typer.BadParameter("--lost looks at all outcomes that are kept: it goes with --output alone.")
    _one_way_out(follow, until, bool(format or to), last, output)
    request = OutcomesRequest(
        authority=authority,
        output=output,
        state_directory=state_dir,
    )
    if lost:
        show_lost(request)
    elif format or to:
        write_outcomes(request, format, to, days)
    else:
        show_outcomes(request, Span(follow=follow, from_beginning=from_beginning, last=last, days=days))


def _one_way_out(
    follow: bool, until: date | None, to_file: bool, last: int | None, output: OutputForm
) -> None:
    """Refuse options that contradict each other."""
    if follow and until:
        raise typer.BadParameter("--follow shows records to come, and --until none of them: leave one out.")
    if to_file and (follow or last or output is OutputForm.JSON):
        raise typer.BadParameter(
            "--follow, --last and --output do not go with a file: use --since and --until."
        )
