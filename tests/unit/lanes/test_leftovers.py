"""The worker that takes over a dead worker's directory ends the dead worker's transactions, and nobody else's."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from aiokafka import TopicPartition

from instep.kafka.connection import Connection
from instep.kafka.log_ends import LastTransaction, LogEnds
from instep.lanes import leftovers
from instep.lanes.leftovers import ClaimNote, end_leftovers, forget_note, read_note, write_note

CONNECTION = Connection(bootstrap_servers="nowhere:1", security_protocol="PLAINTEXT")
ID = "net-router-3"
OPEN = LastTransaction(
    state="Ongoing", producer=(17, 4), partitions=frozenset({TopicPartition("leeds.outcomes", 0)})
)


@pytest.fixture
def fenced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ids: list[str] = []

    async def fence(connection: Connection, transactional_id: str) -> tuple[int, int]:
        ids.append(transactional_id)
        return 17, 6

    monkeypatch.setattr(leftovers, "_fence", fence)
    return ids


@pytest.fixture
def lane(tmp_path: Path) -> Path:
    """The directory of a lane whose claim was cut off."""
    directory = tmp_path / "worker-0" / "lane-3"
    write_note(directory, ClaimNote(transactional_id=ID, producer=(17, 4), last=None))
    return directory


def cluster(last: LastTransaction) -> LogEnds:
    async def last_transaction(transactional_id: str) -> LastTransaction:
        return last

    return cast(LogEnds, SimpleNamespace(last_transaction=last_transaction))


async def test_an_open_transaction_of_the_dead_worker_is_ended_and_the_next_claim_learns_of_it(
    lane: Path, fenced: list[str]
) -> None:
    await end_leftovers(lane.parent, cluster(OPEN), CONNECTION)
    assert fenced == [ID]
    note = read_note(lane)
    assert note is not None
    assert (note.producer, note.last) == (
        (17, 6),
        LastTransaction(state="Ongoing", partitions=OPEN.partitions),
    )


@pytest.mark.parametrize(
    "last",
    [
        LastTransaction(state="Ongoing", producer=(17, 5)),  # another worker has claimed the lane since
        LastTransaction(state="Ongoing", producer=(18, 4)),
        LastTransaction(state="CompleteCommit", producer=(17, 4)),
        LastTransaction(state=""),
    ],
)
async def test_anything_else_is_left_alone(lane: Path, fenced: list[str], last: LastTransaction) -> None:
    await end_leftovers(lane.parent, cluster(last), CONNECTION)
    assert fenced == []


async def test_a_claim_that_ended_in_order_leaves_no_note(lane: Path, fenced: list[str]) -> None:
    forget_note(lane)
    await end_leftovers(lane.parent, cluster(OPEN), CONNECTION)
    assert fenced == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"transactional_id": "x"}', '{"producer": [1]}'])
async def test_a_note_that_was_cut_off_says_nothing(lane: Path, fenced: list[str], content: str) -> None:
    lane.with_suffix(".producer").write_text(content)
    await end_leftovers(lane.parent, cluster(OPEN), CONNECTION)
    assert fenced == []
    assert read_note(lane) is None
