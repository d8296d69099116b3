"""`instep lane`: the lanes of the services, who owns them and how far they are; what an operator accepts and decides."""

import asyncio
import getpass
import os
from typing import TYPE_CHECKING, Annotated

import typer

from instep.cli.output import Output, OutputOption, note, show

if TYPE_CHECKING:
    from aiokafka import TopicPartition

    from instep.kafka.connection import Connection
    from instep.lanes.positions import Gap
    from instep.network.network import Network

app = typer.Typer(
    no_args_is_help=True,
    help="The lanes of each service: who owns them, how far they are; accept a gap, settle a transaction that hangs.",
)

ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE", help="intake or router.")]


def register(root: typer.Typer) -> None:
    """Add this module's commands to `instep`."""
    root.add_typer(app, name="lane")


async def _network() -> "tuple[Connection, Network]":
    from instep.kafka.connection import from_env
    from instep.kafka.follow import read_network

    connection = from_env(os.environ)
    return connection, await read_network(connection)


@app.command("list")
def list_lanes(output: OutputOption = Output.TABLE) -> None:
    """Show every lane: its owner (host:pid), its topics, its lag, and whether records were lost to it."""
    from instep.lanes.survey import survey
    from instep.network.services import SERVICES

    async def look() -> list[dict[str, object]]:
        connection, network = await _network()
        return [
            {
                "service": view.service,
                "lane": view.lane,
                "owner": view.owner or "nobody",
                "topics": view.topics,
                "lag": view.lag,
                "lost": "; ".join(map(str, view.lost)),
            }
            for view in await survey(connection, network, list(SERVICES))
        ]

    show(output, ("service", "lane", "owner", "topics", "lag", "lost"), asyncio.run(look()))


@app.command("accept")
def accept(
    service: ServiceArgument,
    topic: Annotated[str, typer.Argument(help="The topic whose records are gone: leeds.outbox.")],
    repeat: Annotated[
        bool,
        typer.Option(
            "--repeat",
            help="Go on at the changelog's position and read again what follows: for when somebody has set the group's"
            " offsets by hand.",
        ),
    ] = False,
) -> None:
    """Accept that records are gone which a lane had not read: it goes on behind them within seconds.

    Find out first what was in them, and tell their council: its outbox is kept for 35 days. Who accepted what, and when,
    stays in the lane's changelog.
    """
    from instep.lanes.survey import accept_lost

    async def say() -> "list[Gap]":
        connection, network = await _network()
        return await accept_lost(connection, network, service, topic, getpass.getuser(), repeat=repeat)

    for gap in asyncio.run(say()):
        goes_on_at = gap.start if not repeat or gap.position is None else gap.position
        note(f"Accepted: {gap}. Lane {gap.partition.partition} of the topic goes on at {goes_on_at}.")


@app.command("settle")
def settle(
    service: ServiceArgument,
    lane: Annotated[int, typer.Argument(help="The lane's number, as `instep lane list` shows it.")],
    commit: Annotated[
        bool, typer.Option("--commit", help="What hangs was committed: readers shall see it.")
    ] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="What hangs was not committed: nobody shall see it.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Decide how transactions of a lane end that have no end, where the broker cannot tell (`hanging-transaction`).

    Without --commit or --abort it shows where they hang. Commit, if the lane's log says "lane claimed" or nothing of a
    fault after the records were written; abort, if its worker ended or was fenced while it wrote them: then the lane reads
    the same input again. Who decided what, and when, stays in the lane's changelog.
    """
    from instep.lanes.settlement import Ending
    from instep.lanes.survey import hanging_of, settle_lane

    if commit and abort:
        raise typer.BadParameter("Choose one of --commit and --abort.")
    ending = Ending.COMMIT if commit else Ending.ABORT if abort else None

    async def look() -> "dict[TopicPartition, int]":
        connection, network = await _network()
        hanging = await hanging_of(connection, network, service, lane)
        if hanging and ending is not None:
            await settle_lane(connection, service, lane, hanging, ending, getpass.getuser())
        return hanging

    hanging = asyncio.run(look())
    if not hanging:
        note(f"Nothing hangs where lane {lane} of {service} writes, so there is nothing to settle.")
        return
    rows = [
        {"topic": topic, "partition": number, "from_offset": stable}
        for (topic, number), stable in sorted(hanging.items())
    ]
    show(output, ("topic", "partition", "from_offset"), rows)
    if ending is None:
        note(
            f"Say --commit or --abort: `instep lane settle --help` says how to tell which. Lane {lane} waits."
        )
    else:
        note(f"Lane {lane} of {service} ends these by {ending} within seconds.")
