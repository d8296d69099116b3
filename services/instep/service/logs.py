"""Logs: one JSON object a line on standard error, no personal data.

Faust and its like may print a message's body when something fails with it; they speak only from WARNING on, and we use
none of the parts that hold a body. An error's own message may hold one too (a UnicodeDecodeError holds what it could not
decode), so of the errors that they log only the kind and the place are told.

Warnings and errors that repeat are damped (`damping`); the line that is written has the number of those before it in
`held_back`. Information is written line by line: it tells of steps, each taken once. CRITICAL is never held back, for the
process ends with it.
"""

import logging
import sys
import time
import traceback
from collections.abc import Hashable, Mapping
from typing import Any

import structlog

from instep.service.damping import Damping, shape

_PLACES = ("service", "lane", "topic", "directory")
"""What one of our own lines is about: the same event of another lane is no repetition. They are few."""


def configure_logs(*, damped: bool = True) -> None:
    """Set up structlog and route the libraries' loggers through the same lines.

    `damped=False` is for whoever repeats a line on purpose, and seldom.
    """
    damping = Damping()
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *shared,
            *([_Damped(damping)] if damped else []),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    if damped:
        handler.addFilter(_DampedRecords(damping))
    handler.addFilter(_without_errors_messages)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                _add_held_back,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    # XXX: it reports each partition of a topic that is not there yet, ten times a second.
    logging.getLogger("aiokafka.cluster").setLevel(logging.ERROR)


class _Damped:
    """Damps our own lines, as a step of structlog's."""

    def __init__(self, damping: Damping) -> None:
        self._damping = damping

    def __call__(self, logger: Any, method: str, line: structlog.typing.EventDict) -> Mapping[str, Any]:
        if line["level"] not in ("warning", "error"):
            return line
        kind = ("ours", line["event"], *(line.get(place) for place in _PLACES))
        held_back = self._damping.held_back(kind, time.monotonic())
        if held_back is None:
            raise structlog.DropEvent
        return {**line, "held_back": held_back} if held_back else line


class _DampedRecords(logging.Filter):
    """Damps the lines of libraries, as a filter of the handler: Faust takes handlers away, and puts them back whole."""

    def __init__(self, damping: Damping) -> None:
        super().__init__()
        self._damping = damping

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.CRITICAL:
            return True
        held_back = self._damping.held_back(_kind_of(record), time.monotonic())
        if held_back:
            record.held_back = held_back
        return held_back is not None


def _kind_of(record: logging.LogRecord) -> Hashable:
    """The template of a record, whatever it is filled with; and the kind of error that it tells of."""
    template = record.msg if record.args else shape(record.msg)
    error = record.exc_info[0] if record.exc_info else None
    return record.name, record.levelno, str(template), error


def _add_held_back(logger: Any, method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    held_back = getattr(line["_record"], "held_back", 0)
    if held_back:
        line["held_back"] = held_back
    return line


def _without_errors_messages(record: logging.LogRecord) -> bool:
    """Leaves of each error in a record its kind, and of the one that it was logged for the place besides."""
    if isinstance(record.args, tuple):
        record.args = tuple(_kind(one) for one in record.args)
    if record.exc_info:
        _, error, where = record.exc_info
        places = "".join(traceback.format_tb(where))
        record.msg, record.args = f"{record.getMessage()}: {_kind(error)}\n{places}", None
        record.exc_info = record.exc_text = None
    return True


def _kind(one: object) -> object:
    return type(one).__name__ if isinstance(one, BaseException) else one
