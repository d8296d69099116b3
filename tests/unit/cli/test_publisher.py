"""`instep publisher`: memories are listed, sealed and brought to another machine; each fault is one sentence."""

import json
from pathlib import Path

import pytest

from instep.adapters import Memory
from instep.adapters.secret import FILE, key_id
from tests.unit.cli.command import exit_code

CLUSTER = "MkU3OEVBNTcwNTJENDM2Qg"


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's machine: a directory to work in, a data directory, a file with a passphrase."""
    monkeypatch.setattr("instep.adapters.sealing.LOG_N", 4)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "passphrase").write_text("four words are enough\n")
    monkeypatch.setenv("INSTEP_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def memory(desk: Path, authority: str = "leeds", *, cluster: str = CLUSTER, data: str = "data") -> Path:
    """A memory in its place; returns its directory."""
    directory = desk / data / "instep" / "publishers" / "sample" / cluster
    with Memory.open(directory, authority):
        return directory / authority


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("instep: ")
    assert line.endswith(".")
    return line


def test_a_memory_is_listed_with_its_place_and_the_name_of_its_secret(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "publisher", "show") == 0
    assert "No council has published a file from here" in capsys.readouterr().err
    home = memory(desk)
    memory(desk, "camden")
    assert exit_code(monkeypatch, "publisher", "show", "-a", "leeds", "-o", "json") == 0
    (line,) = capsys.readouterr().out.splitlines()
    shown = json.loads(line)
    assert shown.pop("last_used").startswith("20")
    assert shown == {
        "authority": "leeds",
        "network": "sample",
        "cluster": CLUSTER,
        "key": key_id((home / FILE).read_bytes()),
        "directory": str(home),
    }


def test_a_memory_that_an_earlier_version_has_left_is_listed_and_can_be_moved(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Memory.open(desk / ".instep" / "publishers", "leeds") as left:
        secret = left.secret
    assert exit_code(monkeypatch, "publisher", "show", "-o", "json") == 0
    assert json.loads(capsys.readouterr().out)["network"] is None
    assert exit_code(monkeypatch, "publisher", "export", "leeds.sealed", "-a", "leeds") == 0
    assert exit_code(monkeypatch, "publisher", "import", "leeds.sealed", "--state-dir", "there") == 0
    assert (desk / "there" / "publishers" / "leeds" / FILE).read_bytes() == secret, (
        "where publish looks for what an earlier version has left, and asks the network about it"
    )


def test_a_sealed_file_goes_to_the_same_place_on_the_other_machine(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = memory(desk)
    assert exit_code(monkeypatch, "publisher", "export", "leeds.sealed", "-a", "leeds") == 0
    assert (desk / "leeds.sealed").stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("XDG_DATA_HOME", str(desk / "other"))
    assert exit_code(monkeypatch, "publisher", "import", "leeds.sealed") == 0
    there = desk / "other" / "instep" / "publishers" / "sample" / CLUSTER / "leeds"
    assert (there / FILE).read_bytes() == (home / FILE).read_bytes()
    capsys.readouterr()
    assert exit_code(monkeypatch, "publisher", "import", "leeds.sealed") == 1
    assert f"has a memory with the same secret in {there}, and nothing was changed" in one_sentence(capsys)


def test_a_memory_of_another_secret_is_left_as_it_is(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    memory(desk)
    assert exit_code(monkeypatch, "publisher", "export", "leeds.sealed", "-a", "leeds") == 0
    other = memory(desk, data="other")
    before = (other / FILE).read_bytes()
    monkeypatch.setenv("XDG_DATA_HOME", str(desk / "other"))
    capsys.readouterr()
    assert exit_code(monkeypatch, "publisher", "import", "leeds.sealed") == 1
    assert "has a memory with another secret" in one_sentence(capsys)
    assert (other / FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda file: file[:-40], "is cut off or damaged"),
        (lambda file: file[:100] + bytes([file[100] ^ 1]) + file[101:], "is cut off or damaged"),
        (lambda file: b"", "was not written by `instep publisher export`"),
        (lambda file: b"PK\3\4" + file, "was not written by `instep publisher export`"),
    ],
)
def test_a_damaged_or_foreign_file_is_named_and_nothing_is_made(
    desk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: "object",
    sentence: str,
) -> None:
    memory(desk)
    assert exit_code(monkeypatch, "publisher", "export", "leeds.sealed", "-a", "leeds") == 0
    file = desk / "leeds.sealed"
    assert callable(change)
    file.write_bytes(change(file.read_bytes()))
    capsys.readouterr()
    assert exit_code(monkeypatch, "publisher", "import", "leeds.sealed", "--state-dir", "other") == 1
    assert f"leeds.sealed {sentence}" in one_sentence(capsys)
    assert not (desk / "other").exists()


def test_a_wrong_passphrase_opens_nothing_and_the_right_one_still_does(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    memory(desk)
    assert exit_code(monkeypatch, "publisher", "export", "leeds.sealed", "-a", "leeds") == 0
    (desk / "passphrase").write_text("four other words\n")
    capsys.readouterr()
    assert exit_code(monkeypatch, "publisher", "import", "leeds.sealed", "--state-dir", "other") == 1
    assert one_sentence(capsys) == "instep: leeds.sealed does not open with this passphrase."
    assert not (desk / "other").exists()
    (desk / "passphrase").write_text("four words are enough\n")
    assert exit_code(monkeypatch, "publisher", "import", "leeds.sealed", "--state-dir", "other") == 0


def test_an_export_overwrites_nothing_and_leaves_nothing_half_done(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    memory(desk)
    (desk / "leeds.sealed").write_text("mine")
    assert exit_code(monkeypatch, "publisher", "export", "leeds.sealed", "-a", "leeds") == 1
    assert "no file is overwritten" in one_sentence(capsys)
    assert (desk / "leeds.sealed").read_text() == "mine"
    (desk / "passphrase").write_text("short\n")
    assert exit_code(monkeypatch, "publisher", "export", "other.sealed", "-a", "leeds") == 1
    assert "take 12 characters or more" in one_sentence(capsys)
    monkeypatch.delenv("INSTEP_PASSPHRASE_FILE")
    assert exit_code(monkeypatch, "publisher", "export", "other.sealed", "-a", "leeds") == 1
    assert "name a file with it in INSTEP_PASSPHRASE_FILE" in one_sentence(capsys)
    assert sorted(path.name for path in desk.iterdir()) == ["data", "leeds.sealed", "passphrase"]


def test_of_several_memories_none_is_chosen_in_silence(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "publisher", "export", "x.sealed", "-a", "leeds") == 1
    assert "There is no memory of leeds" in one_sentence(capsys)
    memory(desk)
    memory(desk, cluster="another")
    assert exit_code(monkeypatch, "publisher", "export", "x.sealed", "-a", "leeds") == 1
    assert "--network sample --cluster another" in one_sentence(capsys)
    export = ("publisher", "export", "x.sealed", "-a", "leeds", "--cluster", "another")
    assert exit_code(monkeypatch, *export) == 0


def test_a_missing_file_and_a_place_that_cannot_be_written_to_are_named(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "publisher", "import", "nothing.sealed") == 1
    assert "nothing.sealed cannot be read (No such file or directory)" in one_sentence(capsys)
    memory(desk)
    assert exit_code(monkeypatch, "publisher", "export", "leeds.sealed", "-a", "leeds") == 0
    capsys.readouterr()
    assert exit_code(monkeypatch, "publisher", "import", "leeds.sealed", "--state-dir", "passphrase") == 1
    assert "cannot be written to (Not a directory)" in one_sentence(capsys)


def test_a_passphrase_is_asked_for_in_a_terminal(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    memory(desk)
    monkeypatch.delenv("INSTEP_PASSPHRASE_FILE")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    asked: list[dict[str, object]] = []

    def answer(question: str, **how: object) -> str:
        asked.append(how)
        return "four words are enough"

    monkeypatch.setattr("typer.prompt", answer)
    assert exit_code(monkeypatch, "publisher", "export", "leeds.sealed", "-a", "leeds") == 0
    assert exit_code(monkeypatch, "publisher", "import", "leeds.sealed", "--state-dir", "other") == 0
    assert [(how["hide_input"], how["confirmation_prompt"]) for how in asked] == [(True, True), (True, False)]
    assert "four words" not in capsys.readouterr().err


def test_what_an_earlier_version_has_left_counts_where_there_is_nothing_else(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for left in (desk / ".instep", desk / "data" / "instep"):
        with Memory.open(left / "publishers", "leeds"):
            pass
    assert exit_code(monkeypatch, "publisher", "export", "x.sealed", "-a", "leeds") == 1
    assert f"--state-dir {desk / '.instep'}" in one_sentence(capsys)
    home = memory(desk)
    assert exit_code(monkeypatch, "publisher", "export", "x.sealed", "-a", "leeds") == 0
    assert f"key {key_id((home / FILE).read_bytes())}" in capsys.readouterr().err
