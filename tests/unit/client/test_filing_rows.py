"""Publishing a file keeps what became of each row, so that a council finds each row again by reference, event or line."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from instep.adapters import Memory, read
from instep.adapters.recall import recalled
from instep.client.filed_rows import FiledRow, opened
from instep.client.filing import Filing, LineResult
from instep.client.publisher import Sendable
from tests.unit.adapters.publishing import SETTINGS, csv_of, row
from tests.unit.cases.council import gate


class Broker:
    """Confirms every event at once."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, authority: str, sendable: Sendable, confirmed: Callable[[int], None]) -> None:
        self.sent.append(sendable.event_id)
        confirmed(len(self.sent) - 1)

    async def flush(self) -> None:
        """Everything is confirmed already."""

    async def settle(self, within_s: float) -> None:
        """Everything is confirmed already."""


def publish(directory: Path, *rows: dict[str, str], name: str = "moves.csv") -> list[LineResult]:
    file = directory / name
    file.write_bytes(csv_of(*rows))
    results: list[LineResult] = []
    broker: Any = Broker()
    with Memory.open(directory, "leeds") as memory, opened(directory / "leeds") as kept:
        filing = Filing(
            lines=read(file, authority="leeds", settings=SETTINGS),
            authority="leeds",
            gate=gate(),
            memory=memory,
            file=name,
            rows=kept,
            report=results.append,
        )
        asyncio.run(filing.publish(broker))
    return results


def found(directory: Path, reference: str) -> list[FiledRow]:
    """The rows about a local reference."""
    with recalled(directory / "leeds", "leeds") as recall, opened(directory / "leeds") as kept:
        assert recall is not None
        return [each for subject in recall.pseudonyms(reference) for each in kept.of_subject(subject)]


def test_a_published_row_is_found_by_its_reference_and_its_event(tmp_path: Path) -> None:
    (result,) = publish(tmp_path, row(reference="CT-1"))
    (filed,) = found(tmp_path, "CT-1")
    assert found(tmp_path, "ct-1") == [filed]
    assert (filed.place, filed.outcome, filed.event_id) == ("moves.csv line 2", "published", result.event_id)
    with opened(tmp_path / "leeds") as kept:
        assert kept.of_event(result.event_id) == filed


def test_a_refused_row_is_found_by_its_reference_with_column_and_reason(tmp_path: Path) -> None:
    publish(tmp_path, row(), row(reference="CT-2", household_reference="HH-2", move_date="2026-02-30"))
    (filed,) = found(tmp_path, "CT-2")
    assert (filed.line, filed.outcome, filed.column, filed.reason) == (
        3,
        "refused",
        "move_date",
        "impossible-date",
    )


def test_a_row_that_nobody_can_read_is_found_by_its_line_alone(tmp_path: Path) -> None:
    results = publish(tmp_path, row(), row(reference="", family_name="Nobody"))
    assert [result.outcome for result in results] == ["published", "refused"]
    with opened(tmp_path / "leeds") as kept:
        (filed,) = kept.of_line("moves.csv", 3)
    assert (filed.outcome, filed.subject_ref) == ("refused", "")


def test_a_row_that_is_unchanged_keeps_its_first_entry(tmp_path: Path) -> None:
    publish(tmp_path, row())
    results = publish(tmp_path, row(reference="CT-0"), row(), name="tuesday.csv")
    assert [result.outcome for result in results] == ["published", "unchanged"]
    (filed,) = found(tmp_path, "CT-1")
    assert filed.place == "moves.csv line 2"


def test_no_value_of_a_row_is_kept(tmp_path: Path) -> None:
    bad = row(reference="CT-2", given_names="Zebedee", move_date="2026-02-30")
    publish(tmp_path, row(family_name="Quillfeather"), bad)
    kept = b"".join(file.read_bytes() for file in (tmp_path / "leeds").glob("rows.sqlite*"))
    assert b"published" in kept
    for value in (b"CT-1", b"CT-2", b"Quillfeather", b"Zebedee", b"1990", b"LS1", b"BD1"):
        assert value not in kept
