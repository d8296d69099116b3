"""A new file appears whole, or not at all."""

from pathlib import Path

import pytest

from instep.errors import FileFormatError
from instep.workbooks.new_file import new_file


def test_the_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    with new_file(file) as part:
        part.write_text("whole")
        assert not file.exists()
    assert [(path, path.read_text()) for path in tmp_path.iterdir()] == [(file, "whole")]


def write(file: Path, text: str, ending: BaseException | None = None) -> None:
    with new_file(file) as part:
        part.write_text(text)
        if ending is not None:
            raise ending


@pytest.mark.parametrize("ending", [KeyError(), KeyboardInterrupt(), SystemExit()])
def test_nothing_stays_of_a_file_that_is_not_completed(tmp_path: Path, ending: BaseException) -> None:
    with pytest.raises(type(ending)):
        write(tmp_path / "out.csv", "half", ending)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("somebody's work")
    with pytest.raises(FileFormatError, match="there already"):
        write(file, "ours", AssertionError("it was begun"))
    assert file.read_text() == "somebody's work"


def test_a_file_that_comes_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    def write_meanwhile(file: Path) -> None:
        with new_file(file) as part:
            part.write_text("ours")
            file.write_text("theirs")

    with pytest.raises(FileFormatError, match="there already"):
        write_meanwhile(tmp_path / "out.csv")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["theirs"]
