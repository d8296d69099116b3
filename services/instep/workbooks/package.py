"""The ZIP file that a workbook is (.xlsx and .ods alike): sound, neither locked nor with macros, and of bounded size.

A workbook from outside may be anything. The file is read once, so no program changes the content meanwhile. Its unpacked
sizes are bounded before anything is unpacked. No part is ever written to a disk, whatever its name says.
"""

import zipfile
import zlib
from collections.abc import Collection
from io import BytesIO
from pathlib import Path

from instep.errors import FileFormatError

LARGEST_FILE = 128 << 20
LARGEST_SHEET = 1 << 30
"""Bytes of a sheet, unpacked; sheets are read row by row."""
LARGEST_PART = 256 << 20
"""Bytes of all the other parts together, unpacked; openpyxl holds them in memory."""

MOST_TIMES_SMALLER = 100
"""How much smaller a large part may be in the file; the parts of real workbooks are 10 to 30 times smaller."""
_LARGE = 16 << 20

_OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SHEETS = ("xl/worksheets/", "content.xml")
_EXCEL_MACROS, _ODS_MACROS = "vbaproject.bin", ("basic/", "scripts/")
_ENCRYPTED = 0x1
_CHUNK = 1 << 20
_MANIFEST = "META-INF/manifest.xml"


def content_of(path: Path) -> bytes:
    """The bytes of a file; raises FileFormatError where there is no file, or its size is beyond bounds."""
    if not path.is_file():
        raise FileFormatError(f"{path} is not there, or is no file.")
    with path.open("rb") as stream:
        return bounded(path, stream.read(LARGEST_FILE + 1))


def bounded(path: Path, content: bytes) -> bytes:
    """The same content; raises FileFormatError where its size is beyond bounds."""
    if len(content) > LARGEST_FILE:
        raise FileFormatError(f"{path} is larger than {LARGEST_FILE >> 20} MB: split the list.")
    return content


def check_package(path: Path, content: bytes, suffix: str) -> None:
    """Raises FileFormatError where the content is no sound workbook of this suffix (`.xlsx`, `.ods`)."""
    if content.startswith(_OLD_OR_LOCKED):
        raise FileFormatError(
            f"{path} is locked with a password, or an old .xls: save it as {suffix} without a password."
        )
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            parts = archive.infolist()
            locked = _is_locked(archive, parts)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError, zlib.error) as error:
        kind = "Excel workbook" if suffix == ".xlsx" else "OpenDocument workbook"
        raise FileFormatError(
            f"{path} is no {kind}, or is damaged: save it as {suffix} and try again."
        ) from error
    if locked:
        raise FileFormatError(f"{path} is locked with a password: save it as {suffix} without a password.")
    _check_parts(path, parts, suffix)


def has_cell(content: bytes, texts: Collection[str]) -> bool:
    """Whether a sound workbook has one of these texts as the whole of a cell, as far as its bytes show without parsing.

    Parsing a large workbook takes a minute, and this search a second. The texts hold no character that XML escapes.
    """
    marks = [f">{text}<".encode() for text in texts]
    overlap = max(map(len, marks))
    with zipfile.ZipFile(BytesIO(content)) as archive:
        for name in archive.namelist():
            if not name.endswith(".xml"):
                continue
            with archive.open(name) as part:
                seen = b""
                while chunk := part.read(_CHUNK):
                    seen = seen[-overlap:] + chunk
                    if any(mark in seen for mark in marks):
                        return True
    return False


def _is_locked(archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo]) -> bool:
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        return True
    manifest = next((part for part in parts if part.filename == _MANIFEST), None)
    if manifest is None or manifest.file_size > _LARGE:
        return False
    return b"encryption-data" in archive.read(manifest)


def _check_parts(path: Path, parts: list[zipfile.ZipInfo], suffix: str) -> None:
    if any(_is_macro(part.filename.lower()) for part in parts):
        raise FileFormatError(f"{path} holds macros: save it as {suffix}, which has none.")
    others = sum(part.file_size for part in parts if not part.filename.startswith(_SHEETS))
    if others > LARGEST_PART or any(map(_too_large, parts)):
        raise FileFormatError(f"{path} would be too large unpacked: split the list.")


def _is_macro(name: str) -> bool:
    return name.endswith(_EXCEL_MACROS) or (name.startswith(_ODS_MACROS) and not name.endswith("/"))


def _too_large(part: zipfile.ZipInfo) -> bool:
    """Whether a part is too large, or holds so much in so few bytes that nobody has written it by work."""
    dense = part.file_size > _LARGE and part.file_size > MOST_TIMES_SMALLER * part.compress_size
    return dense or part.file_size > LARGEST_SHEET
