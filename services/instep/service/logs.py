"""Writes logs: one JSON object a line on standard error, no personal data.

Libraries such as Faust may print a record's value when something fails. So libraries log from WARNING on only, and we use
none of their parts that print a value. An error's own message may hold a value too: a UnicodeDecodeError holds the bytes
that could not be decoded. So of an error that a library logs, the line names the kind and the place, and drops the message.

Warnings and errors that repeat are left out for a while (the module `damping`). The next written line says in
`held_back` how many were left out. Information is written line by line, since each step is taken once. A CRITICAL
line is always written, for the process ends there.
"""

import logging
import sys
import time
import traceback
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import structlog

from instep.network.topics import NETWORK
from instep.service.damping import Damping, shape

_PLACES = ("service", "lane", "topic", "directory")
"""The fields that tell lines of our own apart: the same event of another lane is no repetition. Their values are few."""

STARTING_SECONDS = 60.0
"""How long a new cluster may take to make its groups' coordinator, and its operator to apply a network."""
_COORDINATOR = "aiokafka.consumer.group_coordinator"
_NOT_YET = frozenset({"GroupCoordinatorNotAvailableError", "CoordinatorNotAvailableError"})
_CLUSTER = "aiokafka.cluster"
_NO_TOPIC = frozenset(
    {"Topic %s is not authorized for this client", "Topic %s not found in cluster metadata"}
)
_NO_NETWORK = (
    f"waiting for a network: there is no {NETWORK}, or none that this user may read:"
    " run `instep network apply DIR`"
)


def configure_logs(*, damped: bool = True) -> None:
    """Set up structlog and route the libraries' loggers through the same lines.

    `damped=False` is for a caller that repeats a line on purpose, and seldom.
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
    _route_libraries(shared, damping if damped else None)


def _route_libraries(shared: Sequence[structlog.typing.Processor], damping: Damping | None) -> None:
    """Write the libraries' records, from WARNING on, as lines of the same form; None damps none of them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Starting(time.monotonic()))
    if damping is not None:
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
    # XXX: aiokafka reports each partition of a topic that is not there yet, ten times a second.
    logging.getLogger(_CLUSTER).setLevel(logging.ERROR)


class _Damped:
    """Damps our own lines, as a step of structlog's."""

    def __init__(self, damping: Damping) -> None:
        self._damping = damping

    def __call__(self, logger: Any, method: str, line: structlog.typing.EventDict) -> Mapping[str, Any]:
        if line["level"] not in ("warning", "error"):
            return line
        kind = ("ours", line["event"], *(line.get(place) for place in _PLACES))
        left_out = self._damping.left_out(kind, time.monotonic())
        if left_out is None:
            raise structlog.DropEvent
        return {**line, "held_back": left_out} if left_out else line


class _DampedRecords(logging.Filter):
    """Damps the lines of libraries. A filter of the handler, since Faust takes handlers away and puts them back whole."""

    def __init__(self, damping: Damping) -> None:
        super().__init__()
        self._damping = damping

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.CRITICAL:
            return True
        left_out = self._damping.left_out(_kind_of(record), time.monotonic())
        if left_out:
            record.held_back = left_out
        return left_out is not None


class _Starting(logging.Filter):
    """Makes information of what aiokafka calls an error while a process starts, and what is none.

    A cluster without groups makes the topic of their offsets when the first worker asks for its coordinator. Until the
    coordinator is there, aiokafka asks again. A worker may also be started before its network is applied, and waits.
    Whatever lasts longer stays an error.
    """

    def __init__(self, began: float) -> None:
        super().__init__()
        self._began = began

    def filter(self, record: logging.LogRecord) -> bool:
        is_early = time.monotonic() - self._began < STARTING_SECONDS
        lacks_network = record.name == _CLUSTER and record.msg in _NO_TOPIC and record.args == (NETWORK,)
        if is_early and (lacks_network or (record.name == _COORDINATOR and _is_awaiting(record))):
            record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        if is_early and lacks_network:
            record.msg, record.args = _NO_NETWORK, None
        return True


def _is_awaiting(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    arguments = record.args if isinstance(record.args, tuple) else ()
    return message.startswith("Marking the coordinator dead") or (
        message.startswith("Group Coordinator Request failed")
        and any(str(_kind(argument)) in _NOT_YET for argument in arguments)
    )


def _kind_of(record: logging.LogRecord) -> Hashable:
    """The template of a record, without the values filled in, and the kind of the logged error."""
    template = record.msg if record.args else shape(record.msg)
    error = record.exc_info[0] if record.exc_info else None
    return record.name, record.levelno, str(template), error


def _add_held_back(logger: Any, method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    left_out = getattr(line["_record"], "held_back", 0)
    if left_out:
        line["held_back"] = left_out
    return line


def _without_errors_messages(record: logging.LogRecord) -> bool:
    """Reduces each error in a record to its kind; the error that the record was logged for keeps its place too."""
    if isinstance(record.args, tuple):
        record.args = tuple(_kind(argument) for argument in record.args)
    if record.exc_info:
        _, error, where = record.exc_info
        places = "".join(traceback.format_tb(where))
        record.msg, record.args = f"{record.getMessage()}: {_kind(error)}\n{places}", None
        record.exc_info = record.exc_text = None
    return True


def _kind(argument: object) -> object:
    return type(argument).__name__ if isinstance(argument, BaseException) else argument
