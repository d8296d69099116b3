"""Makes the Faust app of a worker (a process of a service): its settings, an agent that takes whole batches of records,
and callbacks for assignment, revocation and shutdown.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import faust

from instep.lanes.assignor import lane_assignor
from instep.lanes.batch import Batch
from instep.lanes.driver import BatchTransport, WholeBatches
from instep.lanes.settings import LaneSettings

Handler = Callable[..., Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Handlers:
    """The calls when partitions are assigned and revoked, and before the app shuts down."""

    assigned: Handler
    revoked: Handler
    shutting_down: Handler


def make_app(
    group: str,
    settings: LaneSettings,
    directory: Path,
    *,
    lanes: int,
    inputs: Sequence[str],
    accept: Callable[[Batch], None],
    handlers: Handlers,
) -> tuple[faust.App, Any]:
    """The app, and the channel whose topics the worker changes as it follows the network. Connects to nothing."""
    app = _configured(group, settings, directory)
    app.transport = BatchTransport(
        app.conf.broker_consumer, app, assignor=lane_assignor(lanes), settings=settings
    )
    app.producer_transport = app.transport
    channel = app.topic(*inputs, schema=WholeBatches())

    @app.agent(channel, name="lanes")
    async def take(stream: Any) -> None:
        async for batch in stream:
            accept(batch)

    for signal_of, handle in (
        (app.on_partitions_assigned, handlers.assigned),
        (app.on_partitions_revoked, handlers.revoked),
        (app.on_before_shutdown, handlers.shutting_down),
    ):
        cast(Any, signal_of).connect(handle)
    return app, channel


def _configured(group: str, settings: LaneSettings, directory: Path) -> faust.App:
    """An app with Faust's own settings for a worker: no tables, no web server, and topics that Faust never declares."""
    return faust.App(
        group,
        broker=[f"kafka://{server}" for server in settings.connection.bootstrap_servers.split(",")],
        agent_supervisor="mode.CrashingSupervisor",
        cython_optimizations=True,
        stream_buffer_maxsize=64,  # the items are batches
        stream_wait_empty=False,
        broker_session_timeout=settings.session_timeout,
        broker_heartbeat_interval=settings.heartbeat_interval,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        loghandlers=list(logging.root.handlers),  # Faust takes every handler away, and puts these back
        key_serializer="raw",
        value_serializer="raw",
        store="memory://",
        datadir=str(directory / "faust"),
    )
