"""Runs a worker, one process of a service with lanes, and sets the exit code with which the process ends.

- On SIGTERM, SIGINT or SIGHUP the worker releases its lanes, and the process ends with 0.
- On an unexpected error the process ends at once with EXIT_FAILED, and a supervisor starts it again. The next claim
  of each lane aborts the transaction that was open.
- Where settings cannot be used, `run` raises ConfigurationError before the worker begins.

The watchdog (`service/health.py`) also ends a process without progress.
"""

import asyncio
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import uvloop
from faust.worker import Worker as FaustWorker
from mode import Worker as ModeWorker
from prometheus_client import CollectorRegistry

from instep.errors import ConfigurationError
from instep.kafka.record_parser import install_record_parser
from instep.lanes.ending import EXIT_FAILED, fail
from instep.lanes.processor import Processor
from instep.lanes.settings import LaneSettings
from instep.lanes.versions import check_versions
from instep.lanes.worker import Worker
from instep.service import stopping
from instep.service.logs import configure_logs


def run(make_processor: Callable[[CollectorRegistry], Processor], settings: LaneSettings) -> NoReturn:
    """Run one worker until SIGTERM, SIGINT or SIGHUP."""
    check_versions()
    configure_logs()
    install_record_parser()
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # mode would open a debugger
    # mode hears SIGTERM and SIGINT alone.
    stopping.handle(lambda *_: signal.raise_signal(signal.SIGTERM), stopping.HANG_UP)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    registry = CollectorRegistry()
    worker = Worker(make_processor(registry), settings, registry)
    try:
        app = loop.run_until_complete(worker.prepare())
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001  # the broker may have gone in the middle: another start may find it again
        fail(error)
    faust_worker = FaustWorker(
        app, loop=loop, loglevel="WARN", redirect_stdouts=False, logging_config=_NO_CHANGE
    )
    faust_worker.spinner = None
    execute(faust_worker)


def execute(worker: ModeWorker) -> NoReturn:
    """Run Faust's worker to its end.

    mode ends a crash with 1. Here 1 is the code for settings, after which no supervisor starts the worker again.
    """
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        sys.exit(EXIT_FAILED if end.code else 0)


_NO_CHANGE: dict[str, Any] = {"version": 1, "incremental": True, "disable_existing_loggers": False}
"""Faust would install its own log handlers; ours stay."""
