"""Reads a file's physical lines, and decodes each by itself.

Files that were put together by hand hold rows in UTF-8 beside rows in Windows-1252. So each row is UTF-8 where valid, else
Windows-1252. A line ends as Windows, Unix or the old Macintosh ends lines, even where a single file mixes them. Lines are
read singly and are bounded, so a file of any size, or without line breaks, costs no more memory than a few of the longest
permitted lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from instep.adapters.snapshot import shown, snapshot
from instep.errors import FileFormatError

LONGEST_LINE = 64 * 1024
LONGEST_KEPT = 1024 * 1024
"""The bytes that are kept of a line that is too long: a row's household may stand in them."""
_CHUNK = 64 * 1024
_FIRST_OF_JSON = 16
_BOM = b"\xef\xbb\xbf"
_END_OF_DOS_FILE = b"\x1a"
_FOREIGN = (
    (b"PK\x03\x04", "a spreadsheet or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "compressed"),
    (b"\xff\xfe\x00\x00", "in UTF-32"),
    (b"\x00\x00\xfe\xff", "in UTF-32"),
)


class PhysicalLine(NamedTuple):
    """A line with its ending; `unreadable` is "" or a reason; `ended` says whether the line has a line break.

    An unreadable line has its text too, as far as bytes can be shown as text: for a search, never for publishing.
    """

    number: int
    text: str
    position: int
    windows: bool
    ended: bool
    unreadable: str


def open_file(path: Path, wanted: str) -> BinaryIO:
    """A snapshot of a file; raises FileFormatError where the file is missing, empty or plainly not `wanted`."""
    stream = snapshot(path, text=True)
    start = stream.read(4096)
    stream.seek(0)
    problem = _foreign(start, wanted)
    if problem:
        stream.close()
        raise FileFormatError(f"{shown(path)} {problem}.")
    return stream


def _foreign(start: bytes, wanted: str) -> str:
    text = start.removeprefix(_BOM).strip()
    if not text.strip(_END_OF_DOS_FILE):
        return "is empty" if len(start) < 4096 else f"does not begin like {wanted}"
    for magic, kind in _FOREIGN:
        if start.startswith(magic):
            return f"is {kind}, not {wanted}; export it again as {wanted}"
    # A NUL further down costs its own row alone; a file of JSON may be a single line.
    first = text[:_FIRST_OF_JSON] if wanted == "JSON" else text.splitlines()[0]
    return f"is not {wanted}: it holds binary data" if b"\x00" in first else ""


def physical_lines(stream: BinaryIO) -> Iterator[PhysicalLine]:
    """Every line from the start of the file, numbered from 1, without a byte order mark or a DOS end-of-file mark."""
    stream.seek(0)
    position = 0
    for number, (raw, length, ended) in enumerate(_raw_lines(stream), start=1):
        position += length
        if number == 1:
            raw = raw.removeprefix(_BOM)
        if not ended and not (raw := raw.rstrip(_END_OF_DOS_FILE)):
            return
        if raw.strip() == _END_OF_DOS_FILE:
            raw = b"\n"
        if length > LONGEST_LINE:
            yield PhysicalLine(number, raw.decode("latin-1"), position, False, ended, "line-too-long")
            continue
        text, windows, unreadable = _decoded(raw)
        yield PhysicalLine(number, text, position, windows, ended, unreadable)


def _raw_lines(stream: BinaryIO) -> Iterator[tuple[bytes, int, bool]]:
    """Each line with its ending (its beginning, where the line is longer than LONGEST_KEPT), its bytes, whether it ended."""
    rest, dropped = b"", 0
    while chunk := stream.read(_CHUNK):
        pieces = (rest + chunk).splitlines(keepends=True)
        # The last piece may go on in the next chunk, and so may a carriage return: as a carriage return and line feed.
        rest = b"" if pieces[-1].endswith(b"\n") else pieces.pop()
        for piece in pieces:
            yield piece[:LONGEST_KEPT], dropped + len(piece), True
            dropped = 0
        if len(rest) > LONGEST_KEPT and not rest.endswith(b"\r"):
            dropped, rest = dropped + len(rest) - LONGEST_KEPT, rest[:LONGEST_KEPT]
    if rest:
        yield rest[:LONGEST_KEPT], dropped + len(rest), rest.endswith(b"\r")


def _decoded(raw: bytes) -> tuple[str, bool, str]:
    unreadable = "bad-encoding" if b"\x00" in raw else ""
    try:
        return raw.decode(), False, unreadable
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("cp1252"), True, unreadable
    except UnicodeDecodeError:  # five bytes mean nothing in Windows-1252 either
        return raw.decode("latin-1"), False, "bad-encoding"
