"""Defines `instep watch DIR`: publishes the files that are put into a folder, and takes in filled work lists."""

from pathlib import Path
from typing import Annotated

import typer

from instep.cli.councils import Format
from instep.cli.output import OutputForm


def register(app: typer.Typer) -> None:
    """Add this module's command to `instep`."""
    app.command("watch")(watch)


def watch(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder where people put files; a share will do.")
    ],
    authority: Annotated[
        str, typer.Option("--authority", "-a", help="The council that publishes, by id or full name: leeds.")
    ],
    format: Annotated[  # noqa: A002 -- the option's name
        Format | None,
        typer.Option("--format", help="The format of all files; by each file's name if left out."),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="A TOML file that says what your own CSV headings mean.")
    ] = None,
    on_behalf: Annotated[bool, typer.Option("--on-behalf", help="As for `instep publish`.")] = False,
    every: Annotated[
        float,
        typer.Option(
            "--every",
            min=0.2,
            metavar="SECONDS",
            help="How often to look. A file is taken when two looks in a row find nothing new in it.",
        ),
    ] = 5.0,
    once: Annotated[
        bool,
        typer.Option(
            "--once",
            help="Look just as often as a file needs to be taken, deal with what is there, and end: for cron and Task"
            " Scheduler.",
        ),
    ] = False,
    work_lists: Annotated[
        bool,
        typer.Option(
            "--work-lists/--no-work-lists", help="Put a work list of each day's records into DIR/inbox."
        ),
    ] = True,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            "--state-dir",
            help="Where the memory of published events lies, as for `instep publish`. Keep it outside DIR.",
        ),
    ] = None,
) -> None:
    r"""Publish each file that is put into a folder once, and hand back what has to be corrected.

    A published file moves to DIR/done with a report. Refused rows come back in DIR/to-correct, as a file with the reasons:
    correct the rows and put that file into DIR again. The column of reasons may stay. Each day DIR/inbox gets the work
    lists of the day before, one for each purpose. A filled work list that is put into DIR is checked, and its outcomes are
    kept, as by `instep worklist check`; a list with a fault comes back in DIR/to-correct. Hidden files, links and unfinished
    copies (.part, .tmp, ~$…) stay.

    Killed or restarted, the command goes on where it stopped, and sends nothing twice. Two watchers of one folder do no
    harm. When the broker is away, the files wait.

    Exit code with --once: 0 when every file is fine, 1 when you have to correct something or something failed.

    Examples: instep watch /srv/moves --authority leeds · instep watch S:\Moves -a leeds --once
    """
    from instep.cli.publish import PublishRequest
    from instep.cli.watching import WatchOptions, watch_folder

    watch_folder(
        WatchOptions(
            folder=folder,
            publish=PublishRequest(
                file=folder,
                authority=authority,
                format=format.value if format else None,
                mapping=mapping,
                wait=False,
                on_behalf=on_behalf,
                output=OutputForm.TABLE,
                state_directory=state_dir,
            ),
            every_s=every,
            once=once,
            work_lists=work_lists,
        )
    )
