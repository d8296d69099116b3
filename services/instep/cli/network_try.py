"""Defines `instep network try`: who would be told what before and after a change of agreements."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from instep.catalogue.files import load_catalogue, schemas_directory
from instep.cli.network_directory import applied, find
from instep.cli.output import OutputForm, OutputOption
from instep.errors import NetworkError
from instep.network import everyday
from instep.network.days import today_in_london
from instep.network.network import load


def register(network: typer.Typer) -> None:
    """Add this module's command to `instep network`."""
    network.command("try")(try_on)


def try_on(
    directory: Annotated[
        str, typer.Argument(metavar="PROPOSED_DIR", help="The directory with the change, or its name.")
    ],
    file: Annotated[
        Path, typer.Option("--on", metavar="FILE", help="A file of events, as instep publish takes it.")
    ],
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="OLD_DIR",
            help="The directory without the change; the applied network if left out.",
        ),
    ] = None,
    authority: Annotated[
        str | None,
        typer.Option(
            "--authority",
            metavar="A",
            help="Who publishes the file; the council of each new address if left out.",
        ),
    ] = None,
    format: Annotated[  # noqa: A002 -- the option's name
        str | None, typer.Option("--format", help="The file's format; told by its name if left out.")
    ] = None,
    day: Annotated[
        str | None,
        typer.Option("--day", help="The day on which the events would be decided; today if left out."),
    ] = None,
    as_signed: Annotated[
        bool,
        typer.Option("--signed", help="Show what follows once every party of PROPOSED_DIR has approved."),
    ] = False,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Show who would be told what before and after a change of agreements, on a file of events; nothing is sent.

    The router's own rules decide each line, as a new event, under both networks. With --against no broker is needed.
    """
    from instep.cli.network_trial import TrialRequest, try_change

    if day is not None and everyday.day(day) is None:
        raise NetworkError(f"--day: {day!r} is no date such as 2027-04-01.")
    request = TrialRequest(
        file=file,
        authority=authority,
        format=format,
        day=(everyday.day(day) if day else None) or today_in_london(time.time_ns() // 1_000_000),
        as_signed=as_signed,
        output=output,
    )
    proposed = load(find(directory))
    current = load(find(against)) if against else applied()
    try_change(request, current, proposed, load_catalogue(schemas_directory(os.environ)).events)
