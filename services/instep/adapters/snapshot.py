"""Keeps a file as it was at a moment: a file may grow or change under its reader.

A file is read twice: first for its households, then row by row. A row that came between the two readings would go out
without its household's protection. So the content is copied first, compressed and in memory: no
personal data is written to a disk.
"""

from __future__ import annotations

import io
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from instep.adapters.unicode_text import as_utf8
from instep.errors import FileFormatError

STANDARD_INPUT = Path("-")
LARGEST_KEPT = 512 << 20
"""Bytes of a compressed file."""
_BLOCK = 32 * 1024


def shown(path: Path) -> Path:
    """The file's name for messages."""
    return Path("Standard input") if path == STANDARD_INPUT else path


def snapshot(path: Path, *, text: bool) -> BinaryIO:
    """The content of a file, or of standard input for `-`; `text` files in UTF-16 come as UTF-8.

    Raises FileFormatError where the file is missing, no file, unreadable, too large, or is being written at this moment.
    """
    try:
        if path == STANDARD_INPUT:
            return _kept(shown(path), _chunks(sys.stdin.buffer, None), text=text)
        if not path.is_file():
            problem = "is a folder or a pipe, not a file" if path.exists() else "does not exist"
            raise FileFormatError(f"{path} {problem}.")
        with path.open("rb") as stream:
            before = _state(stream)
            size, _ = before
            content = _kept(path, _chunks(stream, size), text=text)
            if _state(stream) != before:
                raise FileFormatError(
                    f"{path} is still being written: nothing was read; wait until the file is whole, and try again."
                )
            return content
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read ({error.strerror}).") from None


def _state(stream: BinaryIO) -> tuple[int, int]:
    status = os.fstat(stream.fileno())
    return status.st_size, status.st_mtime_ns


def _chunks(stream: BinaryIO, size: int | None) -> Iterator[bytes]:
    """The bytes of a stream, at most `size`: a file may grow faster than anybody reads."""
    while chunk := stream.read(_BLOCK if size is None else min(_BLOCK, size)):
        yield chunk
        size = None if size is None else size - len(chunk)


def _kept(path: Path, chunks: Iterable[bytes], *, text: bool) -> BinaryIO:
    blocks, size, kept = [], 0, 0
    for block in _blocks(as_utf8(chunks) if text else chunks):
        blocks.append(zlib.compress(block, 1))
        size += len(block)
        kept += len(blocks[-1])
        if kept > LARGEST_KEPT:
            raise FileFormatError(f"{path} is too large to be read at once: split the file.")
    return io.BufferedReader(_Blocks(blocks, size))


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of one length; the last may be shorter."""
    rest = bytearray()
    for chunk in chunks:
        rest += chunk
        while len(rest) >= _BLOCK:
            yield bytes(rest[:_BLOCK])
            del rest[:_BLOCK]
    if rest:
        yield bytes(rest)


class _Blocks(io.RawIOBase):
    """Compressed blocks, read as a file."""

    def __init__(self, blocks: list[bytes], size: int) -> None:
        super().__init__()
        self._blocks, self._size, self._position = blocks, size, 0
        self._open_block, self._content = -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # any writable buffer
        number, within = divmod(self._position, _BLOCK)
        if number >= len(self._blocks):
            return 0
        if number != self._open_block:
            self._open_block, self._content = number, zlib.decompress(self._blocks[number])
        piece = self._content[within : within + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)
