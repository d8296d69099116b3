"""Writes to stdout and stderr without harm: the streams of every command go through here.

Promises:

- Text from outside moves no cursor: `printable` shows control characters as escapes.
- A character that a terminal's encoding lacks is shown as an escape, never as a traceback (`prepare_streams`).
- When a reader has closed the pipe, the command ends with exit code 1 and no word (`reader_has_left`).
"""

import errno
import logging
import os
import sys
from io import TextIOWrapper
from typing import IO, Any, NoReturn

from rich.console import Console

EXIT_FAILED = 1
# Windows calls a closed pipe an invalid argument.
CLOSED_PIPE = frozenset({errno.EPIPE, errno.EINVAL, errno.ESHUTDOWN})


def printable(text: str) -> str:
    r"""The text with escapes such as `\x1b` and `\u202e` for characters that are not shown as such; line breaks stay."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character == "\n" or character.isprintable()
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


class Screen(Console):
    """A console without markup: texts are printed as they are, made printable."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, markup=False, highlight=False)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print texts and renderables; a renderable has to make its own texts printable."""
        super().print(*(printable(item) if isinstance(item, str) else item for item in objects), **options)

    def on_broken_pipe(self) -> None:
        """Called by rich when the reader has closed the pipe."""
        self.quiet = True
        reader_has_left(self.file)


def prepare_streams() -> None:
    """Let stdout and stderr replace each character that their encoding lacks by its escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write(text: str) -> None:
    """Write a result to stdout at once, exactly."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        if error.errno in CLOSED_PIPE:
            reader_has_left(sys.stdout)
        raise


def write_bytes(content: bytes) -> None:
    """Write bytes to stdout at once, whatever its encoding."""
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except OSError as error:
        if error.errno in CLOSED_PIPE:
            reader_has_left(sys.stdout)
        raise


def reader_has_left(stream: IO[str]) -> NoReturn:
    """End the command quietly.

    SystemExit leaves an event loop at once. Any other exception, raised in a callback, would only be logged there: once for
    each callback. The loop is left with work undone, of which libraries and asyncio would complain in their logs.
    """
    logging.disable()
    discard(stream)
    raise SystemExit(EXIT_FAILED)


def discard(stream: IO[str]) -> None:
    """Send all that is still written to the stream nowhere: Python flushes the streams once more as it exits."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def complain(text: str) -> None:
    """Print an error on stderr; when nobody reads stderr any more, the exit code has to say enough."""
    try:
        print(f"instep: {printable(text)}", file=sys.stderr)
    except OSError:
        discard(sys.stderr)


def flushed() -> bool:
    """Flush both streams. False when the reader of one has left; Python's own flush at exit is then quiet."""
    well = True
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            well = False
            discard(stream)
    return well
