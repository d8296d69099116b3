"""A library's log of an error holds the kind and the place, and no value from a record."""

import io
import json
import logging
import time
from collections.abc import Iterator

import pytest
import structlog

from instep.service.logs import STARTING_SECONDS, configure_logs

HELD = b"Imogen \xff"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The lines of the services' own handler."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    configure_logs()
    written = io.StringIO()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(written))
    try:
        yield written
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()


def logged(lines: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


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


def test_a_librarys_line_is_written_once_a_minute_whatever_it_is_filled_with(lines: io.StringIO) -> None:
    library = logging.getLogger("aiokafka")
    for number in range(100):
        library.error("Unable connect to node with id %s: %s", number, OSError(number))
    library.error("Unable to update metadata from %s", [1])
    logging.getLogger("aiokafka.consumer").error("Unable connect to node with id %s: %s", 1, OSError())
    assert [line["event"] for line in logged(lines)] == [
        "Unable connect to node with id 0: OSError",
        "Unable to update metadata from [1]",
        "Unable connect to node with id 1: OSError",
    ]


def test_the_next_line_says_how_many_were_held_back(
    lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, library = structlog.get_logger("instep.test"), logging.getLogger("aiokafka")
    for _ in range(5):
        ours.warning("waiting for the broker", problem="it is away")
        library.error("Unable connect to node with id %s", 1)
    monkeypatch.setattr("instep.service.damping.EVERY_SECONDS", 0.0)
    ours.warning("waiting for the broker", problem="it is away still")
    library.error("Unable connect to node with id %s", 1)
    assert [line.get("held_back") for line in logged(lines)] == [None, None, 4, 4]


def test_our_own_line_about_another_lane_is_no_repetition(lines: io.StringIO) -> None:
    ours = structlog.get_logger("instep.test")
    for lane in (1, 2, 1, 2):
        ours.error("lost-records", lane=lane, problem=f"position {lane}")
    assert [line["lane"] for line in logged(lines)] == [1, 2]


def test_information_and_what_is_critical_are_never_held_back(lines: io.StringIO) -> None:
    ours, library = structlog.get_logger("instep.test"), logging.getLogger("library")
    for _ in range(3):
        ours.info("lane claimed")
        ours.critical("stopping on the unexpected")
        library.critical("crashed")
    assert [line["event"] for line in logged(lines)] == [
        "lane claimed",
        "stopping on the unexpected",
        "crashed",
    ] * 3


def test_another_kind_of_error_is_told_at_once(lines: io.StringIO) -> None:
    for error in (ValueError(HELD), ValueError("again"), KeyError("new")):
        try:
            raise error
        except (ValueError, KeyError):
            logging.getLogger("library").exception("crashed")
    assert [str(line["event"]).split("\n")[0] for line in logged(lines)] == [
        "crashed: ValueError",
        "crashed: KeyError",
    ]
    assert "Imogen" not in lines.getvalue()


def test_where_a_line_is_repeated_on_purpose_each_is_written(
    lines: io.StringIO,
) -> None:
    configure_logs(damped=False)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(lines))
    for seconds in (0.5, 1.0):
        structlog.get_logger("instep.supervisor").warning("worker ended", again_in_seconds=seconds)
    assert [line["again_in_seconds"] for line in logged(lines)] == [0.5, 1.0]


class GroupCoordinatorNotAvailableError(Exception):
    """As aiokafka's."""


def test_a_first_start_logs_no_error_while_the_cluster_makes_its_coordinator(lines: io.StringIO) -> None:
    log = logging.getLogger("aiokafka.consumer.group_coordinator")
    log.error("Group Coordinator Request failed: %s", GroupCoordinatorNotAvailableError())
    log.warning("Marking the coordinator dead (node %s)for group %s.", 1, "uk-intake")
    log.error("Group Coordinator Request failed: %s", ValueError())
    levels = [line["level"] for line in logged(lines)]
    assert levels == ["info", "info", "error"], "any other failure is one at any time"


def test_a_coordinator_that_is_not_there_after_a_minute_is_an_error(
    lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    monkeypatch.setattr("instep.service.logs.time.monotonic", lambda: began + STARTING_SECONDS + 1)
    log = logging.getLogger("aiokafka.consumer.group_coordinator")
    log.error("Group Coordinator Request failed: %s", GroupCoordinatorNotAvailableError())
    (line,) = logged(lines)
    assert line["level"] == "error"


@pytest.mark.parametrize(
    "template", ["Topic %s is not authorized for this client", "Topic %s not found in cluster metadata"]
)
def test_a_worker_that_is_started_before_its_network_says_that_it_waits_and_logs_no_error(
    lines: io.StringIO, monkeypatch: pytest.MonkeyPatch, template: str
) -> None:
    log = logging.getLogger("aiokafka.cluster")
    log.error(template, "instep.network")
    log.error(template, "leeds.outbox")
    waiting, other = logged(lines)
    assert waiting["level"] == "info"
    assert "run `instep network apply DIR`" in str(waiting["event"])
    assert other["level"] == "error", "another topic is no matter of starting"
    began = time.monotonic()
    monkeypatch.setattr("instep.service.logs.time.monotonic", lambda: began + STARTING_SECONDS + 1)
    log.error(template, "instep.network")
    assert logged(lines)[-1]["level"] == "error", "an operator has to act"
