"""A damaged state is discarded and rebuilt; a state on an unusable disk is left alone."""

import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from instep.errors import ConfigurationError, StateDamagedError, StateDirectoryError
from instep.lanes import damage
from instep.lanes.state import Checkpoint, LaneState

KEYS = 2000


def at(offset: int) -> Checkpoint:
    return Checkpoint(offset=offset, cluster="c", seen_at=time.time())


def filled(directory: Path) -> LaneState:
    """A state with a table on disk, and later entries in the write-ahead log only."""
    state = LaneState(directory)
    state.restored({b"key-%d" % n: os.urandom(100) for n in range(KEYS)}, at(2000))
    state._db.flush()
    state.restored({b"last": b"x"}, at(5000))
    return state


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """The directory after its process was killed."""
    state = filled(tmp_path / "alive")
    directory = tmp_path / "lane-3"
    shutil.copytree(tmp_path / "alive", directory)
    state.close()
    return directory


def each(pattern: str, how: Callable[[Path], object]) -> Callable[[Path], None]:
    def damaged(directory: Path) -> None:
        files = list(directory.glob(pattern))
        assert files
        for file in files:
            how(file)

    return damaged


def empty(file: Path) -> None:
    file.write_bytes(b"")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def cut_end(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-30])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 0xFF
    file.write_bytes(content)


def not_a_directory(directory: Path) -> None:
    shutil.rmtree(directory)
    directory.write_text("a file")


DAMAGES = {
    "CURRENT empty": each("CURRENT", empty),
    "CURRENT cut": each("CURRENT", cut),
    "CURRENT flipped": each("CURRENT", flip),
    "CURRENT gone": each("CURRENT", Path.unlink),
    "MANIFEST empty": each("MANIFEST-*", empty),
    "MANIFEST cut": each("MANIFEST-*", cut),
    "MANIFEST without its end": each("MANIFEST-*", cut_end),
    "MANIFEST flipped": each("MANIFEST-*", flip),
    "MANIFEST gone": each("MANIFEST-*", Path.unlink),
    "table empty": each("*.sst", empty),
    "table cut": each("*.sst", cut),
    "table without its end": each("*.sst", cut_end),
    "table gone": each("*.sst", Path.unlink),
    "a file in the way": not_a_directory,
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_directory_is_discarded_with_one_line_and_takes_the_changelog_again(
    crashed: Path, name: str
) -> None:
    DAMAGES[name](crashed)
    with capture_logs() as lines:
        state = LaneState(crashed)
    (line,) = lines
    assert (line["event"], line["directory"]) == ("state discarded", str(crashed))
    assert line["why"]
    assert state.checkpoint() is None
    assert state.scan(b"", 10) == []
    state.restored({b"a": b"1"}, at(7))
    state.close()
    with capture_logs() as lines:
        again = LaneState(crashed)
    assert lines == []
    assert again.get(b"a") == b"1"
    again.close()


def test_a_sound_directory_is_kept_however_its_process_ended(crashed: Path) -> None:
    for _ in range(3):
        with capture_logs() as lines:
            state = LaneState(crashed)
        assert lines == []
        checkpoint = state.checkpoint()
        assert checkpoint is not None
        assert checkpoint.offset == 5000
        assert all(state.get(b"key-%d" % n) for n in range(KEYS))
        state.close()


@pytest.mark.parametrize(
    "damaged", [each("*.log", cut), each("*.log", cut_end), each("*.log", empty), each("*.log", flip)]
)
def test_a_log_that_lost_its_end_leaves_what_was_true_before(
    crashed: Path, damaged: Callable[[Path], None]
) -> None:
    damaged(crashed)
    state = LaneState(crashed)
    checkpoint = state.checkpoint()
    assert checkpoint is not None
    assert checkpoint.offset == 2000
    assert state.get(b"last") is None
    assert all(state.get(b"key-%d" % n) for n in range(KEYS))
    state.close()


def read_all(state: LaneState) -> None:
    for n in range(KEYS):
        state.get(b"key-%d" % n)


def scan_all(state: LaneState) -> None:
    assert len(state.scan(b"", 2 * KEYS)) == KEYS + 1, "a scan never passes damage off as the end"


@pytest.mark.parametrize("use", [read_all, scan_all])
def test_damage_that_is_met_later_is_an_error_once_and_discarded_when_opened_next(
    crashed: Path, use: Callable[[LaneState], None]
) -> None:
    each("*.sst", flip)(crashed)
    state = LaneState(crashed)
    with pytest.raises(StateDamagedError, match=rf"{crashed} is damaged \(Corruption"):
        use(state)
    state.close()
    with capture_logs() as lines:
        again = LaneState(crashed)
    assert [line["event"] for line in lines] == ["state discarded"]
    assert "checksum mismatch" in lines[0]["why"]
    assert again.checkpoint() is None
    again.close()
    with capture_logs() as lines:
        LaneState(crashed).close()
    assert lines == []


def test_many_tables_are_compacted_while_in_use_and_none_is_taken_for_forgotten(tmp_path: Path) -> None:
    state = LaneState(tmp_path / "lane-0")
    for flushed in range(12):
        state.restored({b"key-%d" % n: os.urandom(50) for n in range(200)}, at(flushed))
        state._db.flush()
        if flushed % 5 == 4:
            state.close()
            with capture_logs() as lines:
                state = LaneState(tmp_path / "lane-0")
            assert lines == []
    until = time.monotonic() + 20
    while len(state._db.live_files()) >= 12:
        assert time.monotonic() < until, "compaction does not run"
        time.sleep(0.05)
    state.close()


def test_a_table_that_a_compaction_leaves_unfinished_costs_no_rebuild_after_an_orderly_end(
    tmp_path: Path,
) -> None:
    state = filled(tmp_path / "lane-0")
    (tmp_path / "lane-0" / "000999.sst").write_bytes(b"half a table")
    state.close()
    assert not (tmp_path / "lane-0" / "000999.sst").exists()
    with capture_logs() as lines:
        again = LaneState(tmp_path / "lane-0")
    assert lines == []
    assert again.get(b"last") == b"x"
    again.close()


def test_a_directory_that_is_in_use_is_not_damaged(crashed: Path) -> None:
    state = LaneState(crashed)
    with pytest.raises(StateDirectoryError, match="INSTEP_STATE_DIR"):
        LaneState(crashed)
    assert state.get(b"last") == b"x"
    state.close()


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("IO error: No space left on device: While appending to file: /s/000012.log", StateDirectoryError),
        ("IO error: While lock file: /s/LOCK: Resource temporarily unavailable", StateDirectoryError),
        (
            "Corruption: Corruption: IO error: Too many open files: While open /s/000011.sst",
            StateDirectoryError,
        ),
        (
            "Corruption: Corruption: IO error: Permission denied: While open /s/000011.sst",
            ConfigurationError,
        ),
        ("IO error: Read-only file system: While open a file for appending: /s/LOG", ConfigurationError),
        (OSError(errno.ENOSPC, "x"), StateDirectoryError),
        (PermissionError(errno.EACCES, "x"), ConfigurationError),
        (OSError(errno.EROFS, "x"), ConfigurationError),
    ],
)
def test_a_disk_that_cannot_be_used_is_named_with_its_directory_and_its_variable(
    message: OSError | str, error: type[Exception]
) -> None:
    refusal = damage.unusable(Path("/s"), message)
    assert type(refusal) is error
    assert "The state directory /s cannot be" in str(refusal)
    assert "INSTEP_STATE_DIR" in str(refusal)
    assert str(refusal).count(". ") == 0, "one sentence"


@pytest.mark.parametrize(
    "message",
    [
        "Corruption: CURRENT file corrupted",
        "IO error: No such file or directory: While opening a file for sequentially reading: /s/MANIFEST-000005",
        "IO error: Input/output error: While pread offset 0 len 4096: /s/000009.sst",
        "Invalid argument: unknown checksum type 9",
    ],
)
def test_what_cannot_be_believed_is_damage(message: str) -> None:
    assert damage.unusable(Path("/s"), message) is None
    assert damage.is_damage(message)


def test_what_rocksdb_says_of_a_mistake_of_ours_is_no_damage() -> None:
    assert not damage.is_damage("DB instance already closed")
