"""A watched folder on a real Kafka: watchers are killed, or pay no regard to locks, and every file is published once."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka.stage import Stage, opened, sample
from tests.kafka.test_publish import INSTEP, environ, instep, row, write
from tests.watching.ordeal import Ordeal

FILES, KILLS = 30, 4
"""`python -m tests.watching` has the long form."""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """The sample network with its services up."""
    with opened(tmp_path, sample(tmp_path), "intake", "router") as opened_stage:
        yield opened_stage


@pytest.mark.parametrize("blind", [False, True], ids=["with locks", "where locks do not hold"])
def test_two_watchers_that_are_killed_publish_every_file_once(
    stage: Stage, tmp_path: Path, blind: bool
) -> None:
    ordeal = Ordeal(connection=stage.connection, home=tmp_path, files=FILES, kills=KILLS, blind=blind)
    ordeal.run()
    ordeal.judge_folders()
    asyncio.run(stage.bus(60.0))
    asyncio.run(ordeal.judge_topics())


def test_watch_ends_in_order_and_once_hands_back_rows_and_fills_the_inbox(
    stage: Stage, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    options = ("watch", folder, "-a", "lambeth", "--every", "0.2")
    watching = subprocess.Popen(
        [INSTEP, *map(str, options)],
        env=environ(stage.connection, tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    )
    write(folder / "moves.csv", [row(1)])
    until = time.monotonic() + 60
    while not list((folder / "done").glob("*/moves.csv")) and time.monotonic() < until:
        time.sleep(0.1)
    watching.send_signal(signal.SIGTERM)
    said, _ = watching.communicate(timeout=30)
    assert watching.returncode == 128 + signal.SIGTERM
    assert "moves.csv: 1 line: 1 published" in said
    assert "nothing is sent twice" in said.splitlines()[-1]

    write(folder / "moves.csv", [row(1), row(2, move_date="31/02/2026")])
    once = instep(stage.connection, tmp_path, *options, "--once")
    assert once.returncode == 1, once.stderr
    (back,) = (folder / "to-correct").glob("*/moves.csv")
    mended = back.read_text("utf-8-sig").replace("31/02/2026", "01/09/2026")
    (folder / "moves.csv").write_text(mended, encoding="utf-8")
    once = instep(stage.connection, tmp_path, *options, "--once")
    assert once.returncode == 0, once.stdout + once.stderr
    assert "1 line: 1 published" in once.stdout
    assert len(list((folder / "done").glob("*/moves.csv"))) == 3
    assert list((folder / "inbox").iterdir()) == []
