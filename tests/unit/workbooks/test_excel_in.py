"""A workbook from outside: its cells, or a sentence."""

import random
import zipfile
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from instep.errors import FileFormatError
from instep.workbooks import excel_in, package
from instep.workbooks.excel_in import Formula, open_workbook
from tests.unit.workbooks.test_excel import cells, workbook


def refused(file: Path) -> str:
    with pytest.raises(FileFormatError) as refusal:
        cells(file)
    sentence = str(refusal.value)
    assert sentence.startswith(str(file))
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def changed(file: Path, part: str, before: bytes, after: bytes) -> Path:
    """The same workbook with other bytes in one of its parts."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert before in parts[part]
    parts[part] = parts[part].replace(before, after)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return workbook(tmp_path / "t.xlsx", {"name": "Ada", "people": 3})


def test_cells_have_their_kinds(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["text", 7, 1.5, True, "=1+1", None, datetime(2026, 4, 1, 9, 30)])  # noqa: DTZ001
    book.save(tmp_path / "t.xlsx")
    assert cells(tmp_path / "t.xlsx") == [
        ["text", 7, "1.5", "TRUE", Formula(), None, datetime(2026, 4, 1, 9, 30)]  # noqa: DTZ001
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no Excel workbook"),
        (b"outcome,note\r\nAPPLIED,\r\n", "no Excel workbook"),
        (b"PK\x03\x04 and then nothing", "no Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "password"),
    ],
)
def test_a_file_that_is_no_workbook_says_so(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "t.xlsx"
    file.write_bytes(content)
    assert words in refused(file)


def test_a_file_that_is_not_there_and_a_directory_say_so(tmp_path: Path) -> None:
    assert "not there" in refused(tmp_path / "t.xlsx")
    assert "not there" in refused(tmp_path)


def test_a_zip_of_anything_else_is_damaged(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert "damaged" in refused(tmp_path / "t.xlsx")


def test_a_workbook_with_macros_is_refused(sound: Path) -> None:
    with zipfile.ZipFile(sound, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"anything")
    assert "macros" in refused(sound)


def test_what_would_be_too_large_unpacked_is_not_unpacked(
    sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(sound, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", bytes(4_000_000))
    monkeypatch.setattr(package, "LARGEST_PART", 3_000_000)
    assert "too large unpacked" in refused(sound)
    monkeypatch.setattr(package, "LARGEST_PART", 5_000_000)
    monkeypatch.setattr(package, "LARGEST_SHEET", 10)
    assert "too large unpacked" in refused(sound)
    monkeypatch.setattr(package, "LARGEST_FILE", 10)
    assert "larger than" in refused(sound)


def test_a_zip_bomb_is_not_unpacked(sound: Path) -> None:
    """64 MB of one letter in a cell: 64 kB in the file."""
    changed(sound, "xl/worksheets/sheet1.xml", b"<t>Ada</t>", b"<t>" + b"A" * (64 << 20) + b"</t>")
    assert sound.stat().st_size < 200_000
    assert "too large unpacked" in refused(sound)


def test_a_sheet_that_claims_to_be_huge_is_as_large_as_its_cells(sound: Path) -> None:
    changed(
        sound, "xl/worksheets/sheet1.xml", b'<dimension ref="A1:D2"/>', b'<dimension ref="A1:XFD1048576"/>'
    )
    assert [len(row) for row in cells(sound)] == [4, 3]


def test_a_row_beyond_the_last_of_excel_is_never_reached(
    sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel_in, "MOST_ROWS", 20)
    changed(sound, "xl/worksheets/sheet1.xml", b'<row r="2"', b'<row r="999999999"')
    assert len(cells(sound)) == 21


def test_entities_that_multiply_are_refused(sound: Path) -> None:
    laughs = b'<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "%s">' % (ord("b") + n, b"&%c;" % (ord("a") + n) * 100) for n in range(9)
    )
    head = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    changed(sound, "xl/worksheets/sheet1.xml", head, head + laughs + b"]>")
    changed(sound, "xl/worksheets/sheet1.xml", b"<t>Ada</t>", b"<t>&j;</t>")
    assert "damaged" in refused(sound)


def test_any_damage_ends_in_cells_or_in_a_sentence(sound: Path) -> None:
    """Whatever bytes change, in the archive or in a part of it: no other error comes out."""
    seed = random.Random(20261128)
    whole = sound.read_bytes()
    with zipfile.ZipFile(sound) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    refusals = 0
    for number in range(300):
        if number % 2:
            changing = bytearray(whole)
            changing[seed.randrange(len(changing))] = seed.randrange(256)
            sound.write_bytes(changing)
        else:
            hit = seed.choice(list(parts))
            at = seed.randrange(len(parts[hit]))
            part = (
                parts[hit][:at] + seed.randbytes(seed.randrange(9)) + parts[hit][at + seed.randrange(1, 9) :]
            )
            with zipfile.ZipFile(sound, "w") as archive:
                for name, content in (parts | {hit: part}).items():
                    archive.writestr(name, content)
        try:
            with open_workbook(sound) as sheets:
                for sheet in sheets:
                    list(sheet.rows())
        except FileFormatError:
            refusals += 1
    assert refusals > 30
