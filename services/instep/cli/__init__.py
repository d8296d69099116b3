"""Builds and runs the `instep` command: a module for each group of commands, each with `register(app)`.

Promises:

- An error is a single sentence on stderr and exit code 1 (2 for wrong usage).
- Ctrl-C ends a command with 130 and no traceback.
- When a reader closes the pipe (`instep inbox … | head`), the command ends quietly.
- A terminal gets no control characters of anybody's data, and no encoding makes a command fail (`screen`).

A command module imports heavy libraries (aiokafka, Faust, jgo) inside its commands, so that `instep --help` stays quick.
"""

import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from instep.cli import (
    agreement,
    changes,
    councils,
    demo,
    inbox,
    lane,
    network,
    platform,
    publisher,
    run,
    schemas,
    watch,
    why,
)
from instep.cli.screen import EXIT_FAILED, complain, flushed, prepare_streams
from instep.errors import InstepError
from instep.service import stopping

# Every command module, in the order of `instep --help`: add a new one here.
COMMANDS = (
    demo,
    platform,
    network,
    agreement,
    schemas,
    councils,
    changes,
    publisher,
    watch,
    inbox,
    why,
    run,
    lane,
)

EXIT_INTERRUPTED = 130


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"instep {version('instep')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and leave.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Keeps councils' records in step: one standard event, delivered to every authority entitled to it, exactly once."""


def build() -> typer.Typer:
    """The whole command, each group registered by its own module."""
    # Plain tracebacks for bugs: typer's pretty ones print local variables, which may hold a person's record.
    app = typer.Typer(
        name="instep", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )
    app.callback()(_root)
    for module in COMMANDS:
        module.register(app)
    return app


def main() -> None:
    """Run the command line and exit with its code."""
    # SIGTERM and SIGHUP end Python at once; as an exception they let a command put away what it has half done.
    stopping.handle(_terminate, (signal.SIGTERM, *stopping.HANG_UP))
    prepare_streams()
    code = _run()
    if not flushed():
        code = EXIT_FAILED
    sys.exit(code)


def _terminate(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _run() -> int:
    try:
        build()(prog_name="instep")
    except InstepError as error:
        complain(str(error))
        return EXIT_FAILED
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("instep"):
            raise
        # The bare distribution is for councils that publish and subscribe.
        extra = "instep[services], or instep[local] for `up` and `demo`"
        complain(f"This command needs {error.name}, which comes with {extra}.")
        return EXIT_FAILED
    except BrokenPipeError:
        return EXIT_FAILED
    except OSError as error:
        # A disk that is full, a directory that may not be written: nobody's bug, and the path says it all.
        complain(f"{error.filename or 'This machine'}: {error.strerror or error}.")
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else EXIT_FAILED
    return 0
