"""Logs: one JSON object a line on standard error, no personal data.

Faust and its like may print a message's body when something fails with it; they speak only from WARNING on, and we use
none of the parts that hold a body. An error's own message may hold one too (a UnicodeDecodeError holds what it could not
decode), so of the errors that they log only the kind and the place are told.
"""

import logging
import sys
import traceback

import structlog


def configure_logs() -> None:
    """Set up structlog and route the libraries' loggers through the same lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_without_errors_messages)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
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
