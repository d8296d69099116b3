"""Finds a few tags in a large XML file without parsing all of the file."""

import re
from collections.abc import Iterator
from typing import IO

_CHUNK = 1 << 20
_LONGEST_TAG = 1 << 16


def tags(stream: IO[bytes], pattern: re.Pattern[bytes]) -> Iterator[re.Match[bytes]]:
    """The matches of a pattern, in order; the pattern begins with `<` and stays within a tag."""
    rest = b""
    while chunk := stream.read(_CHUNK):
        text = rest + chunk
        cut = text.rfind(b"<")
        if cut < 0 or len(text) - cut > _LONGEST_TAG:
            cut = len(text)
        yield from pattern.finditer(text[:cut])
        rest = text[cut:]
    yield from pattern.finditer(rest)
