"""Defines the command `instep demo`, which runs the demo (`demo/run.py`), prints the results, and fails when they do not
hold.
"""

import json
import os
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instep.cli.output import OutputForm, note, show, stderr, stdout
from instep.errors import PlatformError

if TYPE_CHECKING:
    from instep.demo.summary import Section

EXIT_DOES_NOT_HOLD = 1


class NetworkName(StrEnum):
    """The networks that the demo has data for."""

    UK = "uk"
    SAMPLE = "sample"


def register(app: typer.Typer) -> None:
    """Add this module's command to `instep`."""
    app.command("demo")(demo)


def demo(
    network: Annotated[
        NetworkName, typer.Option(help="All councils of the United Kingdom, or eleven of them.")
    ] = NetworkName.UK,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running afterwards, so that you can look around.")
    ] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="End a demo that `--keep` has left running, and do nothing else.")
    ] = False,
) -> None:
    """Show a newcomer the whole system: move invented people's records between councils over a real Kafka, and prove the
    result.

    The demo starts a Kafka and services of its own, publishes the files in deploy/demo as every council would, and reads
    each council's inbox. Then it proves that nothing is lost or leaked: every line is accepted or refused, every candidate
    is sent the event or has a reason to get none, and no inbox holds a field that no agreement shares. The demo leaves
    nothing running. The figures are also in .instep/demo.json.

    Exit code: 1 when the proof fails.
    """
    from instep.cache import cache_directory
    from instep.demo.journey import Paths
    from instep.demo.record import as_json
    from instep.demo.run import demo as run_demo
    from instep.demo.run import stop_demo
    from instep.demo.summary import HOW_TO_LOOK, sections

    directory = Path(".instep")
    if stop:
        ended = stop_demo(directory / "demo")
        typer.echo(f"Ended: {', '.join(ended)}." if ended else "Nothing was left up.")
        return
    paths = Paths(root=_root(), directory=directory / "demo", postcodes=cache_directory(os.environ))
    began = time.monotonic()
    with _steps() as show_step, run_demo(network.value, paths, show_step, keep=keep) as journey:
        journey.seconds["total"] = time.monotonic() - began
        file = directory / "demo.json"
        file.write_text(json.dumps(as_json(journey), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        for section in sections(journey):
            _print(section)
        if keep:
            _print(HOW_TO_LOOK)
    stdout().print(f"\nThe same figures are in {file}.")
    if not journey.holds:
        raise typer.Exit(EXIT_DOES_NOT_HOLD)


def _root() -> Path:
    """The repository, whose sample data and networks the demo uses."""
    root = Path(__file__).resolve().parents[3]
    if not (root / "deploy" / "demo").is_dir():
        raise PlatformError(
            "The demo runs from a clone of the repository, which has its data in deploy/demo."
        )
    return root


class _steps:  # noqa: N801 -- used as a function
    """Progress on stderr: one line a step, with how long it took; a count beside it where there is a terminal."""

    def __enter__(self) -> "_steps":
        self._began = time.monotonic()
        self._last = ""
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, text: str, done: int = 0, total: int = 0) -> None:
        """Show a step."""
        if text != self._last:
            self._last = text
            note(f"{time.monotonic() - self._began:6.1f} s  {text}")
        elif total and stderr().is_terminal:
            stderr().print(f"          {done} of {total}", end="\r")


def _print(section: "Section") -> None:
    stdout().print(f"\n{section.heading}")
    stdout().print("-" * len(section.heading))
    for line in section.before:
        stdout().print(line)
    if section.rows:
        show(OutputForm.TABLE, tuple(section.rows[0]), section.rows)
    for line in section.after:
        stdout().print(line)
