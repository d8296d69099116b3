"""Files in a watched folder are published once, whoever is killed, and whatever lies in the folder."""

import io
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from instep.client.days import LONDON
from instep.errors import ConfigurationError, NotConnectedError, PlatformError
from instep.watch.decide import REPORT, STILL, WHY
from instep.watch.folder import PRIVATE, Folder
from instep.watch.watcher import FilePublished, Unreadable, Watcher

NOW = datetime(2026, 11, 28, 14, 5, tzinfo=LONDON)


class Network:
    """An outbox and a publisher's memory, by the memory's rule: what is confirmed is never sent again.

    A file has a row a line. A row "bad" is refused; a file that begins with "?" cannot be read.
    """

    def __init__(self) -> None:
        self.outbox: list[str] = []
        self.away = False
        self.readings: list[str] = []
        self._lock = threading.Lock()

    def publish(self, file: Path) -> FilePublished | Unreadable:
        if self.away:
            raise NotConnectedError("The broker is away.")
        if not self._lock.acquire(blocking=False):
            raise PlatformError("Another publish is running; wait until it is done.")
        try:
            return self._publish(file)
        finally:
            self._lock.release()

    def _publish(self, file: Path) -> FilePublished | Unreadable:
        try:
            rows = file.read_text().splitlines()
        except FileNotFoundError:
            return Unreadable(summary="gone", report="gone")
        self.readings.append(file.name)
        if rows[0].startswith("?"):
            return Unreadable(summary="cannot be read.", report="cannot be read")
        self.outbox += [row for row in rows if row != "bad" and row not in self.outbox]

        def corrections(folder: Path) -> None:
            (folder / file.name).write_text("bad")

        return FilePublished(
            summary="read.", report="published", corrections=corrections if "bad" in rows else None
        )


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "moves"
    path.mkdir()
    made = Folder(path)
    made.prepare("leeds")
    return made


def watcher(folder: Folder, network: Network, said: list[str] | None = None) -> Watcher:
    lines: list[str] = [] if said is None else said
    return Watcher(folder=folder, publish=network.publish, say=lines.append, now=lambda: NOW)


def rounds(watching: Watcher, number: int = STILL + 1) -> None:
    for _ in range(number):
        watching.round()


def kept(folder: Folder, name: str) -> dict[str, str]:
    """The files below one of the folders, without the names of their places, by name; fails where a name comes twice."""
    files = [file for file in (folder.path / name).rglob("*") if file.is_file()]
    assert len({file.name for file in files}) == len(files)
    return {file.name: file.read_text() for file in files}


def test_a_file_is_published_and_moves_to_done_with_a_report(folder: Folder, network: Network) -> None:
    (folder.path / "moves.csv").write_text("a\nb")
    rounds(watcher(folder, network))
    assert network.outbox == ["a", "b"]
    assert kept(folder, "done") == {"moves.csv": "a\nb", REPORT: "published"}
    assert not (folder.path / "moves.csv").exists()
    assert kept(folder, f"{PRIVATE}/taken") == {}


def test_refused_rows_come_back_and_can_be_dropped_in_again(folder: Folder, network: Network) -> None:
    (folder.path / "moves.csv").write_text("a\nbad")
    watching = watcher(folder, network)
    rounds(watching)
    (back,) = (folder.path / "to-correct").rglob("moves.csv")
    assert back.read_text() == "bad"
    (folder.path / "moves.csv").write_text("mended")
    rounds(watching)
    assert network.outbox == ["a", "mended"]


def test_a_file_that_cannot_be_read_goes_whole_to_the_files_to_correct(
    folder: Folder, network: Network
) -> None:
    (folder.path / "moves.csv").write_text("?")
    watching = watcher(folder, network)
    rounds(watching)
    assert kept(folder, "to-correct") == {"moves.csv": "?", WHY: "cannot be read"}
    assert kept(folder, "done") == {}
    assert watching.to_correct == 1


def test_the_same_name_again_overwrites_nothing(folder: Folder, network: Network) -> None:
    for content in ("a", "b", "a"):
        (folder.path / "moves.csv").write_text(content)
        rounds(watcher(folder, network))
    contents = sorted(file.read_text() for file in (folder.path / "done").rglob("moves.csv"))
    assert contents == ["a", "a", "b"]
    assert network.outbox == ["a", "b"]


def test_a_file_that_is_written_to_while_it_is_read_is_read_again(folder: Folder, network: Network) -> None:
    said: list[str] = []
    watching = watcher(folder, network, said)
    publish = network.publish

    def late(file: Path) -> FilePublished | Unreadable:
        result = publish(file)
        if file.read_text() == "a":
            file.write_text("a\nb")
        return result

    watching.publish = late
    (folder.path / "moves.csv").write_text("a")
    rounds(watching, STILL + 2)
    assert network.outbox == ["a", "b"]
    assert kept(folder, "done")["moves.csv"] == "a\nb"
    assert any("read again" in line for line in said)


def test_a_file_whose_writer_pauses_longer_than_the_looks_is_published_whole(
    folder: Folder, network: Network
) -> None:
    watching = watcher(folder, network)
    with (folder.path / "moves.csv").open("w") as writer:
        writer.write("a\n")
        writer.flush()
        rounds(watching)
        assert network.outbox == ["a"]
        writer.write("b\n")
    rounds(watching, STILL + 2)
    assert network.outbox == ["a", "b"]
    rounds(watching, 6)
    assert len(network.readings) == 2


def test_files_wait_for_a_broker_that_is_away_and_that_is_said_once(folder: Folder, network: Network) -> None:
    said: list[str] = []
    watching = watcher(folder, network, said)
    network.away = True
    for name in ("a.csv", "b.csv"):
        (folder.path / name).write_text(name)
    rounds(watching, 6)
    assert said == ["The broker is away. Trying again."]
    assert not watching.round()
    network.away = False
    assert watching.round()
    assert sorted(network.outbox) == ["a.csv", "b.csv"]


def test_a_file_that_cannot_be_read_just_now_holds_up_no_other(folder: Folder, network: Network) -> None:
    def denied(file: Path) -> FilePublished | Unreadable:
        if file.name == "a.csv":
            raise PermissionError(13, "Permission denied", str(file))
        return network.publish(file)

    said: list[str] = []
    watching = watcher(folder, network, said)
    watching.publish = denied
    for name in ("a.csv", "b.csv"):
        (folder.path / name).write_text(name)
    rounds(watching, 6)
    (folder.path / "c.csv").write_text("c.csv")
    rounds(watching, 4)
    assert network.outbox == ["b.csv", "c.csv"]
    assert len([line for line in said if "Permission denied" in line]) == 1
    watching.publish = network.publish
    assert watching.round()
    done = sorted(file.name for file in (folder.path / "done").rglob("*.csv"))
    assert done == ["a.csv", "b.csv", "c.csv"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the names and kinds of POSIX")
def test_links_pipes_sockets_folders_and_hostile_names_harm_nothing(
    folder: Folder, network: Network, tmp_path: Path
) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_text("secret")
    path = folder.path
    (path / "link.csv").symlink_to(outside)
    (path / "nowhere.csv").symlink_to(tmp_path / "nowhere")
    os.mkfifo(path / "pipe.csv")
    (path / "folder.csv").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(path)  # the name of a socket may be 108 bytes long
        listening.bind("socket.csv")
        os.chdir(here)
    hostile = [
        "x\\..\\out.csv",
        "a\nb.csv",
        "\x1b[2J.csv",
        "-rf.csv",
        "x" * 251 + ".csv",
        "ŵ" * 120 + ".csv",
        "=1+1.csv",
    ]
    for number, name in enumerate([*hostile, os.fsdecode(b"\xff.csv")]):
        (path / name).write_text(str(number))
    said: list[str] = []
    rounds(watcher(folder, network, said), 6)
    assert sorted(network.outbox) == [str(number) for number in range(len(hostile) + 1)]
    assert {item.name for item in path.iterdir()} >= {"link.csv", "nowhere.csv", "pipe.csv", "folder.csv"}
    assert outside.read_text() == "secret"
    assert sum("link" in line and "not followed" in line for line in said) == 2


def test_a_file_that_becomes_a_link_between_look_and_taking_is_not_read(
    folder: Folder, network: Network, tmp_path: Path
) -> None:
    (tmp_path / "secret.csv").write_text("secret")
    (folder.path / "moves.csv").symlink_to(tmp_path / "secret.csv")
    assert folder.take("moves.csv", NOW)
    watcher(folder, network).round()
    assert network.outbox == []
    assert (tmp_path / "secret.csv").read_text() == "secret"
    assert [link.is_symlink() for link in (folder.path / "to-correct").rglob("moves.csv")] == [True]


def test_a_folder_of_another_authority_or_with_a_link_out_of_it_is_not_watched(
    folder: Folder, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="watched for leeds"):
        folder.prepare("york")
    other = tmp_path / "other"
    other.mkdir()
    (other / "done").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(ConfigurationError, match="is a link"):
        Folder(other).prepare("leeds")
    with pytest.raises(ConfigurationError, match="is not there"):
        Folder(tmp_path / "nothing").prepare("leeds")


class Killed(BaseException):
    """The process is gone."""


@contextmanager
def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], bool]]:
    """From the change `step` of the file system on, no change happens: as after SIGKILL, even in `finally`."""
    changes = Counter[str]()

    def dying(change: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            changes["all"] += 1
            if changes["all"] > step:
                raise Killed
            return change(*arguments, **options)

        return run

    with monkeypatch.context() as patched:
        for name in ("rename", "replace", "mkdir", "rmdir", "unlink"):
            patched.setattr(os, name, dying(getattr(os, name)))
        patched.setattr(io, "open", dying(io.open))
        yield lambda: changes["all"] > step


def test_a_kill_at_any_change_of_the_file_system_loses_nothing_and_sends_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"a.csv": "a1\na2", "b.csv": "b1\nbad", "c.csv": "?"}
    step, died = 0, True
    while died:
        path = tmp_path / str(step)
        path.mkdir()
        folder, network = Folder(path), Network()
        folder.prepare("leeds")
        for name, content in files.items():
            (path / name).write_text(content)
        with killed_at(step, monkeypatch) as is_dead:
            try:
                rounds(watcher(folder, network))
            except Killed:
                pass
            died = is_dead()
        rounds(watcher(folder, network), 2 * STILL + 2)
        ends = [
            file.name
            for end in ("done", "to-correct")
            for file in (path / end).rglob("*.csv")
            if file.read_text() == files[file.name]
        ]
        assert sorted(ends) == sorted(files), f"killed at change {step}"
        assert [file.read_text() for file in path.rglob("b.csv") if "to-correct" in str(file)] == ["bad"]
        assert sorted(network.outbox) == ["a1", "a2", "b1"]
        step += 1
    assert step > 15, "the kills were many"


def test_two_watchers_where_locks_do_not_hold_publish_each_row_once(
    folder: Folder, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def open_to_all(_: Folder) -> Iterator[bool]:
        yield True

    monkeypatch.setattr(Folder, "locked", open_to_all)
    count = 60
    for number in range(count):
        (folder.path / f"{number}.csv").write_text(f"row {number}\n{'bad' if number % 7 == 0 else number}")

    def work() -> None:
        rounds(watcher(folder, network), 12)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rounds(watcher(folder, network))
    assert max(Counter(network.outbox).values()) == 1
    assert {row for row in network.outbox if row.startswith("row")} == {f"row {n}" for n in range(count)}
    done = [file.name for file in (folder.path / "done").rglob("*.csv")]
    assert sorted(done) == sorted(f"{number}.csv" for number in range(count))
    back = [file.name for file in (folder.path / "to-correct").rglob("*.csv")]
    assert sorted(back) == sorted(f"{number}.csv" for number in range(0, count, 7))


def test_a_second_watcher_stands_by_while_the_first_works(folder: Folder, network: Network) -> None:
    said: list[str] = []
    (folder.path / "a.csv").write_text("a")
    with Folder(folder.path).locked() as ours:
        assert ours
        rounds(watcher(folder, network, said))
    assert network.outbox == []
    assert said == ["Another watcher works in this folder; this one stands by."]


def test_a_full_disk_and_a_share_that_goes_away_are_waited_out(
    folder: Folder, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    watching = watcher(folder, network, said)
    (folder.path / "a.csv").write_text("a\nbad")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "write_report", full)
        patched.setattr(Folder, "hand_back", full)
        rounds(watching, 6)
    assert network.outbox == ["a"]
    assert len([line for line in said if "No space left on device" in line]) == 1
    away = folder.path.with_name("away")
    folder.path.rename(away)
    assert not watching.round()
    away.rename(folder.path)
    assert watching.round()
    assert network.outbox == ["a"]
    assert kept(folder, "done").keys() == {"a.csv", REPORT}
