"""Prints the results of commands: a table for people, or JSON lines for programs; progress goes to stderr.

Results go to stdout, everything else (progress, notes, errors) to stderr, so that `--output json` can be piped.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

# Line breaks and tabs are wanted; U+2028 and its neighbours break lines too, or reverse them.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class Output(StrEnum):
    """The form of results."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="A table for people, or one JSON object a line for programs.")
]
"""Declare a command's parameter as `output: OutputOption = Output.TABLE`."""


def show(
    output: Output, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], title: str | None = None
) -> None:
    """Print rows: as a table of `columns` (an absent key shows as nothing), or whole, a JSON object on each line."""
    if output is Output.JSON:
        show_lines(rows)
        return
    table = Table(*columns, title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    stdout().print(table)


def show_lines(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print each row as a JSON object on its own line, at once (for `--follow`)."""
    for row in rows:
        # JSON escapes only the first 32; outside a string none of the others can stand.
        sys.stdout.write(shown(json.dumps(row, ensure_ascii=False, default=str)) + "\n")
        sys.stdout.flush()


def shown(text: str) -> str:
    """The text with control characters as escapes: another council's words must not drive the reader's terminal."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def stdout() -> Console:
    """The console for results; without markup, so that text from outside is printed unchanged."""
    # A table that is piped into a file is not cut at 80 columns.
    width = None if sys.stdout.isatty() else 200
    return Console(markup=False, highlight=False, width=width)


def stderr() -> Console:
    """The console for progress and notes."""
    return Console(stderr=True, markup=False, highlight=False)


def note(text: str) -> None:
    """Print a note on stderr, where no results go."""
    stderr().print(text, soft_wrap=True)


@contextmanager
def progress(description: str, total: float | None = None) -> Iterator["Bar"]:
    """A progress bar on stderr; silent when stderr is not a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = stderr()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        yield Bar(bars, description, total)


class Bar:
    """A bar of `progress`."""

    def __init__(self, bars: Progress, description: str, total: float | None) -> None:
        self._bars = bars
        self._task = bars.add_task(description, total=total)

    @property
    def visible(self) -> bool:
        """Whether anybody sees the bar."""
        return not self._bars.disable

    def advance(self, by: float = 1) -> None:
        """`by` more are done."""
        self._bars.advance(self._task, by)

    def update(
        self, *, description: str | None = None, total: float | None = None, done: float | None = None
    ) -> None:
        """Change the description, the total, or the amount done."""
        self._bars.update(self._task, description=description, total=total, completed=done)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple | set | frozenset):
        return shown(", ".join(str(item) for item in value))
    return shown(str(value))
