"""Defines the command `instep run SERVICE`, which runs one process of a service (a worker) as production does."""

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from instep.network.services import SERVICES, Service
from instep.network.services import service as service_named

_PORTS = ", ".join(f"{service.name} ({service.port})" for service in SERVICES.values())


def register(app: typer.Typer) -> None:
    """Add this module's command to `instep`."""
    app.command("run")(run)


def run(
    service: Annotated[
        str, typer.Argument(help=f"The service to run; in brackets its default port: {_PORTS}.")
    ],
    supervised: Annotated[
        bool,
        typer.Option(
            "--supervised",
            help="Start the worker again when it ends by itself: after 0.5 s, each time later, up to 30 s. For machines"
            " where neither systemd nor an orchestrator does so.",
        ),
    ] = False,
) -> None:
    """Run a worker of a service, for operators, until Ctrl-C or SIGTERM stops the worker.

    Run as many workers as you like: on the local platform each further worker takes a free port, which `instep status`
    shows. The workers share the lanes out among themselves, and take over the lanes of a worker that
    dies. Settings are INSTEP_… variables: INSTEP_BOOTSTRAP_SERVERS, INSTEP_SASL_USERNAME, INSTEP_SASL_PASSWORD_FILE and
    INSTEP_SSL_CA_FILE (without them, the local platform of `instep up`, as the service's own user), INSTEP_STATE_DIR, and
    INSTEP_MANAGEMENT_PORT for /healthy, /ready and /metrics. deploy/settings.md lists every setting.
    """
    module = f"instep.{service_named(service).name}.app"
    if supervised:
        from instep.service.logs import configure_logs
        from instep.service.supervisor import Supervisor

        configure_logs(damped=False)  # `Restarts` spaces what the supervisor says
        raise typer.Exit(Supervisor([sys.executable, *_own_command(), "run", service]).run())
    _make_room(service_named(service))
    with _shown_in_status(service_named(service)):
        import_module(module).main()


def _own_command() -> list[str]:
    """The arguments with which Python runs this command again."""
    own = Path(sys.argv[0])
    return ["-m", "instep"] if own.name == "__main__.py" else [str(own)]


def _make_room(service: Service) -> None:
    """Let a further worker on the local platform answer on a free port, where nobody has chosen the port.

    On a cluster of the user's own, whoever scrapes the worker has to know its port: there, a port in use is an error.
    """
    if {"INSTEP_MANAGEMENT_PORT", "INSTEP_MANAGEMENT_HOST", "INSTEP_BOOTSTRAP_SERVERS"} & os.environ.keys():
        return
    try:
        from instep.local.ports import free_ports, is_free
    except ModuleNotFoundError:  # production has no local platform
        return
    if not is_free(service.port):
        (port,) = free_ports(1)
        os.environ["INSTEP_MANAGEMENT_PORT"] = str(port)


def _shown_in_status(service: Service) -> AbstractContextManager[None]:
    """Let `instep status` show this worker, where the local platform is installed."""
    from instep.service.settings import number

    try:
        from instep.local.workers import registered
    except ModuleNotFoundError:  # production has no local platform
        return nullcontext()
    port = number(os.environ, "INSTEP_MANAGEMENT_PORT", int, service.port, 0, 65535)
    return registered(os.environ, service.name, port or None)
