"""A refused row names all its faults at once, and what each cell may hold."""

import pytest

from instep.adapters import Refused, Settings, Triaged, read
from instep.adapters.line import Fault
from instep.client.filing import LineResult, _not_sent
from tests.unit.adapters.publishing import AUTHORITY, SETTINGS, TODAY, Publisher, csv_of, row


def refused(publisher: Publisher, **changes: str) -> Refused:
    path = publisher.file(csv_of(row(**changes)))
    (line,) = read(path, authority=AUTHORITY, settings=SETTINGS)
    assert isinstance(line, Refused)
    return line


def test_every_fault_of_a_row_is_told_and_the_first_is_as_before(publisher: Publisher) -> None:
    line = refused(
        publisher,
        reference="1.1E+07",
        move_date="31/02/2026",
        reason="holiday",
        recorded_at="",
        new_town="#REF!",
    )
    assert (line.column, line.reason) == ("reference", "reference-damaged")
    assert [(fault.column, fault.reason) for fault in line.faults] == [
        ("reference", "reference-damaged"),
        ("new_town", "spreadsheet-error"),
        ("move_date", "impossible-date"),
        ("reason", "unknown-value"),
        ("recorded_at", "missing-recorded-at"),
    ]


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("reason", "holiday", "write move, placement, renumbering or boundary-change, or nothing"),
        ("residence_kind", "castle", "write main, secondary or temporary, or nothing"),
        ("move_date", "31/02/2026", "write 2026-04-01 or 01/04/2026"),
        ("date_of_birth", "31/02/1990", "write 2026-04-01 or 01/04/2026"),
        ("recorded_at", "yesterday", "write 2026-04-01T09:30:00Z or 01/04/2026 09:30"),
    ],
)
def test_a_refusal_names_the_values_that_the_column_may_have(
    publisher: Publisher, column: str, cell: str, words: str
) -> None:
    (fault,) = refused(publisher, **{column: cell}).faults
    assert fault.column == column
    assert fault.meaning.endswith(words)
    for value in words.removeprefix("write ").removesuffix(", or nothing").replace(" or ", ", ").split(", "):
        path = publisher.file(csv_of(row(**{column: value}) if column != "date_of_birth" else row()))
        assert not any(
            isinstance(line, Refused) for line in read(path, authority=AUTHORITY, settings=SETTINGS)
        )


def test_faults_and_values_are_told_under_the_files_own_headings(publisher: Publisher) -> None:
    settings = Settings(today=TODAY, columns={"reason": "Why", "move_date": "When"})
    content = (
        csv_of(row(reason="holiday", move_date="soon"))
        .replace(b"reason", b"Why")
        .replace(b"move_date", b"When")
    )
    (line,) = read(publisher.file(content), authority=AUTHORITY, settings=settings)
    assert isinstance(line, Refused)
    assert [(fault.column, bool(fault.remedy)) for fault in line.faults] == [("When", True), ("Why", True)]


def test_a_row_whose_cells_nobody_can_tell_has_one_fault(publisher: Publisher) -> None:
    path = publisher.file(csv_of(row()) + b'CT-2,"Ms\r\n')
    line = list(read(path, authority=AUTHORITY, settings=SETTINGS))[-1]
    assert isinstance(line, Refused)
    assert line.faults == (Fault(column="", reason="unclosed-quote"),)


def test_a_fault_holds_no_value(publisher: Publisher) -> None:
    line = refused(publisher, reference="1.1E+07", move_date="31/02/2026", reason="holiday")
    text = repr(line.faults)
    assert not any(value in text for value in ("1.1E+07", "31/02", "holiday", "Quillfeather"))


def test_the_result_of_a_line_has_all_its_faults(publisher: Publisher) -> None:
    triaged: list[Triaged] = publisher.rows(row(reason="holiday", residence_kind="castle"))
    (line,) = triaged
    assert isinstance(line, Refused)
    result: LineResult = _not_sent(line)
    assert len(result.faults) == 2
    assert result.meaning == result.faults[0].meaning
    assert result.printed_reason == "unknown-value"
