"""Watchers of one folder are killed while files come in; the judge compares topics and folders with the files.

Files come as people and programs bring them: written in halves, under another name first, or whole. The judge knows nothing
of the watchers: a file's rows have to be in the outbox under one id each and once in the recipient's inbox, and the file
itself once in `done`.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from instep.client.reader import Item
from instep.kafka.connection import Connection
from tests.kafka.test_publish import INSTEP, Row, environ, in_topic, row, write

EVERY_S = 0.5
ROWS = 3
BAD_EVERY = 10
"""Each tenth file has a row that is refused."""
SOURCE, INBOX = "lambeth", "camden.inbox.council-tax"


@dataclass(kw_only=True)
class Ordeal:
    """The trial: `files` files, `kills` kills spread over them, `watchers` processes; `blind`: without regard to locks."""

    connection: Connection
    home: Path
    files: int
    kills: int
    watchers: int = 2
    blind: bool = False
    seed: int = 1
    patience_s: float = 120.0
    """How long nothing may move."""
    killed: int = 0
    killed_in_the_middle: int = 0
    """Kills while a file was taken and had not come to its end."""
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self.folder = self.home / "folder"
        self.folder.mkdir()
        self._environ = environ(self.connection, self.home / "state")

    def run(self) -> None:
        """Bring the files, kill, and wait until every file has come to its end."""
        self._processes = [self._start() for _ in range(self.watchers)]
        try:
            brought = 0
            moved = time.monotonic()
            before = -1
            while (ended := len(self.done())) < self.files:
                # A few at a time, so that kills fall on folders with and without files that wait.
                for _ in range(min(self._random.randrange(12), self.files - brought, ended + 40 - brought)):
                    self._bring(brought)
                    brought += 1
                if ended >= self.files * (self.killed + 1) // (self.kills + 2) and self.killed < self.kills:
                    self._kill()
                if ended != before:
                    before, moved = ended, time.monotonic()
                assert time.monotonic() - moved < self.patience_s, (
                    f"{ended} of {self.files}: {self.log()[-3000:]}"
                )
                time.sleep(self._random.uniform(0.02, 0.2))
            assert self.killed == self.kills
        finally:
            self._stop()

    def rows(self, number: int) -> list[Row]:
        """The rows of a file; the last row of each tenth file is refused."""
        rows = [row(number * ROWS + place) for place in range(ROWS)]
        if number % BAD_EVERY == 0:
            rows.append(row(10_000_000 + number, move_date="31/02/2026"))
        return rows

    def names(self) -> set[str]:
        """The family names of all good rows."""
        return {row["family_name"] for number in range(self.files) for row in self.rows(number)[:ROWS]}

    def _bring(self, number: int) -> None:
        content = write(self.home / "next.csv", self.rows(number)).read_bytes()
        path = self.folder / f"moves-{number:05}.csv"
        match number % 3:
            case 0:
                part = path.with_suffix(".csv.part")
                part.write_bytes(content)
                part.rename(path)
            case 1:
                half = self._random.randrange(1, len(content))
                with path.open("wb", buffering=0) as stream:
                    stream.write(content[:half])
                    time.sleep(self._random.uniform(0, EVERY_S))
                    stream.write(content[half:])
            case _:
                path.write_bytes(content)

    def _start(self) -> subprocess.Popen[bytes]:
        arguments = ["watch", self.folder, "--authority", SOURCE, "--every", EVERY_S, "--no-work-lists"]
        command = [sys.executable, "-m", "tests.watching.blind"] if self.blind else [INSTEP]
        with (self.home / "watchers.log").open("ab") as log:
            return subprocess.Popen(
                [*command, *map(str, arguments)],
                env=self._environ,
                stdout=log,
                stderr=log,
                cwd=Path(__file__).parents[2],
            )

    def log(self) -> str:
        """What the watchers have said."""
        return (self.home / "watchers.log").read_text(encoding="utf-8", errors="replace")

    def _kill(self) -> None:
        place = self._random.randrange(len(self._processes))
        self._processes[place].kill()
        self._processes[place].wait()
        self.killed += 1
        self.killed_in_the_middle += any((self.folder / ".instep-watch" / "taken").glob("*/*.csv"))
        self._processes[place] = self._start()

    def _stop(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            process.wait(timeout=60)

    def done(self) -> Sequence[str]:
        """The names of the files in `done`."""
        try:
            places = list(os.scandir(self.folder / "done"))
        except FileNotFoundError:
            return []
        return [file.name for place in places for file in Path(place.path).glob("*.csv")]

    # -- the judge

    def judge_folders(self) -> None:
        """Each file is in `done` once, as it was brought; the refused rows, and no others, are handed back."""
        by_name = {f"moves-{number:05}.csv": number for number in range(self.files)}
        assert Counter(self.done()) == Counter(list(by_name))
        for file in (self.folder / "done").glob("*/*.csv"):
            assert (
                file.read_bytes()
                == write(self.home / "truth.csv", self.rows(by_name[file.name])).read_bytes()
            )
            assert (file.parent / "instep-report.txt").stat().st_size > 0
        back = {
            file.name: file.read_text("utf-8-sig") for file in (self.folder / "to-correct").glob("*/*.csv")
        }
        assert back.keys() == {name for name, number in by_name.items() if number % BAD_EVERY == 0}
        assert {len(text.splitlines()) for text in back.values()} == {2}
        left = {file.name for file in self.folder.glob("*.csv")}
        assert not left
        assert not list((self.folder / ".instep-watch" / "taken").iterdir())

    async def judge_topics(self) -> Mapping[str, int]:
        """Each row is in the outbox under one id, and in the recipient's inbox once; gives the numbers of records."""
        outbox = await in_topic(self.connection, f"{SOURCE}.outbox")
        sent = {
            (name_of(item), item.headers.get("ce_id", item.content["header"]["event_id"])) for item in outbox
        }
        assert {name for name, _ in sent} == self.names()
        assert len(sent) == self.files * ROWS, "one id for each row"
        inbox = await in_topic(self.connection, INBOX)
        received = Counter(map(name_of, inbox))
        assert received.keys() == self.names()
        assert max(received.values()) == 1
        return {"outbox": len(outbox), "ids": len(sent), "inbox": len(inbox)}


def name_of(item: Item) -> str:
    """The family name of an event's person."""
    return str(item.content["person"]["family_name"])
