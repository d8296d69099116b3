"""Options shared by several commands of a council."""

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from instep.cli.output import FileFormat


class Wanted(StrEnum):
    """What is done about published records that the file does not hold."""

    LIST = "list"
    ANNUL = "annul"


AuthorityArgument = Annotated[
    str, typer.Argument(metavar="AUTHORITY", help="The council, by id or full name: leeds.")
]
FollowOption = Annotated[
    bool,
    typer.Option("--follow", "-f", help="Go on showing new records as they come; Ctrl-C ends the command."),
]
FromBeginningOption = Annotated[
    bool,
    typer.Option(
        "--from-beginning", help="Show every record that is still kept (35 days), not only the last."
    ),
]
StateDirOption = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        help="Where publishing keeps its memory; INSTEP_STATE_DIR or your own data directory if left out.",
    ),
]
LastOption = Annotated[
    int | None,
    typer.Option(
        "--last", "-n", min=1, metavar="N", help="How many of the last rows to show; 20 if left out."
    ),
]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no day: write 2026-11-01.") from None


SinceOption = Annotated[
    date | None,
    typer.Option(
        "--since", parser=_day, metavar="DATE", help="Only records received on this day in London or later."
    ),
]
UntilOption = Annotated[
    date | None,
    typer.Option(
        "--until", parser=_day, metavar="DATE", help="Only records received on this day in London or before."
    ),
]

AnswerFormatOption = Annotated[
    FileFormat | None,
    typer.Option(
        "--format",
        help="Write a file of all that is kept, or of the days asked for: csv, xlsx, or jsonl, a JSON object a line. By"
        " the name of --to if left out.",
    ),
]
ToOption = Annotated[
    Path | None,
    typer.Option(
        "--to", metavar="FILE", help="The file to write; stdout if left out. No file is overwritten."
    ),
]
