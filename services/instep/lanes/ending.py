"""Ends a worker's process without an orderly shutdown: after an unexpected error, or when the shutdown takes too long."""

import os
import sys
import threading
import traceback
from typing import NoReturn

import structlog

from instep.errors import InstepError

EXIT_FAILED = 70
"""The exit code after which a supervisor starts the worker again."""

_log = structlog.get_logger("instep.worker")


def fail(error: BaseException) -> NoReturn:
    """End the process at once; what is uncommitted is aborted by the next claim, and a supervisor starts the worker again.

    The log quotes only our own errors: the message of any other error may hold content of an event.
    """
    where = "".join(traceback.format_tb(error.__traceback__))
    problem = str(error) if isinstance(error, InstepError) else ""
    _log.critical("stopping on the unexpected", error=type(error).__name__, problem=problem, where=where)
    sys.stderr.flush()
    os._exit(EXIT_FAILED)


def end_within(seconds: float, code: int) -> None:
    """End the process after so many seconds, even if the broker does not answer the shutdown: the next claim needs none."""
    timer = threading.Timer(seconds, os._exit, (code,))
    timer.daemon = True
    timer.start()
