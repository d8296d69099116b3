"""Puts a text file in UTF-16 into UTF-8, with or without a byte order mark: Excel's "Unicode text" is such a file.

Half a character becomes NUL, so only its own row is refused.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain

_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_UTF_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_LOOKED_AT = 1024
_MOST = 0.7
"""The share of NUL beside letters of ASCII: headings hold hardly anything else."""
_ERRORS = "instep-nul"
codecs.register_error(_ERRORS, lambda error: ("\x00", error.end))  # type: ignore[attr-defined]


def as_utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks as they are, or in UTF-8 where they are UTF-16."""
    rest = iter(chunks)
    first = b""
    while len(first) < _LOOKED_AT and (chunk := next(rest, b"")):
        first += chunk
    encoding = encoding_of(first)
    if not encoding:
        yield from chain([first], rest)
        return
    decoder = codecs.getincrementaldecoder(encoding)(_ERRORS)
    for chunk in chain([first.removeprefix(encoding_mark(encoding))], rest):
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def encoding_mark(encoding: str) -> bytes:
    """The byte order mark of a UTF-16 encoding."""
    return next(mark for mark, name in _MARKS if name == encoding)


def encoding_of(start: bytes) -> str:
    """The UTF-16 encoding of a file that begins so; "" for any other file."""
    if start.startswith(_UTF_32):
        return ""
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    looked_at = start[: _LOOKED_AT // 2 * 2]
    for nul, letter, encoding in ((1, 0, "utf-16-le"), (0, 1, "utf-16-be")):
        nuls, letters = looked_at[nul::2], looked_at[letter::2]
        pairs = zip(nuls, letters, strict=False)
        plain = sum(high == 0 and 0 < low < 0x80 for high, low in pairs)
        if plain > _MOST * max(len(letters), 4):
            return encoding
    return ""
