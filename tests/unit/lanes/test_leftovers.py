"""What a worker that died left open is ended by whoever takes its directory over, and nobody else's is."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from instep.cluster.connection import Connection
from instep.lanes import leftovers
from instep.lanes.leftovers import end_leftovers, forget_producer, note_producer
from instep.lanes.log_ends import LastTransaction, LogEnds

CONNECTION = Connection(bootstrap_servers="nowhere:1", security_protocol="PLAINTEXT")


@pytest.fixture
def fenced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ids: list[str] = []

    async def fence(connection: Connection, transactional_id: str) -> None:
        ids.append(transactional_id)

    monkeypatch.setattr(leftovers, "_fence", fence)
    return ids


def noted(directory: Path, epoch: int = 4) -> None:
    manager = SimpleNamespace(transactional_id="net-router-3", producer_id=17, producer_epoch=epoch)
    note_producer(directory / "lane-3", cast(Any, SimpleNamespace(_txn_manager=manager)))


def cluster(last: LastTransaction) -> LogEnds:
    async def last_transaction(transactional_id: str) -> LastTransaction:
        return last

    return cast(LogEnds, SimpleNamespace(last_transaction=last_transaction))


async def test_an_open_transaction_of_the_dead_worker_is_ended_once(
    tmp_path: Path, fenced: list[str]
) -> None:
    noted(tmp_path)
    ends = cluster(LastTransaction(state="Ongoing", producer=(17, 4)))
    await end_leftovers(tmp_path, ends, CONNECTION)
    await end_leftovers(tmp_path, ends, CONNECTION)
    assert fenced == ["net-router-3"]


@pytest.mark.parametrize(
    "last",
    [
        LastTransaction(state="Ongoing", producer=(17, 5)),  # another worker has claimed the lane since
        LastTransaction(state="Ongoing", producer=(18, 4)),
        LastTransaction(state="CompleteCommit", producer=(17, 4)),
        LastTransaction(state=""),
    ],
)
async def test_anything_else_is_left_alone(tmp_path: Path, fenced: list[str], last: LastTransaction) -> None:
    noted(tmp_path)
    await end_leftovers(tmp_path, cluster(last), CONNECTION)
    assert fenced == []


async def test_a_claim_that_ended_in_order_leaves_no_note(tmp_path: Path, fenced: list[str]) -> None:
    noted(tmp_path)
    forget_producer(tmp_path / "lane-3")
    await end_leftovers(tmp_path, cluster(LastTransaction(state="Ongoing", producer=(17, 4))), CONNECTION)
    assert fenced == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"transactional_id": "x"}'])
async def test_a_note_that_was_cut_off_says_nothing(tmp_path: Path, fenced: list[str], content: str) -> None:
    (tmp_path / "lane-3.producer").write_text(content)
    await end_leftovers(tmp_path, cluster(LastTransaction(state="Ongoing", producer=(17, 4))), CONNECTION)
    assert fenced == []
    assert list(tmp_path.iterdir()) == []
