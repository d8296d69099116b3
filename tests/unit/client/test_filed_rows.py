"""Each row of a published file can be found again: by its event, its reference or its line."""

from pathlib import Path
from typing import Any

import pytest

from instep.client.filed_rows import KEPT_MS, FiledRow, opened, reading_rows
from instep.errors import PlatformError

NOW = 1_795_420_800_000


def row(line: int, **differences: Any) -> FiledRow:
    usual: dict[str, Any] = {"file": "moves.csv", "line": line, "outcome": "published", "at": NOW}
    return FiledRow(**usual | differences)


def sent(line: int, event_id: str, **differences: Any) -> FiledRow:
    return row(line, event_id=event_id, subject_ref="s-1", **differences)


def test_a_row_is_found_by_its_event_its_subject_and_its_line(tmp_path: Path) -> None:
    first, refused = sent(2, "e-1"), row(3, outcome="refused", column="move_date", reason="impossible-date")
    with opened(tmp_path, now_ms=NOW) as rows:
        rows.keep([first, refused])
        assert rows.of_event("e-1") == first
        assert rows.of_event("e-2") is None
        assert list(rows.of_subject("s-1")) == [first]
        assert list(rows.of_line("moves.csv", 3)) == [refused]
        assert list(rows.of_line("other.csv", 3)) == []
    assert first.place == "moves.csv line 2"


def test_a_row_refused_again_has_its_last_outcome_alone(tmp_path: Path) -> None:
    again = row(3, outcome="review", reason="reference-conflict", at=NOW + 1)
    with opened(tmp_path, now_ms=NOW) as rows:
        rows.keep([row(3, outcome="refused")])
        rows.keep([again])
        assert list(rows.of_line("moves.csv", 3)) == [again]


def test_a_row_that_was_put_right_is_refused_no_longer(tmp_path: Path) -> None:
    with opened(tmp_path, now_ms=NOW) as rows:
        rows.keep([row(3, outcome="refused")])
        rows.keep([sent(3, "e-1", at=NOW + 1)])
        assert [each.outcome for each in rows.of_line("moves.csv", 3)] == ["published"]


def test_a_line_keeps_the_events_of_every_file_of_that_name(tmp_path: Path) -> None:
    with opened(tmp_path, now_ms=NOW) as rows:
        rows.keep([sent(2, "e-1"), sent(2, "e-2", at=NOW + 1)])
        assert [each.event_id for each in rows.of_line("moves.csv", 2)] == ["e-1", "e-2"]


def test_an_event_sent_again_after_a_kill_has_a_single_row(tmp_path: Path) -> None:
    with opened(tmp_path, now_ms=NOW) as rows:
        rows.keep([sent(2, "e-1")])
        rows.keep([sent(4, "e-1")])
        assert [each.line for each in rows.of_subject("s-1")] == [4]


def test_rows_are_kept_as_long_as_the_network_keeps_answers(tmp_path: Path) -> None:
    with opened(tmp_path, now_ms=NOW) as rows:
        rows.keep([sent(2, "old", at=NOW - 1), sent(3, "kept", at=NOW)])
    with opened(tmp_path, now_ms=NOW + KEPT_MS) as rows:
        assert (rows.of_event("old"), rows.of_event("kept")) == (None, sent(3, "kept"))


def test_looking_makes_no_file(tmp_path: Path) -> None:
    with reading_rows(tmp_path / "leeds") as rows:
        assert rows is None
    assert list(tmp_path.iterdir()) == []


def test_what_was_kept_can_be_read(tmp_path: Path) -> None:
    with opened(tmp_path, now_ms=NOW) as rows:
        rows.keep([sent(2, "e-1")])
    with reading_rows(tmp_path) as rows:
        assert rows is not None
        assert rows.of_event("e-1") == sent(2, "e-1")


def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "rows.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(PlatformError, match=r"rows\.sqlite cannot be used .* Move it away"), opened(tmp_path):
        pass
