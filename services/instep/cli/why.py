"""Defines `instep why`: the answer about a record, for its source and for a recipient."""

from typing import Annotated

import typer

from instep.cli.options import StateDirOption
from instep.cli.output import OutputForm, OutputOption
from instep.events.identifiers import uuid


def register(app: typer.Typer) -> None:
    """Add this module's command to `instep`."""
    app.command("why")(why)


def why(
    authority: Annotated[
        str, typer.Option("--authority", "-a", help="The council that asks, by id or full name: leeds.")
    ],
    reference: Annotated[
        str | None,
        typer.Option("--reference", metavar="REF", help="The record's reference in your own file."),
    ] = None,
    event: Annotated[
        str | None,
        typer.Option(
            "--event", metavar="ID", help="The event's id: of your own, or of a record that you miss."
        ),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", metavar="FILE", help="A file that you have published; with --line."),
    ] = None,
    line: Annotated[
        int | None, typer.Option("--line", metavar="N", min=1, help="The line of the row; with --file.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="COUNCIL", help="Answer for this recipient alone, by id or full name."),
    ] = None,
    system: Annotated[
        str | None,
        typer.Option(
            "--system",
            metavar="NAME",
            help="The system that numbers your records, where your events name one (`source_system`).",
        ),
    ] = None,
    state_dir: StateDirOption = None,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Say why a record has arrived or not: refused, withheld by which rule, waiting, sent where and when, not read yet.

    As the source, name your own reference, an event's id, or the file and line. As a recipient, name the id of the event:
    the answer says whether it is in your inboxes, and whether your own programs have read it. The command reads only what
    the council itself may read, and changes nothing.

    Examples: instep why --reference 4711 --authority leeds · instep why --reference 4711 -a leeds --to bradford ·
    instep why --file moves.csv --line 17 -a leeds · instep why --event 6513270e-269e-4d37-b2a7-4de452e6b438 -a bradford
    """
    if [reference is None, event is None, file is None].count(False) != 1 or (file is None) != (line is None):
        raise typer.BadParameter("Name one of --reference, --event, or --file with --line.")
    event_id = uuid(event.strip()) if event is not None else None
    if event is not None and event_id is None:
        raise typer.BadParameter(
            f"'{event}' is no id of an event: 6513270e-269e-4d37-b2a7-4de452e6b438 is one."
        )
    from instep.cli.why_answers import WhyRequest, explain_record

    explain_record(
        WhyRequest(
            authority=authority,
            reference=reference,
            event=event_id,
            file=file,
            line=line,
            to=to,
            system=system,
            state_directory=state_dir,
            output=output,
        )
    )
