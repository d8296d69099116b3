"""Refused rows come back as a file that reads like the first one, with nothing read otherwise than before."""

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.adapters.csv_moves import COLUMNS, REASON, read_moves
from instep.adapters.line import Note, Refused, Row
from instep.adapters.settings import Settings
from instep.adapters.to_correct import BY_HAND, RefusalCause, write_events, write_moves

GOOD = {
    "reference": "R-000001",
    "given_names": "Ada",
    "family_name": "Testcase",
    "date_of_birth": "1990-01-31",
    "old_postcode": "NW1 1RN",
    "new_postcode": "SW9 8FG",
    "move_date": "2026-09-01",
    "household_reference": "H-000001",
    "protected": "no",
    "recorded_at": "2026-09-02T10:00:00Z",
}
HEADINGS = ",".join(COLUMNS)


def text(**changes: str) -> str:
    out = io.StringIO()
    csv.DictWriter(out, COLUMNS, restval="", lineterminator="").writerow(GOOD | changes)
    return out.getvalue()


def read(file: Path, remarks: list[Note] | None = None) -> list[Row | Refused]:
    noted: list[Note] = [] if remarks is None else remarks
    settings = Settings(today=date(2026, 11, 28), remark=lambda line, note: noted.append(note))
    return list(read_moves(file, settings))


def handed_back(file: Path) -> Path:
    """The file of the rows that reading refuses."""
    target = file.with_name(f"back-{file.name}")
    faults = {
        line.line: RefusalCause(line.reason, f'{line.column}: it is wrong, "see" the page')
        for line in read(file)
        if isinstance(line, Refused)
    }
    write_moves(file, target, faults, {})
    return target


def written(tmp_path: Path, *lines: str, end: str = "\n") -> Path:
    file = tmp_path / "moves.csv"
    file.write_text("\n".join(lines) + end, encoding="utf-8")
    return file


def test_only_refused_rows_come_back_with_the_same_headings_and_the_reasons(tmp_path: Path) -> None:
    bad = text(reference="R-2", move_date="31/02/2026", family_name='O"Brien, junior')
    back = handed_back(written(tmp_path, HEADINGS, text(), bad))
    with back.open(encoding="utf-8-sig", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert list(row) == [REASON, *COLUMNS]
    assert row["move_date"] == "31/02/2026"
    assert row["family_name"] == 'O"Brien, junior'
    assert row[REASON].startswith("move_date: ")


def test_a_corrected_row_is_read_and_the_column_of_reasons_is_passed_over_in_silence(tmp_path: Path) -> None:
    back = handed_back(written(tmp_path, HEADINGS, text(move_date="31/02/2026")))
    corrected = back.read_text(encoding="utf-8-sig").replace("31/02/2026", "01/09/2026")
    back.write_text(corrected, encoding="utf-8")
    remarks: list[Note] = []
    (row,) = read(back, remarks)
    assert isinstance(row, Row)
    assert remarks == []


def test_a_row_that_is_wrong_again_comes_back_with_one_column_of_reasons(tmp_path: Path) -> None:
    first = handed_back(written(tmp_path, HEADINGS, text(move_date="31/02/2026")))
    again = handed_back(first)
    assert again.read_text("utf-8-sig").splitlines()[0] == f"{REASON},{HEADINGS}"
    assert len(read(again)) == 1


DAMAGES = (
    text(move_date="31/02/2026"),
    text().rpartition(",")[0],
    text() + ",more",
    text().replace("Ada", '"Ada'),
    text().replace("Ada", '"Ada"x'),
    text().replace("Testcase", "Test,case"),
    HEADINGS,
    ",".join(reversed(COLUMNS)),
    text().replace("Testcase", "Test\0case"),
    text().replace("Testcase", '"' + "x" * 70_000 + '"'),
)


@given(st.lists(st.sampled_from((*DAMAGES, text())), min_size=1, max_size=8), st.sampled_from(("\n", "")))
def test_an_uncorrected_row_is_refused_again_whatever_its_damage(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], end: str
) -> None:
    file = written(tmp_path_factory.mktemp("rows"), HEADINGS, *rows, end=end)
    refused = [line for line in read(file) if isinstance(line, Refused)]
    back = handed_back(file)
    again = read(back)
    assert [line for line in again if isinstance(line, Row)] == []
    assert len(again) >= len([line for line in refused if line.reason not in BY_HAND])


def test_the_other_delimiters_and_windows_1252_come_back_readable(tmp_path: Path) -> None:
    file = tmp_path / "moves.csv"
    bad = text(move_date="31/02/2026", family_name="Zoë").replace(",", ";")
    file.write_bytes(f"{HEADINGS.replace(',', ';')}\r\n{bad}\r\n".encode("cp1252"))
    back = handed_back(file)
    assert back.read_bytes().startswith(b"\xef\xbb\xbf")
    with back.open(encoding="utf-8-sig", newline="") as stream:
        (row,) = csv.DictReader(stream, delimiter=";")
    assert row["family_name"] == "Zoë"


def test_json_lines_come_back_as_they_are(tmp_path: Path) -> None:
    file, target = tmp_path / "events.jsonl", tmp_path / "back.jsonl"
    file.write_text('{"a": 1}\n{"b": 2}\n{"c": 3}\n', encoding="utf-8")
    write_events(file, target, {2: RefusalCause("not-an-event", "wrong")})
    assert target.read_text(encoding="utf-8") == '{"b": 2}\n'


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    file = written(tmp_path, HEADINGS, text(move_date="31/02/2026"))
    handed_back(file)
    with pytest.raises(FileExistsError):
        handed_back(file)
