"""Defines `instep network check | plan | apply | show | try | schema | add-authority | make-uk`: the network, as code."""

import asyncio
import json
import logging
import os
import time
from collections.abc import Coroutine
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from instep.catalogue.files import load_catalogue, schemas_directory
from instep.cli import network_try
from instep.cli.network_changes import show_changes
from instep.cli.network_directory import NETWORKS, applied, find
from instep.cli.network_joining import show_needs
from instep.cli.network_show import show_flows
from instep.cli.network_show import show_network as show_whole
from instep.cli.output import Bar, OutputForm, OutputOption, note, progress, show_lines
from instep.errors import InstepError
from instep.events.schema import Catalogue
from instep.local.whole_file import write_atomically
from instep.network.authorities import TIERS, Authority
from instep.network.check import check as problems_of
from instep.network.check import check_against
from instep.network.days import today_in_london
from instep.network.diagram import flowchart
from instep.network.flows import chosen
from instep.network.form import agreement_schema
from instep.network.joining import first_event, needs, with_row
from instep.network.network import load

if TYPE_CHECKING:
    from instep.kafka.connection import Connection
    from instep.provision.progress import Progress
    from instep.provision.registry_client import Registry

app = typer.Typer(
    no_args_is_help=True, help="Who takes part, and under which agreements: the network, as code."
)

Directory = Annotated[
    str,
    typer.Argument(metavar="DIR", help=f"The network's directory, or its name in {NETWORKS}/: sample, uk."),
]
AllowDelete = Annotated[
    bool,
    typer.Option(
        "--allow-delete",
        help="Delete the topics of authorities and purposes that had left by the last apply, with all that lies in them.",
    ),
]
T = TypeVar("T")


def register(root: typer.Typer) -> None:
    """Add this module's commands to `instep`."""
    network_try.register(app)
    root.add_typer(app, name="network")


@app.command("check")
def check(
    directory: Directory,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="OLD_DIR",
            help="An earlier checkout of the directory: an agreement that differs needs a new version.",
        ),
    ] = None,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Prove a network's directory sound before anybody applies it: each problem with its file and line; needs no broker.

    Exit code: 1 when there is an error.
    """
    where = find(directory)
    problems = problems_of(where, _catalogue(), _today())
    if against is not None:
        problems += check_against(where, find(against))
    errors = sum(problem.severity == "error" for problem in problems)
    if output is OutputForm.JSON:
        show_lines(map(asdict, problems))
    else:
        for problem in problems:
            typer.echo(str(problem))
    warnings = len(problems) - errors
    counts = f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}."
    note(counts if problems else "The network is sound.")
    if errors:
        raise typer.Exit(1)


@app.command("plan")
def plan(
    directory: Directory, allow_delete: AllowDelete = False, output: OutputOption = OutputForm.TABLE
) -> None:
    """Show an operator the changes that `apply` would make (+ is made, ~ becomes another, - goes); change nothing."""
    from instep.provision.apply import preview

    where = find(directory)
    connection = _connection()
    planned = _run(preview(connection, where, _catalogue(), _registry(), allow_delete=allow_delete))
    _note_unsound(connection)
    show_changes(planned, would=True, output=output)


@app.command("apply")
def apply(
    directory: Directory, allow_delete: AllowDelete = False, output: OutputOption = OutputForm.TABLE
) -> None:
    """Make the cluster match a network's directory, as an operator: topics, users and their rights, schema ids, a new
    generation.

    Schema ids come from the registry that INSTEP_REGISTRY_URL names; without a registry, the network gives them. The
    services follow a new generation within a second. Each new user's secret goes to a file of its own in INSTEP_SECRETS_DIR
    (on the local platform .instep/secrets), and no file is ever overwritten. An agreement that has changed needs a new
    version. Topics that the network does not name are listed and left alone; --allow-delete is for topics of those who left
    earlier.
    """
    from instep.provision.apply import apply as apply_network

    where = find(directory)
    with progress("checking the network") as bar:
        connection = _connection()
        applied = _run(
            apply_network(
                connection, where, _catalogue(), _shown_on(bar), _registry(), allow_delete=allow_delete
            )
        )
    _note_unsound(connection)
    show_changes(applied.plan, would=False, output=output)
    if applied.access and applied.access.users_created and output is OutputForm.TABLE:
        note(
            f"Each user's secret is a file in {connection.secrets_dir}: give it to its council, and to nobody else."
        )


@app.command("show")
def show_network(
    directory: Annotated[
        str,
        typer.Argument(metavar="[DIR]", help="A network's directory or name; the applied one if left out."),
    ] = "",
    authority: Annotated[
        str | None,
        typer.Option("--authority", metavar="A", help="Only the flows from and to this authority."),
    ] = None,
    purpose: Annotated[
        str | None, typer.Option("--purpose", metavar="P", help="Only the flows for this purpose.")
    ] = None,
    diagram: Annotated[
        bool,
        typer.Option(
            "--diagram", help="Print a Mermaid flowchart of the flows, for GitHub and many wikis to draw."
        ),
    ] = False,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Show anybody who takes part, under which agreements, and who shares which fields with whom.

    Shows a directory, or the applied network if DIR is left out.
    """
    network = load(find(directory)) if directory else applied()
    today = _today()
    flows = chosen(network, today, authority, purpose)
    if diagram:
        for line in flowchart(flows):
            typer.echo(line)
    elif authority or purpose:
        show_flows(flows, output)
    else:
        show_whole(network, flows, output)


@app.command("schema")
def schema() -> None:
    """Print the form of an agreement as a JSON Schema, for the editors of those who write agreements.

    `#:schema FILE` at the head of an agreement names the schema to an editor.
    """
    typer.echo(json.dumps(agreement_schema(_catalogue().events), indent=2, ensure_ascii=False))


@app.command("add-authority")
def add_authority(
    directory: Directory,
    authority: Annotated[
        str, typer.Argument(metavar="AUTHORITY", help="Its id: lower-case letters, digits, hyphens.")
    ],
    name: Annotated[str, typer.Option("--name", help="Its full name.")],
    gss: Annotated[str, typer.Option("--gss", help="The code of its area, such as E08000035.")],
    tier: Annotated[str, typer.Option("--tier", help=f"One of {', '.join(TIERS)}.")],
    parent: Annotated[str | None, typer.Option("--parent", help="The county above a district.")] = None,
    valid_from: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="Its first day; today if left out."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the needs of the newcomer; change nothing.")
    ] = False,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Add an authority to a network's directory, and list its needs: topics, users, secrets, settings, a first event.

    Nothing flows to or from the authority before an agreement names it, it has approved the agreement, and the network is
    applied.
    """
    where = find(directory)
    now = datetime.now(UTC)
    newcomer = Authority(
        id=authority,
        name=name,
        gss=gss,
        tier=tier,
        parent=parent,
        valid_from=valid_from.date() if valid_from else _today(),
    )
    file = where / "authorities.csv"
    longer = with_row(file.read_text(encoding="utf-8"), newcomer)
    network = load(where)
    joined = replace(network, authorities={**network.authorities, authority: newcomer})
    if not dry_run:
        write_atomically(file, longer)
    show_needs(needs(joined, authority), first_event(newcomer, now), _secrets(), output)
    note(
        f"{file} {'would get' if dry_run else 'has'} one more line; next: instep network plan {directory}, then apply."
    )


@app.command("make-uk")
def make_uk(
    source: Annotated[Path, typer.Option("--source", help="Facts about councils.")] = NETWORKS / "uk-source",
    target: Annotated[Path, typer.Option("--target", help="The directory that is made.")] = NETWORKS / "uk",
) -> None:
    """Make the national network's directory anew from facts about councils, for maintainers of Instep."""
    from instep.network.uk import make_uk as make

    make(source, target)
    note(f"{target} is made from {source}.")


def _counted(number: int, noun: str) -> str:
    """`1 error`, `0 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _note_unsound(connection: "Connection") -> None:
    from instep.kafka.soundness import unsound

    if reason := _run(unsound(connection)):
        note(reason)


def _shown_on(bar: Bar) -> "Progress":
    return lambda doing, done, total: bar.update(description=doing, done=done, total=total)


def _secrets() -> Path | None:
    """The directory of new users' secrets; None where unknown, as without a broker."""
    try:
        return _connection().secrets_dir
    except InstepError:
        return None


def _connection() -> "Connection":
    from instep.kafka.connection import from_env

    return from_env(os.environ)


def _registry() -> "Registry":
    from instep.provision.registry_client import from_env

    return from_env(os.environ)


def _catalogue() -> Catalogue:
    return load_catalogue(schemas_directory(os.environ))


def _run(work: Coroutine[Any, Any, T]) -> T:
    # aiokafka logs errors that it also raises, and leaves futures of a fenced producer to asyncio's log. Our one sentence is
    # enough.
    for library in ("aiokafka", "asyncio"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    return asyncio.run(work)


def _today() -> date:
    """The day in London."""
    return today_in_london(time.time_ns() // 1_000_000)
