"""Outcomes of work lists are kept whole or not at all, and no value of a record with them."""

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from instep.client.kept_outcomes import opened
from instep.client.worklist import Key, RowOutcome
from instep.errors import PlatformError

AT = "2026-11-28T10:00:00+00:00"


def answer(number: int, outcome: str = "APPLIED", *, withdrawal: bool = False) -> RowOutcome:
    key = Key(
        purpose="council-tax",
        source="leeds",
        subject_ref=f"s-{number}",
        event_id=f"0b0e7c6a-5d2e-4c8e-9f36-{number:012}",
        withdrawal=withdrawal,
    )
    return RowOutcome(key=key, outcome=outcome)


def keep(directory: Path, *answers: RowOutcome) -> dict[str, int]:
    with opened(directory, "york") as kept:
        return dict(kept.keep(answers, AT))


def kept(directory: Path) -> list[RowOutcome]:
    with opened(directory, "york") as answers:
        return list(answers)


def test_answers_are_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    assert keep(tmp_path, answer(1), answer(2, "REFUSED"), answer(1, withdrawal=True)) == {"new": 3}
    assert kept(tmp_path) == [answer(1), answer(1, withdrawal=True), answer(2, "REFUSED")]


def test_a_later_answer_takes_the_place_of_the_earlier_and_a_list_checked_twice_changes_nothing(
    tmp_path: Path,
) -> None:
    keep(tmp_path, answer(1), answer(2))
    assert keep(tmp_path, answer(1), answer(2, "DIFFERS"), answer(3)) == {
        "unchanged": 1,
        "changed": 1,
        "new": 1,
    }
    assert kept(tmp_path) == [answer(1), answer(2, "DIFFERS"), answer(3)]


def test_nothing_is_half_kept(tmp_path: Path) -> None:
    keep(tmp_path, answer(1))

    def failing() -> Iterator[RowOutcome]:
        yield answer(1, "REFUSED")
        yield answer(2)
        raise KeyboardInterrupt

    with opened(tmp_path, "york") as answers, pytest.raises(KeyboardInterrupt):
        answers.keep(failing(), AT)
    assert kept(tmp_path) == [answer(1)]


def test_authorities_are_kept_apart_and_others_on_the_machine_cannot_look(tmp_path: Path) -> None:
    keep(tmp_path / "state", answer(1))
    with opened(tmp_path / "state", "hull") as answers:
        assert list(answers) == []
    assert stat.S_IMODE((tmp_path / "state" / "york").stat().st_mode) == 0o700


def test_a_file_that_cannot_be_used_is_named_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "york").mkdir()
    (tmp_path / "york" / "answers.sqlite").write_bytes(b"no database at all, but long enough to be looked at")
    with pytest.raises(PlatformError, match=r"answers\.sqlite, cannot be used"):
        kept(tmp_path)


def test_the_file_holds_references_ids_and_outcomes_alone(tmp_path: Path) -> None:
    keep(tmp_path, answer(1))
    with sqlite3.connect(tmp_path / "york" / "answers.sqlite") as connection:
        columns = [row[1] for row in connection.execute("pragma table_info(answer)")]
    connection.close()
    assert columns == ["purpose", "source", "subject_ref", "event_id", "withdrawal", "outcome", "at"]
