"""The memory of `instep publish` on a real Kafka, as councils run the command: from anywhere, by anybody, after losses."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from instep.adapters import Memory
from instep.client.reader import Item, reading
from instep.events.envelope import PUBLISHER_KEY
from instep.kafka.connection import Connection
from instep.kafka.follow import read_network
from tests.kafka.stage import Stage, opened, sample
from tests.kafka.test_publish import CATALOGUE, INSTEP, objects, outcomes, row, write

WORDS = "four words are enough"
ROWS = [row(number, reference=f"P-{number}") for number in range(3)]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The sample network with its services up; each test publishes as another council."""
    home = tmp_path_factory.mktemp("publisher-memory")
    with opened(home, sample(home), "intake", "router") as opened_stage:
        yield opened_stage


class User:
    """A person at a machine, with a data directory of their own, in some directory."""

    def __init__(self, connection: Connection, directory: Path, name: str) -> None:
        self.data = directory / name / "data"
        self.here = directory / name / "here"
        self.here.mkdir(parents=True)
        (directory / "passphrase").write_text(f"{WORDS}\n")
        inherited = {n: value for n, value in os.environ.items() if not n.startswith("INSTEP_")}
        self._environ = inherited | {
            "INSTEP_BOOTSTRAP_SERVERS": connection.bootstrap_servers,
            "INSTEP_SECURITY_PROTOCOL": "PLAINTEXT",
            "INSTEP_PASSPHRASE_FILE": str(directory / "passphrase"),
            "XDG_DATA_HOME": str(self.data),
        }

    def instep(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [INSTEP, *map(str, arguments)],
            env=self._environ,
            cwd=self.here,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def publishes(self, file: Path, authority: str, *options: str) -> dict[str, int]:
        done = self.instep("publish", file, "-a", authority, "--on-behalf", "-o", "json", *options)
        assert done.returncode == 0, done.stderr
        return outcomes(done)

    def is_refused(self, file: Path, authority: str) -> str:
        done = self.instep("publish", file, "-a", authority, "--on-behalf")
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        return line


async def records(connection: Connection, topic: str) -> list[Item]:
    network = await read_network(connection)
    async with reading(connection, CATALOGUE.bind(network.schemas)) as reader:
        return [item async for item in reader.read([TopicPartition(topic, 0)])]


def test_from_another_directory_the_same_people_stay_the_same(stage: Stage, tmp_path: Path) -> None:
    file = write(tmp_path / "moves.csv", ROWS)
    ada = User(stage.connection, tmp_path, "ada")
    first = ada.instep("publish", file, "-a", "barnsley", "--on-behalf", "-o", "json")
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    (home,) = ada.data.glob("instep/publishers/sample/*/barnsley")
    assert objects(first)[-1]["summary"]["first"] == {"memory": str(home)}
    ada.here = tmp_path / "elsewhere"
    ada.here.mkdir()
    assert ada.publishes(file, "barnsley") == {"unchanged": 3}
    assert list(ada.here.iterdir()) == []


def test_a_lost_volume_and_another_user_are_refused_until_the_memory_is_brought(
    stage: Stage, tmp_path: Path
) -> None:
    file = write(tmp_path / "moves.csv", ROWS)
    ada, ben = (User(stage.connection, tmp_path, name) for name in ("ada", "ben"))
    assert ada.publishes(file, "bolsover") == {"published": 3}
    assert "bolsover has published before with another secret" in ben.is_refused(file, "bolsover")
    sealed = tmp_path / "bolsover.sealed"
    assert ada.instep("publisher", "export", sealed, "-a", "bolsover").returncode == 0
    shutil.rmtree(ada.data)
    assert "instep publisher import" in ada.is_refused(file, "bolsover")
    for user in (ada, ben):
        assert user.instep("publisher", "import", sealed).returncode == 0
        assert user.publishes(file, "bolsover") == {"unchanged": 3}
    assert len(asyncio.run(records(stage.connection, "bolsover.outbox"))) == 3


def test_whoever_asks_for_it_begins_anew(stage: Stage, tmp_path: Path) -> None:
    file = write(tmp_path / "moves.csv", ROWS)
    ada, ben = (User(stage.connection, tmp_path, name) for name in ("ada", "ben"))
    ada.publishes(file, "chesterfield")
    assert ben.publishes(file, "chesterfield", "--first") == {"published": 3}
    assert ben.publishes(file, "chesterfield") == {"unchanged": 3}
    assert "Since the memory in" in ada.is_refused(file, "chesterfield")


def test_what_an_earlier_version_has_left_in_the_current_directory_is_moved_and_said(
    stage: Stage, tmp_path: Path
) -> None:
    file = write(tmp_path / "moves.csv", ROWS)
    ada = User(stage.connection, tmp_path, "ada")
    ada.publishes(file, "high-peak")
    (home,) = ada.data.glob("instep/publishers/sample/*/high-peak")
    left = ada.here / ".instep" / "publishers" / "high-peak"
    left.parent.mkdir(parents=True)
    shutil.move(home, left)
    for rows in left.glob("rows.sqlite*"):
        rows.unlink()  # an earlier version keeps no rows
    done = ada.instep("publish", file, "-a", "high-peak", "--on-behalf", "-o", "json")
    assert outcomes(done) == {"unchanged": 3}
    (line,) = done.stderr.splitlines()
    assert f"it has moved to {home}" in line
    assert not left.exists()


def test_the_name_of_the_secret_goes_no_further_than_the_outbox(stage: Stage, tmp_path: Path) -> None:
    file = write(tmp_path / "moves.csv", [row(1, reference="Q-1")])
    ada = User(stage.connection, tmp_path, "ada")
    done = ada.instep("publish", file, "-a", "camden", "--wait", "-o", "json")
    assert done.returncode == 0, done.stderr
    (home,) = ada.data.glob("instep/publishers/sample/*/camden")
    with Memory.open(home.parent, "camden") as memory:
        key_id = memory.key_id
    (sent,) = asyncio.run(records(stage.connection, "camden.outbox"))
    assert sent.headers == {PUBLISHER_KEY: key_id}
    delivered = [
        item
        for topic in ("instep.events", "lambeth.inbox.council-tax", "camden.outcomes")
        for partition in range(4 if topic == "instep.events" else 1)
        for item in asyncio.run(_all(stage.connection, topic, partition))
    ]
    assert len(delivered) >= 2
    assert key_id not in json.dumps([item.as_json() for item in delivered])


async def _all(connection: Connection, topic: str, partition: int) -> list[Item]:
    network = await read_network(connection)
    async with reading(connection, CATALOGUE.bind(network.schemas)) as reader:
        return [item async for item in reader.read([TopicPartition(topic, partition)])]
