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
_KEPT = 4096
"""Characters of a broken element that are kept, to name it."""
_LONGEST_WORD = 64
"""Characters of an unfinished word or number, or of an element's beginning, that the next chunk may complete."""
_JUNK = " \t\r\n\0,\ufeff\x1a"
"""What may stand between two elements by mistake."""
_ESCAPED = re.compile("[\udc80-\udcff]")
_WINDOWS = [bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)]
_BLANK = re.compile(r"\s*")


class _RepeatedNameError(ValueError):
    """A name comes twice in an object, with two values."""


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) < len(pairs) and any(whole[name] != value for name, value in pairs):
        raise _RepeatedNameError
    return whole


class Broken(NamedTuple):
    """Why an element cannot be read, and how its text begins."""

    reason: str
    text: str


class Element(NamedTuple):
    """An element, the line of the file where the element begins, and the bytes read so far.

    `broken` is set where the element breaks JSON's rules: it has no value. `windows`: bytes of Windows-1252 stand in it.
    """

    line: int
    value: Any
    position: int
    broken: Broken | None = None
    windows: bool = False


def elements(
    stream: BinaryIO, path: Path, member: str, resume: re.Pattern[str] | None = None
) -> Iterator[Element]:
    """Every element; raises FileFormatError where the file is not such JSON, or ends in the middle.

    The elements before the fault have been given by then. With `resume`, a pattern of how elements begin, an element that
    breaks JSON's rules is given as `broken`, and reading goes on with the next beginning.
    """
    text = _Text(stream, path, resume)
    wrapped = re.compile(r"\s*\{\s*" + re.escape(json.dumps(member)) + r"\s*:\s*\[")
    text.more()
    if opening := wrapped.match(text.unread):
        text.drop(opening.end())
    elif text.mark() == "{" and resume:
        yield from _as_far_as_can_be_read(text, "")
        return
    elif text.mark() == "{":
        yield text.element()
        if text.mark():
            raise FileFormatError(f"{path} is not one JSON document: something follows the first object.")
        return
    elif text.mark() == "[":
        text.drop(1)
    else:
        raise FileFormatError(f"{path} is not JSON: it begins with neither a list nor an object.")
    yield from _of_list(text) if resume is None else _as_far_as_can_be_read(text, "]")


def _of_list(text: _Text) -> Iterator[Element]:
    mark = text.mark()
    while mark != "]":
        yield text.element()
        mark = text.mark()
        if mark == ",":
            text.drop(1)
            if text.mark() == "]":
                raise FileFormatError(
                    f"{text.path} is not valid JSON: line {text.line} has a comma before the end."
                )
        elif mark != "]":
            raise text.broken()


def _as_far_as_can_be_read(text: _Text, end: str) -> Iterator[Element]:
    """Each element, sound or broken, up to `end`; commas too few or too many cost nothing."""
    broken = False
    while (mark := text.mark()) != end:
        if mark == ",":
            text.drop(1)
        elif mark:
            element = text.element()
            broken = element.broken is not None
            if element.broken is None or element.broken.text.strip(_JUNK):
                yield element
        elif broken:  # and said
            return
        else:
            yield Element(text.line, None, text.position, Broken("cut-off", ""))
            return


class _Text:
    """A window on the file's text: `unread` has come from the file and has not been used."""

    def __init__(self, stream: BinaryIO, path: Path, resume: re.Pattern[str] | None) -> None:
        self._stream = stream
        self.path = path
        self._resume = resume
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape" if resume else "strict")
        # Line breaks within a text are refused or put right with the text, and cost no file.
        self._decoder = json.JSONDecoder(strict=False, object_pairs_hook=_object_of if resume else None)
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
            raise FileFormatError(f"{self.path} is not in UTF-8, as JSON has to be.") from None
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
                except (ValueError, RecursionError) as error:
                    if self._resume and (reason := self._reason(error)):
                        return self._passed_over(reason, self._resume)
                    wanted = 2 * (len(self._buffer) - self._start)
                else:
                    return self._element(value, end)
            if self._ended:
                raise self.broken()
            if len(self._buffer) - self._start > LONGEST_ELEMENT:
                if self._resume:
                    return self._passed_over("broken-json", self._resume)
                raise FileFormatError(
                    f"{self.path}: what begins on line {self.line} is broken, or longer than 1 MiB."
                )
            self.more()

    def _element(self, value: Any, end: int) -> Element:
        line, start = self.line, self._start
        self.drop(end - start)
        if self._resume is None or not _ESCAPED.search(self._buffer, start, end):
            return Element(line, value, self.position)
        text = _ESCAPED.sub(lambda byte: _WINDOWS[ord(byte[0]) - 0xDC80], self._buffer[start:end])
        return Element(line, self._decoder.raw_decode(text)[0], self.position, windows=True)

    def _reason(self, error: Exception) -> str:
        """Why what is unread can become no element, however the file goes on; "" where it may."""
        if isinstance(error, RecursionError):
            return "too-deep"
        if isinstance(error, _RepeatedNameError):
            return "repeated-name"
        if isinstance(error, json.JSONDecodeError) and self._ended:
            return "broken-json" if self._is_broken_within() else "cut-off"
        is_within = isinstance(error, json.JSONDecodeError) and error.pos < len(self._buffer) - _LONGEST_WORD
        return "broken-json" if is_within and "Unterminated" not in str(error) else ""

    def _passed_over(self, reason: str, resume: re.Pattern[str]) -> Element:
        """What is unread up to the next beginning of an element, as broken."""
        line, written = self.line, ""
        while (beginning := resume.search(self._buffer, self._start + 1)) is None:
            written = written or self.unread[:_KEPT]
            # A beginning may go on in the next chunk.
            self.drop(max(len(self._buffer) - self._start - _LONGEST_WORD, 0))
            if not self.more():
                self.drop(len(self._buffer) - self._start)
                return Element(line, None, self.position, Broken(reason, written))
        written = written or self._buffer[self._start : beginning.start()][:_KEPT]
        self.drop(beginning.start() - self._start)
        return Element(line, None, self.position, Broken(reason, written))

    def broken(self) -> FileFormatError:
        if self._ended and not self._is_broken_within():
            return FileFormatError(
                f"{self.path} ends in the middle, in what begins on line {self.line}: it was cut off."
            )
        return FileFormatError(f"{self.path} is not valid JSON in what begins on line {self.line}.")

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
