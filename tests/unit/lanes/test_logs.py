"""What a library logs of an error: its kind and its place, and nothing that it may have been holding."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from instep.lanes.logs import configure_logs

HELD = b"Imogen \xff"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the services' own handler writes."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    configure_logs()
    written = io.StringIO()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    try:
        yield written
    finally:
        root.handlers, root.level = handlers, level


def test_an_errors_message_is_left_out_wherever_a_library_puts_it(lines: io.StringIO) -> None:
    try:
        HELD.decode()
    except UnicodeDecodeError as error:
        logging.getLogger("library").exception("crashed with %r, %s", error, error)
    line = json.loads(lines.getvalue())
    assert "Imogen" not in lines.getvalue()
    assert line["event"].startswith(
        "crashed with 'UnicodeDecodeError', UnicodeDecodeError: UnicodeDecodeError\n"
    )
    assert "test_logs.py" in line["event"]
    assert (line["level"], line["logger"]) == ("error", "library")


def test_other_lines_are_as_they_were_written(lines: io.StringIO) -> None:
    logging.getLogger("library").warning("lane %d of %s", 3, "leeds")
    assert json.loads(lines.getvalue())["event"] == "lane 3 of leeds"
