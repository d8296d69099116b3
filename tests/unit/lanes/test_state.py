"""A lane's state: nothing reaches the disk before its transaction has committed."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instep.lanes.state import BUFFER_BYTES, BUFFERS, OWN, Checkpoint, LaneState
from tests.strategies import examples


def at(offset: int) -> Checkpoint:
    return Checkpoint(offset=offset, cluster="c", seen_at=time.time())


@pytest.fixture
def state(tmp_path: Path) -> Iterator[LaneState]:
    state = LaneState(tmp_path / "lane-0")
    yield state
    state.close()


def reopened(state: LaneState, tmp_path: Path) -> LaneState:
    state.close()
    return LaneState(tmp_path / "lane-0")


def test_changes_are_seen_at_once_and_lost_with_the_process_unless_committed(tmp_path: Path) -> None:
    state = LaneState(tmp_path / "lane-0")
    state.put(b"a", b"1")
    state.committed(at(5))
    state.put(b"a", b"2")
    state.put(b"b", b"2")
    assert (state.get(b"a"), state.get(b"b")) == (b"2", b"2")
    again = reopened(state, tmp_path)
    assert (again.get(b"a"), again.get(b"b")) == (b"1", None)
    checkpoint = again.checkpoint()
    assert checkpoint is not None
    assert checkpoint.offset == 5
    again.close()


def test_a_deletion_is_kept(state: LaneState) -> None:
    state.put(b"a", b"1")
    state.committed(at(1))
    state.delete(b"a")
    assert state.get(b"a") is None
    state.committed(at(2))
    assert state.get(b"a") is None
    assert state.scan(b"", 10) == []


def test_the_engines_own_entries_are_not_shown_to_a_processor(state: LaneState) -> None:
    state.put(OWN + b"position/leeds.outbox/0", b"7")
    state.put(b"\x00\x01", b"a digest may begin with a zero")
    state.committed(at(1))
    assert state.scan(b"", 10) == [(b"\x00\x01", b"a digest may begin with a zero")]


def test_a_discarded_state_is_empty(state: LaneState) -> None:
    state.put(b"a", b"1")
    state.committed(at(1))
    state.discard()
    assert state.get(b"a") is None
    assert state.checkpoint() is None


KEYS = st.binary(min_size=1, max_size=3)


@given(
    st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=2)), max_size=12),
    st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=2)), max_size=12),
    st.binary(max_size=2),
    st.integers(1, 8),
)
@settings(examples(50), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_scan_and_get_answer_as_a_dictionary_would(
    tmp_path: Path,
    settled: list[tuple[bytes, bytes | None]],
    pending: list[tuple[bytes, bytes | None]],
    after: bytes,
    limit: int,
) -> None:
    state = LaneState(tmp_path / "any")
    state.discard()
    model: dict[bytes, bytes] = {}
    for changes in (settled, pending):
        for key, value in changes:
            if value is None:
                state.delete(key)
                model.pop(key, None)
            else:
                state.put(key, value)
                model[key] = value
        if changes is settled:
            state.committed(at(1))
    assert state.scan(after, limit) == sorted((k, v) for k, v in model.items() if k > after)[:limit]
    assert {k: state.get(k) for k, _ in [*settled, *pending]} == {
        k: model.get(k) for k, _ in [*settled, *pending]
    }
    state.close()


def test_many_lanes_share_one_bound_on_memory(tmp_path: Path) -> None:
    lanes = [LaneState(tmp_path / str(number)) for number in range(12)]
    for lane in lanes:
        for begin in range(0, 10_000, 1_000):
            entries = {b"%d" % number: bytes(1024) for number in range(begin, begin + 1_000)}
            lane.restored(entries, at(begin))
    # RocksDB flushes in the background: a busy disk takes its time, and without the shared bound nothing would be flushed.
    until = time.monotonic() + 60
    while BUFFERS.get_usage() >= 2 * BUFFER_BYTES:
        assert time.monotonic() < until, "the buffers are not flushed"
        time.sleep(0.05)
    assert BUFFERS.get_usage() > 0
    for lane in lanes:
        lane.close()
