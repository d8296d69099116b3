"""`instep run SERVICE`: one processor, as production runs it."""

import sys
from importlib import import_module
from typing import Annotated

import typer

from instep.network.services import SERVICES
from instep.network.services import service as service_named

_PORTS = ", ".join(f"{service.name} ({service.port})" for service in SERVICES.values())


def register(app: typer.Typer) -> None:
    """Add this module's command to `instep`."""
    app.command("run")(run)


def run(
    service: Annotated[str, typer.Argument(help=f"Which service to run, and its port: {_PORTS}.")],
    supervised: Annotated[
        bool,
        typer.Option(
            "--supervised",
            help="Start it again when it ends by itself: after 0.5 s, each time later, up to 30 s. For where neither"
            " systemd nor an orchestrator does that.",
        ),
    ] = False,
) -> None:
    """Run one worker of a service until it is told to stop (Ctrl-C or SIGTERM).

    Run as many as you like: they share the lanes out among themselves, and one that dies is made up for by the others.
    Settings are INSTEP_… variables: INSTEP_BOOTSTRAP_SERVERS, INSTEP_SASL_USERNAME, INSTEP_SASL_PASSWORD_FILE,
    INSTEP_SSL_CA_FILE (without them what `instep up` left in .instep, as the service's own user), INSTEP_STATE_DIR,
    INSTEP_MANAGEMENT_PORT for /healthy, /ready and /metrics. deploy/settings.md lists every setting.
    """
    module = f"instep.{service_named(service).name}.app"
    if supervised:
        from instep.service.logs import configure_logs
        from instep.service.supervisor import Supervisor

        configure_logs(damped=False)  # `Restarts` spaces what the supervisor says
        raise typer.Exit(Supervisor([sys.executable, sys.argv[0], "run", service]).run())
    import_module(module).main()
