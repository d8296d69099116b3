"""Defines the commands `instep lane list | accept | settle`, by which operators look after a service's lanes.

A lane is one share of a service's partitions. `list` shows each lane's owner, lag and lost records. `accept` lets a
lane go on behind records that are gone. `settle` decides how transactions end whose end marker is missing. The work
is done in `lanes/survey.py`.
"""

import asyncio
import getpass
import os
from typing import TYPE_CHECKING, Annotated

import typer

from instep.cli.output import OutputForm, OutputOption, note, show
from instep.network.services import on_lanes

if TYPE_CHECKING:
    from aiokafka import TopicPartition

    from instep.kafka.connection import Connection
    from instep.lanes.positions import Gap
    from instep.network.network import Network

app = typer.Typer(
    no_args_is_help=True,
    help="For operators: show the lanes of each service, accept a gap, settle a transaction that hangs.",
)

ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE", help=f"{' or '.join(on_lanes())}.")]


def register(root: typer.Typer) -> None:
    """Add this module's commands to `instep`."""
    root.add_typer(app, name="lane")


async def _network() -> "tuple[Connection, Network]":
    from instep.kafka.connection import from_env
    from instep.kafka.follow import read_network

    connection = from_env(os.environ)
    return connection, await read_network(connection)


@app.command("list")
def list_lanes(output: OutputOption = OutputForm.TABLE) -> None:
    """Show operators every lane: its owner (host:pid), its topics, its lag, and any records lost to the lane."""
    from instep.lanes.survey import survey

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
            for view in await survey(connection, network, list(on_lanes()))
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
            help="Go on at the changelog's position and read the records from there again: for when somebody has set the"
            " group's offsets by hand.",
        ),
    ] = False,
) -> None:
    """Accept, as an operator, that records are gone before a lane has read them: the lane goes on behind them within
    seconds.

    Find out first which records they were, and tell their council: its outbox is kept for 35 days. The lane's changelog
    keeps who accepted which gap, and when.
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
        bool, typer.Option("--commit", help="The transactions were committed: readers see their records.")
    ] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="The transactions were not committed: nobody sees their records.")
    ] = False,
    output: OutputOption = OutputForm.TABLE,
) -> None:
    """Decide, as an operator, how a lane's transactions without an end marker end (`hanging-transaction`).

    The broker cannot tell how such transactions ended. Without --commit or --abort, the command shows where they hang.
    Commit, if the lane's log says "lane claimed", or no fault after the records were written. Abort, if the lane's worker
    ended or was fenced while it wrote them: then the lane reads the same input again. The lane's changelog keeps who
    decided, how, and when.
    """
    from instep.lanes.settlement import Marker
    from instep.lanes.survey import hanging_of, settle_lane

    if commit and abort:
        raise typer.BadParameter("Choose one of --commit and --abort.")
    ending = Marker.COMMIT if commit else Marker.ABORT if abort else None

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
        note(f"Say --commit or --abort: `instep lane settle --help` says how to decide. Lane {lane} waits.")
    else:
        note(f"Lane {lane} of {service} ends these by {ending} within seconds.")
