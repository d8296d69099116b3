"""Logs: one JSON object a line on standard error, no personal data.

Faust and its like may print a message's body when something fails with it; they speak only from WARNING on, and we use
none of the parts that hold a body.
"""

import logging
import sys

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
