"""Memory and secret move whole, in a file that only a passphrase opens, and whatever goes wrong loses nothing."""

import hashlib
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.adapters import Memory, adoption, sealing
from instep.adapters.adoption import adopt
from instep.adapters.memory_files import DATABASE, held
from instep.adapters.moving import pack, settle, unpack
from instep.adapters.sealing import seal, unseal
from instep.adapters.secret import FILE, keeps_secret, key_id, write_whole
from instep.errors import FileFormatError, PlatformError
from tests.unit.adapters.publishing import AUTHORITY, ROW, Publisher, names, row

WORDS = "four words are enough"
HALF_AN_IMPORT = """
import os, sys, time
from pathlib import Path
from instep.adapters import adoption, moving, sealing
sealing.LOG_N = 4
luggage = moving.unpack(Path(sys.argv[1]).read_bytes(), "four words are enough", "the file")
write, synced = adoption.write_whole, os.fsync
def half(descriptor):
    synced(descriptor)
    print("half", flush=True)
    time.sleep(60)
def next_is_half(file, content):
    write(file, content)
    os.fsync = half
adoption.write_whole = next_is_half
moving.settle(luggage, Path(sys.argv[2]))
"""
"""The memory is in its place, and the secret is written under another name."""


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A passphrase is meant to take a third of a second, each time."""
    monkeypatch.setattr(sealing, "LOG_N", 4)


@pytest.fixture
def other(tmp_path: Path) -> Publisher:
    """The same authority on another machine."""
    (tmp_path / "other").mkdir()
    return Publisher(tmp_path / "other")


def sealed(publisher: Publisher) -> bytes:
    return pack(publisher.state / AUTHORITY, "sample", "C1", WORDS)


def test_the_other_machine_goes_on_where_the_first_has_stopped(
    publisher: Publisher, other: Publisher
) -> None:
    publisher.rows(ROW)
    luggage = unpack(sealed(publisher), WORDS, "the file")
    assert (luggage.authority, luggage.network, luggage.cluster) == (AUTHORITY, "sample", "C1")
    settle(luggage, other.state / AUTHORITY)
    assert names(other.rows(ROW)) == ["Unchanged"]
    changed = row(move_date="2026-05-02", recorded_at="2026-05-06T10:00:00Z")
    (correction,) = other.rows(changed)
    assert names([correction]) == ["Send"]
    assert names(publisher.rows(ROW)) == ["Unchanged"], "the first is as it was"


def test_a_secret_without_a_memory_moves_too(publisher: Publisher, other: Publisher) -> None:
    before = publisher.rows(ROW)
    publisher.forget_everything_but_the_secret()
    settle(unpack(sealed(publisher), WORDS, "the file"), other.state / AUTHORITY)
    assert [sent.event_id for sent in other.rows(ROW)] == [sent.event_id for sent in before]  # type: ignore[union-attr]


def test_only_the_owner_can_read_what_was_imported(publisher: Publisher, other: Publisher) -> None:
    publisher.rows(ROW)
    settle(unpack(sealed(publisher), WORDS, "the file"), other.state / AUTHORITY)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (other.state / AUTHORITY).iterdir()}
    assert modes[FILE] == modes[DATABASE] == 0o600


def test_a_sealed_file_shows_nothing_of_the_secret_or_the_memory(publisher: Publisher) -> None:
    publisher.rows(ROW)
    secret = (publisher.state / AUTHORITY / FILE).read_bytes()
    file = sealed(publisher)
    for shown in (secret, secret.hex().encode(), AUTHORITY.encode(), b"SQLite", key_id(secret).encode()):
        assert shown not in file
    assert sealed(publisher) != file, "the same content is sealed in another way each time"


@given(content=st.binary(), passphrase=st.text(min_size=1), at=st.integers(min_value=0))
def test_content_comes_back_exactly_and_no_damage_goes_unnoticed(
    content: bytes, passphrase: str, at: int
) -> None:
    file = seal(content, passphrase)
    assert unseal(file, passphrase, "the file") == content
    place = at % len(file)
    for damaged in (file[:place], file[:place] + bytes([file[place] ^ 1]) + file[place + 1 :], file + b"x"):
        with pytest.raises(FileFormatError, match=r"damaged: copy the file again|was not written by"):
            unseal(damaged, passphrase, "the file")
    with pytest.raises(FileFormatError, match="does not open with this passphrase"):
        unseal(file, passphrase + "!", "the file")


def test_a_file_of_a_newer_form_says_so() -> None:
    body = seal(b"content", WORDS)[:-32].replace(b"publisher 1", b"publisher 2")
    with pytest.raises(FileFormatError, match="newer version"):
        unseal(body + hashlib.sha256(body).digest(), WORDS, "the file")


@pytest.mark.parametrize(
    "label",
    [
        b"[]",
        b"{}",
        b"not json",
        b'{"authority": "../leeds", "network": "", "cluster": "", "secret": "%b"}' % (b"00" * 32),
        b'{"authority": "leeds", "network": "a/b", "cluster": "", "secret": "%b"}' % (b"00" * 32),
        b'{"authority": "leeds", "network": "", "cluster": "", "secret": "00"}',
        b'{"authority": "leeds", "network": "", "cluster": "", "secret": "%b", "more": ""}' % (b"00" * 32),
    ],
)
def test_what_is_sealed_names_no_path_and_holds_a_whole_secret(label: bytes) -> None:
    with pytest.raises(FileFormatError, match="newer version"):
        unpack(seal(label + b"\n", WORDS), WORDS, "the file")


def test_a_memory_that_is_there_is_never_replaced(publisher: Publisher, other: Publisher) -> None:
    publisher.rows(ROW)
    other.rows(ROW)
    before = (other.state / AUTHORITY / FILE).read_bytes()
    with pytest.raises(PlatformError, match="holds a memory already"):
        settle(unpack(sealed(publisher), WORDS, "the file"), other.state / AUTHORITY)
    assert (other.state / AUTHORITY / FILE).read_bytes() == before
    assert names(other.rows(ROW)) == ["Unchanged"]


def test_while_a_file_is_published_nothing_is_exported_or_imported(
    publisher: Publisher, other: Publisher
) -> None:
    publisher.rows(ROW)
    file = sealed(publisher)
    running = pytest.raises(PlatformError, match="Another publish for leeds is running")
    with held(publisher.state / AUTHORITY, AUTHORITY), running:
        sealed(publisher)
    with held(other.state / AUTHORITY, AUTHORITY), running:
        settle(unpack(file, WORDS, "the file"), other.state / AUTHORITY)
    settle(unpack(file, WORDS, "the file"), other.state / AUTHORITY)
    assert names(other.rows(ROW)) == ["Unchanged"]


@pytest.mark.parametrize("writes", [0, 1])
def test_ctrl_c_in_the_middle_of_an_import_leaves_no_memory_and_a_second_try_completes_it(
    publisher: Publisher, other: Publisher, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    publisher.rows(ROW)
    luggage = unpack(sealed(publisher), WORDS, "the file")
    done: list[Path] = []

    def interrupted(file: Path, content: bytes) -> None:
        if len(done) == writes:
            raise KeyboardInterrupt
        done.append(file)
        write_whole(file, content)

    home = other.state / AUTHORITY
    with monkeypatch.context() as patched:
        patched.setattr(adoption, "write_whole", interrupted)
        with pytest.raises(KeyboardInterrupt):
            settle(luggage, home)
    assert not keeps_secret(home)
    if writes:
        with pytest.raises(PlatformError, match="memory without its secret"):
            Memory.open(other.state, AUTHORITY)
    settle(luggage, home)
    assert names(other.rows(ROW)) == ["Unchanged"]
    assert sorted(file.name for file in home.iterdir() if "without" in file.name) == []


def test_a_memory_whose_secret_is_lost_is_set_aside_by_an_import(
    publisher: Publisher, other: Publisher
) -> None:
    publisher.rows(ROW)
    other.rows(row(reference="CT-2"))
    home = other.state / AUTHORITY
    (home / FILE).unlink()
    settle(unpack(sealed(publisher), WORDS, "the file"), home)
    assert names(other.rows(ROW)) == ["Unchanged"]
    aside = sqlite3.connect(home / f"{DATABASE}.without-secret-0")
    assert aside.execute("select count(*) from sent").fetchone() == (1,)
    aside.close()


@pytest.mark.slow
def test_a_process_that_is_killed_in_the_middle_of_an_import_has_lost_nothing(
    publisher: Publisher, other: Publisher
) -> None:
    publisher.rows(ROW)
    file = publisher.directory / "sealed"
    file.write_bytes(sealed(publisher))
    home = other.state / AUTHORITY
    killed = subprocess.Popen(
        [sys.executable, "-c", HALF_AN_IMPORT, str(file), str(home)], stdout=subprocess.PIPE
    )
    try:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"half\n"
    finally:
        killed.kill()
        killed.communicate()
    assert [path.name for path in home.iterdir() if path.name == FILE] == []
    settle(unpack(file.read_bytes(), WORDS, "the file"), home)
    assert names(other.rows(ROW)) == ["Unchanged"]


def test_a_memory_of_an_earlier_version_moves_with_its_secret(publisher: Publisher, other: Publisher) -> None:
    publisher.rows(ROW)
    adopt(publisher.state / AUTHORITY, other.state / AUTHORITY)
    assert not (publisher.state / AUTHORITY).exists()
    assert names(other.rows(ROW)) == ["Unchanged"]


@pytest.mark.parametrize("writes", [0, 1])
def test_a_move_that_was_cut_short_is_simply_made_again(
    publisher: Publisher, other: Publisher, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    publisher.rows(ROW)
    left, home = publisher.state / AUTHORITY, other.state / AUTHORITY
    done: list[Path] = []

    def full(file: Path, content: bytes) -> None:
        if len(done) == writes:
            raise OSError(28, "No space left on device")
        done.append(file)
        write_whole(file, content)

    with monkeypatch.context() as patched:
        patched.setattr(adoption, "write_whole", full)
        with pytest.raises(PlatformError, match="No space left on device"):
            adopt(left, home)
    assert keeps_secret(left)
    assert not keeps_secret(home)
    adopt(left, home)
    assert names(other.rows(ROW)) == ["Unchanged"]


def test_a_memory_without_its_secret_and_a_secret_of_another_are_refused(publisher: Publisher) -> None:
    publisher.rows(ROW)
    secret = publisher.state / AUTHORITY / FILE
    kept = secret.read_bytes()
    secret.unlink()
    with pytest.raises(PlatformError, match="put the file `secret` back from your backup"):
        publisher.rows(ROW)
    assert not secret.exists(), "no new secret is made"
    secret.write_bytes(bytes(32))
    with pytest.raises(PlatformError, match="is not the one with which the memory beside it was made"):
        publisher.rows(ROW)
    secret.write_bytes(kept)
    assert names(publisher.rows(ROW)) == ["Unchanged"]


def test_a_place_that_cannot_be_written_to_is_named(publisher: Publisher, tmp_path: Path) -> None:
    publisher.rows(ROW)
    (tmp_path / "file").touch()
    home = tmp_path / "file" / AUTHORITY
    for use in (
        lambda: Memory.open(tmp_path / "file", AUTHORITY),
        lambda: settle(unpack(sealed(publisher), WORDS, "the file"), home),
    ):
        with pytest.raises(PlatformError, match="cannot be written to"):
            use()


def test_a_copy_of_the_directory_is_a_backup(publisher: Publisher, tmp_path: Path) -> None:
    publisher.rows(ROW)
    shutil.copytree(publisher.state, tmp_path / "backup")
    shutil.rmtree(publisher.state)
    (tmp_path / "backup").rename(publisher.state)
    assert names(publisher.rows(ROW)) == ["Unchanged"]
