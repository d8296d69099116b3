"""Reads the elements of a JSON array singly, so that a file of any length costs the memory of its longest element.

`json` alone would hold the whole file several times over. Takes `[…]`, a single object, and an object whose first member,
under the name given, is the array.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from instep.errors import FileFormatError

LONGEST_ELEMENT = 1024 * 1024
_CHUNK = 64 * 1024
_BLANK = re.compile(r"\s*")


class Element(NamedTuple):
    """An element, the line of the file where the element begins, and the bytes read so far."""

    line: int
    value: Any
    position: int


def elements(stream: BinaryIO, path: Path, member: str) -> Iterator[Element]:
    """Every element; raises FileFormatError where the file is not such JSON, or ends in the middle.

    The elements before the fault have been given by then, as with every other file that is cut off.
    """
    text = _Text(stream, path)
    wrapped = re.compile(r"\s*\{\s*" + re.escape(json.dumps(member)) + r"\s*:\s*\[")
    text.more()
    if opening := wrapped.match(text.unread):
        text.drop(opening.end())
    elif text.mark() == "{":
        yield text.element()
        if text.mark():
            raise FileFormatError(f"{path} is not one JSON document: something follows the first object.")
        return
    elif text.mark() == "[":
        text.drop(1)
    else:
        raise FileFormatError(f"{path} is not JSON: it begins with neither a list nor an object.")
    mark = text.mark()
    while mark != "]":
        yield text.element()
        mark = text.mark()
        if mark == ",":
            text.drop(1)
            if text.mark() == "]":
                raise FileFormatError(
                    f"{path} is not valid JSON: line {text.line} has a comma before the end."
                )
        elif mark != "]":
            raise text.broken()


class _Text:
    """A window on the file's text: `unread` has come from the file and has not been used."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        # Line breaks within a text are refused or put right with the text, and cost no file.
        self._decoder = json.JSONDecoder(strict=False)
        self._ended = False
        self._start = 0  # of `unread`, so that an element costs no copying of the rest
        self._buffer = ""
        self.line = 1
        self.position = 0

    @property
    def unread(self) -> str:
        return self._buffer[self._start :]

    def more(self) -> bool:
        """Read on; False at the end of the file."""
        if self._ended:
            return False
        raw = self._stream.read(_CHUNK)
        self.position += len(raw)
        self._ended = not raw
        try:
            self._buffer = self._buffer[self._start :] + self._decode.decode(raw, final=not raw)
        except UnicodeDecodeError:
            raise FileFormatError(f"{self._path} is not in UTF-8, as JSON has to be.") from None
        self._start = 0
        return not self._ended

    def drop(self, length: int) -> None:
        self.line += self._buffer.count("\n", self._start, self._start + length)
        self._start += length

    def mark(self) -> str:
        """The next character that is not blank, where `unread` then begins; "" at the end of the file."""
        while True:
            blank = _BLANK.match(self._buffer, self._start)
            self.drop(blank.end() - self._start if blank else 0)
            if self._start < len(self._buffer):
                return self._buffer[self._start]
            if not self.more():
                return ""

    def element(self) -> Element:
        self.mark()
        wanted = 0
        while True:
            # An unfinished element is tried again only when `unread` has doubled: the cost of a long element stays linear.
            if len(self._buffer) - self._start >= wanted or self._ended:
                try:
                    value, end = self._decoder.raw_decode(self._buffer, self._start)
                except (ValueError, RecursionError):
                    wanted = 2 * (len(self._buffer) - self._start)
                else:
                    line = self.line
                    self.drop(end - self._start)
                    return Element(line, value, self.position)
            if self._ended:
                raise self.broken()
            if len(self._buffer) - self._start > LONGEST_ELEMENT:
                raise FileFormatError(
                    f"{self._path}: what begins on line {self.line} is broken, or longer than 1 MiB."
                )
            self.more()

    def broken(self) -> FileFormatError:
        if self._ended and not self._is_broken_within():
            return FileFormatError(
                f"{self._path} ends in the middle, in what begins on line {self.line}: it was cut off."
            )
        return FileFormatError(f"{self._path} is not valid JSON in what begins on line {self.line}.")

    def _is_broken_within(self) -> bool:
        """Whether `unread` breaks JSON's rules before its end."""
        try:
            self._decoder.raw_decode(self._buffer, self._start)
        except json.JSONDecodeError as error:
            unclosed = error.msg.startswith("Unterminated string")
            return not unclosed and error.pos < len(self._buffer.rstrip())
        except RecursionError:
            return True
        return self.mark() not in ("", "]")
