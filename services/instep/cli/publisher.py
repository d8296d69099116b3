"""Defines `instep publisher show | export | import | release`: the memory and the secret of `instep publish`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from instep.cli.options import StateDirOption
from instep.cli.output import OutputForm, OutputOption
from instep.cli.release import release


def register(app: typer.Typer) -> None:
    """Add this module's commands to `instep`."""
    publisher = typer.Typer(
        help="The memory and the secret of `instep publish`: where they are, and how to move them.",
        no_args_is_help=True,
    )
    publisher.command("show")(show_memories)
    publisher.command("export")(export_memory)
    publisher.command("import")(import_memory)
    publisher.command("release")(release)
    app.add_typer(publisher, name="publisher")


def show_memories(
    authority: Annotated[
        str | None, typer.Option("--authority", "-a", help="Only this council, by its id: leeds.")
    ] = None,
    state_dir: StateDirOption = None,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Show where the memories and secrets of councils lie: a directory for each network's cluster and council.

    The key is the name of the secret; it travels with each event that `instep publish` makes. Keep a copy of the
    directory, or a file of `instep publisher export`.

    Examples: instep publisher show · instep publisher show --authority leeds -o json
    """
    from instep.cli.publisher_files import show_all
    from instep.client.memory_place import place

    show_all(place(state_dir, os.environ), authority, output)


def export_memory(
    file: Annotated[
        Path, typer.Argument(help="The sealed file to write. No file is overwritten.", dir_okay=False)
    ],
    authority: Annotated[str, typer.Option("--authority", "-a", help="The council, by its id: leeds.")],
    network: Annotated[
        str | None, typer.Option("--network", help="The network, where there are memories of several.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option("--cluster", help="The id of the cluster, where a network has had several.")
    ] = None,
    state_dir: StateDirOption = None,
) -> None:
    """Write a council's memory and secret to a file, sealed with a passphrase: to move them, or as a backup.

    The passphrase is asked for, or read from the file that INSTEP_PASSPHRASE_FILE names. Send the passphrase another way
    than the file. After a move, publish from the new place alone.

    Examples: instep publisher export leeds.sealed --authority leeds
    """
    from instep.cli.publisher_files import MemoryChoice, export_to
    from instep.client.memory_place import place

    choice = MemoryChoice(authority=authority, network=network, cluster=cluster)
    export_to(file, choice, place(state_dir, os.environ))


def import_memory(
    file: Annotated[Path, typer.Argument(help="A file of `instep publisher export`.", dir_okay=False)],
    state_dir: StateDirOption = None,
) -> None:
    """Put a council's memory and secret from a sealed file into their place on this machine, for this user.

    Where a memory is there already, nothing is changed. After an interruption, run the same command again.

    Examples: instep publisher import leeds.sealed
    """
    from instep.cli.publisher_files import import_from
    from instep.client.memory_place import place

    import_from(file, place(state_dir, os.environ))
