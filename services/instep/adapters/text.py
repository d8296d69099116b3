"""Reads a file's physical lines, and decodes each by itself.

Files that were put together by hand hold rows in UTF-8 beside rows in Windows-1252. So each row is UTF-8 where valid, else
Windows-1252. Lines are read singly and are bounded, so a file of any size, or without line breaks, costs no more memory than
the longest permitted line.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from instep.errors import FileFormatError

LONGEST_LINE = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_FOREIGN = (
    (b"PK\x03\x04", "a spreadsheet or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "compressed"),
    (b"\xff\xfe", "in UTF-16"),
    (b"\xfe\xff", "in UTF-16"),
)


class PhysicalLine(NamedTuple):
    """A line with its ending; `unreadable` is "" or a reason; `ended` says whether the line has a line break."""

    number: int
    text: str
    position: int
    windows: bool
    ended: bool
    unreadable: str


def open_file(path: Path, wanted: str) -> BinaryIO:
    """The file, opened at its start; raises FileFormatError where the file is missing, empty or plainly not `wanted`."""
    try:
        if not path.is_file():
            problem = "is a folder or a pipe, not a file" if path.exists() else "does not exist"
            raise FileFormatError(f"{path} {problem}.")
        stream = path.open("rb")
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read ({error.strerror}).") from None
    start = stream.read(4096)
    stream.seek(0)
    problem = _foreign(start, wanted)
    if problem:
        stream.close()
        raise FileFormatError(f"{path} {problem}.")
    return stream


def _foreign(start: bytes, wanted: str) -> str:
    if not start.removeprefix(_BOM).strip():
        return "is empty" if len(start) < 4096 else f"does not begin like {wanted}"
    for magic, kind in _FOREIGN:
        if start.startswith(magic):
            return f"is {kind}, not {wanted}; export it again as {wanted}"
    return f"is not {wanted}: it holds binary data" if b"\x00" in start else ""


def physical_lines(stream: BinaryIO) -> Iterator[PhysicalLine]:
    """Every line from the start of the file, numbered from 1, without a byte order mark."""
    stream.seek(0)
    number = position = 0
    while raw := stream.readline(LONGEST_LINE + 1):
        number += 1
        position += len(raw)
        if len(raw) > LONGEST_LINE:
            while not raw.endswith(b"\n") and (raw := stream.readline(LONGEST_LINE)):
                position += len(raw)
            yield PhysicalLine(number, "", position, False, True, "line-too-long")
            continue
        if number == 1:
            raw = raw.removeprefix(_BOM)
        text, windows, unreadable = _decoded(raw)
        yield PhysicalLine(number, text, position, windows, raw.endswith(b"\n"), unreadable)


def _decoded(raw: bytes) -> tuple[str, bool, str]:
    try:
        return raw.decode(), False, "" if b"\x00" not in raw else "bad-encoding"
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("cp1252"), True, ""
    except UnicodeDecodeError:  # five bytes mean nothing in Windows-1252 either
        return "", False, "bad-encoding"
