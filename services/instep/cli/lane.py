"""`instep lane`: the lanes of the services, who owns them and how far they are; and the acceptance of a gap."""

import asyncio
import getpass
import os
from typing import Annotated

import typer

from instep.cli.output import Output, OutputOption, note, show

app = typer.Typer(
    no_args_is_help=True, help="The lanes of each service: who owns them, how far they are; accept a gap."
)

ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE", help="intake or router.")]


def register(root: typer.Typer) -> None:
    """Add this module's commands to `instep`."""
    root.add_typer(app, name="lane")


@app.command("list")
def list_lanes(output: OutputOption = Output.TABLE) -> None:
    """Show every lane: its owner (host:pid), its topics, its lag, and whether records were lost to it."""
    from instep.cluster.connection import from_env
    from instep.cluster.follow import read_network
    from instep.lanes.survey import survey
    from instep.network.topics import SERVICES

    async def look() -> list[dict[str, object]]:
        connection = from_env(os.environ)
        network = await read_network(connection)
        return [
            {
                "service": view.service,
                "lane": view.lane,
                "owner": view.owner or "nobody",
                "topics": view.topics,
                "lag": view.lag,
                "lost": ", ".join(f"{lost.topic} {lost.position}..{lost.start}" for lost in view.lost),
            }
            for view in await survey(connection, network, SERVICES)
        ]

    show(output, ("service", "lane", "owner", "topics", "lag", "lost"), asyncio.run(look()))


@app.command("accept")
def accept(
    service: ServiceArgument,
    topic: Annotated[str, typer.Argument(help="The topic whose records are gone: leeds.outbox.")],
) -> None:
    """Accept that records are gone which a lane had not read: it goes on at the log's start within seconds.

    Find out first what was in them, and tell their council: its outbox is kept for 35 days. Who accepted what, and when,
    stays in the lane's changelog.
    """
    from instep.cluster.connection import from_env
    from instep.cluster.follow import read_network
    from instep.lanes.survey import LostRange, accept_lost

    async def say() -> LostRange:
        connection = from_env(os.environ)
        network = await read_network(connection)
        return await accept_lost(connection, network, service, topic, getpass.getuser())

    lost = asyncio.run(say())
    note(f"Accepted: {lost.topic} from {lost.position} to {lost.start}. The lane goes on at {lost.start}.")
