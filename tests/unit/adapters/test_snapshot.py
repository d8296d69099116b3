"""A file is read as it was at one moment, in UTF-8 whatever its encoding, from a disk or from standard input."""

import codecs
import io
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instep.adapters import FORMATS, STANDARD_INPUT, Line, Refused, Row, read, snapshot
from instep.adapters.unicode_text import as_utf8
from instep.errors import FileFormatError
from tests.strategies import examples
from tests.unit.adapters.publishing import AUTHORITY, SETTINGS, Publisher, csv_of, events, row


class _Growing(io.BufferedReader):
    """A file to which another program adds a row while it is read."""

    path: Path

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        with self.path.open("ab") as stream:
            stream.write(b"\r\n")
        return content


def lines_of(path: Path, kind: str | None = None) -> list[Line]:
    return list(read(path, kind, authority=AUTHORITY, settings=SETTINGS))


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".ods", ".jsonl", ".json"])
def test_a_file_that_grows_while_it_is_read_is_refused_whole(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = publisher.file(csv_of(row()), suffix)
    _Growing.path = path
    opened = Path.open

    def open_growing(self: Path, mode: str = "r", **options: Any) -> Any:
        return _Growing(io.FileIO(self)) if mode == "rb" else opened(self, mode, **options)

    monkeypatch.setattr(Path, "open", open_growing)
    with pytest.raises(
        FileFormatError, match="is still being written: nothing was read; wait until the file is"
    ):
        read(path, authority=AUTHORITY, settings=SETTINGS)


def test_what_is_written_after_the_file_was_opened_is_not_read(publisher: Publisher) -> None:
    path = publisher.file(csv_of(row()))
    lines = read(path, authority=AUTHORITY, settings=SETTINGS)
    path.write_bytes(csv_of(row(reference="CT-2"), row(reference="CT-3")))
    assert [line.reference for line in lines if isinstance(line, Row)] == ["CT-1"]


def test_what_a_link_points_to_is_read_and_a_link_to_nothing_is_said(publisher: Publisher) -> None:
    link = publisher.directory / "latest.csv"
    link.symlink_to(publisher.file(csv_of(row())))
    assert len(lines_of(link)) == 1
    link.unlink()
    link.symlink_to(publisher.directory / "gone.csv")
    with pytest.raises(FileFormatError, match="does not exist"):
        lines_of(link)
    link.unlink()
    link.symlink_to(os.devnull)
    with pytest.raises(FileFormatError, match="is a folder or a pipe, not a file"):
        lines_of(link)


def test_a_file_that_is_too_large_to_be_kept_is_refused(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "LARGEST_KEPT", 100)
    with pytest.raises(FileFormatError, match="too large to be read at once: split the file"):
        lines_of(publisher.file(csv_of(row())))


def _standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_standard_input_is_read_like_a_file(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    _standard_input(monkeypatch, csv_of(row(), row(reference="CT-2", protected="yes")))
    lines = lines_of(STANDARD_INPUT, "csv")
    assert [line.shielded for line in lines if isinstance(line, Row)] == [True, True]


def test_standard_input_has_a_name_in_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in FORMATS:
        _standard_input(monkeypatch, b"")
        with pytest.raises(FileFormatError, match=r"^Standard input is empty\.$"):
            lines_of(STANDARD_INPUT, kind)


def test_a_sheet_of_a_file_without_sheets_is_said(publisher: Publisher) -> None:
    settings_of_sheet = replace(SETTINGS, sheet="May")
    with pytest.raises(FileFormatError, match="has no sheets, so leave out --sheet 'May'"):
        read(publisher.file(csv_of(row())), authority=AUTHORITY, settings=settings_of_sheet)


def test_standard_input_needs_a_format(monkeypatch: pytest.MonkeyPatch) -> None:
    _standard_input(monkeypatch, csv_of(row()))
    with pytest.raises(FileFormatError, match=r"say it with --format jsonl \| csv"):
        lines_of(STANDARD_INPUT)


ENCODINGS = [
    ("utf-16-le", codecs.BOM_UTF16_LE),
    ("utf-16-be", codecs.BOM_UTF16_BE),
    ("utf-16-le", b""),
    ("utf-16-be", b""),
]


@pytest.mark.parametrize(("encoding", "mark"), ENCODINGS)
@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_utf_16_with_any_line_end_and_delimiter_is_read_like_utf_8(
    publisher: Publisher, encoding: str, mark: bytes, ending: str, delimiter: str
) -> None:
    rows = csv_of(row(family_name="Łukasiewicz-Ó Dónaill"), row(reference="CT-2"))
    sent = events(publisher.publish(publisher.file(rows)))
    publisher.forget_everything_but_the_secret()
    text = rows.decode().replace("\r\n", ending).replace(",", delimiter)
    assert events(publisher.publish(publisher.file(mark + text.encode(encoding)))) == sent


def test_half_a_character_of_utf_16_costs_its_own_row_alone(publisher: Publisher) -> None:
    whole = csv_of(row(reference="CT-1"), row(reference="CT-2"), row(reference="CT-3"))
    content = whole.decode().replace("CT-2", "CT-\ud800").encode("utf-16", "surrogatepass")
    first, second, third = lines_of(publisher.file(content))
    assert isinstance(first, Row)
    assert isinstance(second, Refused)
    assert (second.line, second.reason) == (3, "bad-encoding")
    assert isinstance(third, Row)
    cut = lines_of(publisher.file(whole.decode().encode("utf-16")[:-7]))
    assert [type(line) for line in cut] == [Row, Row, Refused]


def test_utf_8_is_never_taken_for_utf_16(publisher: Publisher) -> None:
    for content in (csv_of(row()), b"\xef\xbb\xbf" + csv_of(row(family_name="Ó Dónaill"))):
        assert b"".join(as_utf8([content])) == content


@settings(examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=300),
    reads=st.lists(st.tuples(st.integers(0, 320), st.integers(0, 40)), max_size=6),
    block=st.integers(1, 50),
)
def test_a_snapshot_reads_like_the_file_itself(
    tmp_path: Path, content: bytes, reads: list[tuple[int, int]], block: int
) -> None:
    path = tmp_path / "t"
    path.write_bytes(content)

    def pieces(stream: BinaryIO) -> list[bytes]:
        found = []
        for start, length in reads:
            stream.seek(start)
            found += [stream.read(length), stream.read(3)]
        stream.seek(0)
        return [*found, stream.read()]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "_BLOCK", block)
        assert pieces(snapshot.snapshot(path, text=False)) == pieces(io.BytesIO(content))
