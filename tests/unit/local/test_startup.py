"""A starting broker: what its log says of how far it is, and how long it is waited for."""

from pathlib import Path

import pytest

from instep.local.startup import AT_MOST_S, LogProgress, Startup, heard

RECOVERING = (
    "2026-11-28T02:44:43.375Z [loader] INFO kafka.log.LogManager - Recovering 2200 logs from /srv/data since no clean"
    " shutdown file was found\n"
)
STARTED = (
    "2026-11-28T02:48:12.993Z [main] INFO kafka.server.KafkaRaftServer - [KafkaRaftServer nodeId=1]"
    " Kafka Server started\n"
)


def completed(done: int, total: int = 2200) -> str:
    return (
        "2026-11-28T02:44:43.408Z [log-recovery] INFO kafka.log.LogManager - Completed load of Log(dir=/srv/data/t1-0, "
        "topicId=Qf48pBDaSB-9s_zgJ1nauw, topic=t1, partition=0, highWatermark=0, lastStableOffset=0, logStartOffset=0, "
        "logEndOffset=6) with 1 segments, local-log-start-offset 0 and log-end-offset 6 in 23ms"
        f" ({done}/{total} completed in /srv/data)\n"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", LogProgress()),
        (RECOVERING, LogProgress(total=2200, recovers=True)),
        (RECOVERING + completed(1) + completed(2), LogProgress(loaded=2, total=2200, recovers=True)),
        (completed(7, 9), LogProgress(loaded=7, total=9)),
        (completed(9, 9) + STARTED, LogProgress(loaded=9, total=9, started=True)),
        ("Exit (1/2 of them)\n", LogProgress()),
    ],
)
def test_a_log_tells_how_many_logs_are_loaded(text: str, said: LogProgress) -> None:
    assert heard(LogProgress(), text) == said


def test_two_threads_may_tell_in_another_order_and_the_count_never_falls() -> None:
    said = heard(heard(LogProgress(), RECOVERING + completed(4) + completed(3)), completed(2))
    assert (said.loaded, said.total) == (4, 2200)


class Watched:
    """A startup of a log that a test writes, by a clock that it sets."""

    def __init__(self, directory: Path) -> None:
        self.log = directory / "broker.log"
        self.log.write_text("of an earlier start (9/9 completed in /srv/data)\n")
        self.now = 0.0
        self.told: list[tuple[str, int, int]] = []
        self.startup = Startup(
            self.log,
            self.log.stat().st_size,
            quiet_s=60.0,
            progress=lambda text, done=0, total=0: self.told.append((text, done, total)),
            clock=lambda: self.now,
        )

    def at(self, now: float, text: str = "") -> bool:
        """Whether it is overdue at a time, when the log has just gone on with a text."""
        self.now = now
        with self.log.open("a") as file:
            file.write(text)
        self.startup.look()
        return self.startup.overdue


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_a_broker_is_waited_for_as_long_as_its_log_goes_on(watched: Watched) -> None:
    assert not any(watched.at(50.0 * turn, completed(turn)) for turn in range(1, 40))
    assert not watched.at(39 * 50.0 + 60.0)
    assert watched.at(39 * 50.0 + 60.1)


def test_once_started_what_it_logs_is_no_progress(watched: Watched) -> None:
    assert not watched.at(10.0, STARTED)
    assert not watched.at(69.0, "Failed authentication with /127.0.0.1\n")
    assert watched.at(70.1, "Failed authentication with /127.0.0.1\n")


def test_no_start_is_waited_for_without_end(watched: Watched) -> None:
    times = range(0, int(AT_MOST_S), 50)
    assert not any(watched.at(float(now), "Still at work\n") for now in times)
    assert watched.at(AT_MOST_S + 1, "Still at work\n")


def test_the_count_is_shown_from_its_beginning(watched: Watched) -> None:
    watched.at(1.0, RECOVERING)
    watched.at(2.0, completed(1) + completed(2) + completed(3)[:-20])
    watched.at(3.0, completed(3)[-20:])
    (text,) = {text for text, _, _ in watched.told}
    assert "not ended in order" in text
    assert [(done, total) for _, done, total in watched.told] == [(0, 2200), (2, 2200), (3, 2200)]


def test_a_line_that_is_half_written_is_read_when_it_is_whole(watched: Watched) -> None:
    line = completed(12)
    watched.at(1.0, line[:-30])
    assert watched.told == []
    watched.at(2.0, line[-30:])
    assert watched.told[-1][1:] == (12, 2200)
