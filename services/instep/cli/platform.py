"""Defines the commands `instep up | down | status | doctor`, which start, stop, show and examine a Kafka on this machine."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instep.cli.output import OutputForm, OutputOption, note, progress, show, show_lines

if TYPE_CHECKING:
    from instep.local.progress import Progress


NOT_ON_PATH = (
    "The command `instep` is not on this terminal's PATH: write {command}, or put it there with `source .venv/bin/activate`"
    " (in Windows .venv\\Scripts\\activate)."
)


def command() -> str:
    """How this terminal can start `instep`: by its name, or by the path where the name is not on PATH."""
    from instep.local.platform import shown

    own = Path(sys.argv[0]).absolute()
    on_path = shutil.which("instep")
    return "instep" if on_path and Path(on_path).resolve() == own.resolve() else shown(own)


def register(app: typer.Typer) -> None:
    """Add this module's commands to `instep`."""
    for command in (up, down, status, doctor):
        app.command()(command)


def up(
    port: Annotated[
        int | None,
        typer.Option(
            help="Kafka's port; without it that of the last time, at first 19092; a free one when that is taken.",
            min=1,
            max=65535,
        ),
    ] = None,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Start a real Kafka on this machine, for developers and for trying Instep, and wait until Kafka answers.

    Its state lies in .instep/ of this directory, where the other commands find it, from directories below too. The first
    time, Kafka is fetched: about 45 MB, kept in the cache. Only this machine can reach Kafka, over loopback and TLS, and
    everybody signs in: the secrets are in .instep/secrets, and each command takes the secret of the council or service for
    which it speaks.
    """
    from instep.kafka.connection import home
    from instep.local.platform import Platform, shown

    platform = Platform(home(os.environ))
    with _shown_progress() as show_step:
        result = platform.up(port, show_step)
    for text in result.notes:
        note(text)
    if "INSTEP_BOOTSTRAP_SERVERS" in os.environ:
        note("INSTEP_BOOTSTRAP_SERVERS is set: the other commands go there, not to this Kafka.")
    if output is OutputForm.JSON:
        show_lines([{"bootstrap_servers": result.bootstrap_servers, "already": result.already}])
    else:
        already = " already" if result.already else ""
        typer.echo(
            f"Kafka is{already} up at {result.bootstrap_servers}; its log is {shown(platform.logs / 'broker.log')}."
            f" `{command()} down` ends it."
        )
        if command() != "instep":
            note(NOT_ON_PATH.format(command=command()))


def down(
    delete_data: Annotated[bool, typer.Option("--delete-data", help="Delete Kafka's records too.")] = False,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """End the Kafka that `instep up` has started in this directory, and nothing else; the records stay for the next time."""
    from instep.kafka.connection import home
    from instep.local.platform import Platform

    platform = Platform(home(os.environ))
    with _shown_progress() as show_step:
        ended = platform.down(show_step, delete_data)
    if output is OutputForm.JSON:
        show_lines({"ended": name} for name in ended)
    elif ended:
        typer.echo(f"Ended: {', '.join(ended)}.")
    else:
        typer.echo(f"Nothing was running in {platform.directory}.")


def status(output: OutputOption = OutputForm.TABLE) -> None:
    """Show a developer the programs of the local platform, workers in other terminals too: addresses and logs."""
    from instep.kafka.connection import home
    from instep.local.platform import Platform
    from instep.local.workers import standing

    platform = Platform(home(os.environ))
    rows = [asdict(status) for status in (*platform.status(), *standing(platform.directory))]
    show(output, ("name", "state", "pid", "address", "log"), rows)


def doctor(output: OutputOption = OutputForm.TABLE) -> None:
    """Look for anything that may keep the local platform from working, and advise the developer.

    Exit code: 1 when there is a problem.
    """
    from instep.kafka.connection import home
    from instep.local.doctor import CheckHealth, examine
    from instep.local.platform import Platform

    findings = examine(Platform(home(os.environ)))
    show(output, ("check", "health", "found", "advice"), [asdict(finding) for finding in findings])
    if any(finding.health is CheckHealth.PROBLEM for finding in findings):
        raise typer.Exit(1)


@contextmanager
def _shown_progress() -> Iterator["Progress"]:
    """A bar where there is a terminal; else a line for each step, on stderr."""
    with progress("") as bar:

        def show_step(text: str, done: int = 0, total: int = 0) -> None:
            if bar.visible:
                bar.update(description=text, total=total or None, done=done)
            elif not done:
                note(text)

        yield show_step
