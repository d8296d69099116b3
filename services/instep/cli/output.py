"""Prints the results of commands: a table for people, or JSON lines for programs; progress goes to stderr.

Results go to stdout, everything else (progress, notes, errors) to stderr, so that `--output json` can be piped. Texts from
outside are shown with escapes for control characters; in JSON the escapes are JSON's own, and the value is exact.
"""

import json
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from instep.cli.screen import Screen, printable, write


class OutputForm(StrEnum):
    """The form of results."""

    TABLE = "table"
    JSON = "json"


class FileFormat(StrEnum):
    """The format of a file of records."""

    CSV = "csv"
    XLSX = "xlsx"
    JSONL = "jsonl"


OutputOption = Annotated[
    OutputForm,
    typer.Option("--output", "-o", help="A table for people, or one JSON object a line for programs."),
]
"""Declare a command's parameter as `output: OutputOption = Output.TABLE`."""


LARGEST_TABLE = 1000
"""The rows of a table that are shown, unless a command says otherwise; `--output json` shows all."""


def show(
    output: OutputForm,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    title: str | None = None,
    *,
    at_most: int = LARGEST_TABLE,
    all_of_them: str = "--output json",
    nothing: str = "There is nothing to show.",
) -> None:
    """Print rows: as a table of `columns` (an absent key shows as nothing), or whole, a JSON object on each line.

    A table stops after `at_most` rows; its last line counts the others and names `all_of_them`, the option that shows all.
    Without a row the note `nothing` is printed on stderr, and no table.
    """
    if output is OutputForm.JSON:
        show_lines(rows)
        return
    table = Table(
        *columns,
        title=title and printable(title),
        title_justify="left",
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    more = 0
    for row in rows:
        if table.row_count < at_most:
            table.add_row(*(_cell(row.get(column)) for column in columns))
        else:
            more += 1
    if not table.row_count:
        note(nothing)
        return
    stdout().print(table)
    if more:
        stdout().print(f"… and {more:,} more: {all_of_them}", soft_wrap=True)


def show_lines(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print each row as a JSON object on its own line, at once (for `--follow`)."""
    for row in rows:
        write(json_line(row, sys.stdout.encoding))


def json_line(row: Mapping[str, Any], encoding: str = "utf-8") -> str:
    """The row as a line of JSON, exact in value, with escapes for all that a terminal or the encoding would not show."""
    unicode = encoding.lower().replace("-", "") == "utf8"
    line = json.dumps(row, ensure_ascii=not unicode, default=str)
    return (line if line.isprintable() else _UNPRINTABLE.sub(_escaped, line)) + "\n"


# A superset of the characters that are not printable; json.dumps escapes those below U+0020 itself.
_UNPRINTABLE = re.compile(r"[^ -~]")


def _escaped(match: re.Match[str]) -> str:
    return match[0] if match[0].isprintable() else json.dumps(match[0])[1:-1]


def stdout() -> Screen:
    """The console for results."""
    # A table that is piped into a file is not cut at 80 columns.
    return Screen(width=None if sys.stdout.isatty() else 200)


def stderr() -> Screen:
    """The console for progress and notes."""
    return Screen(stderr=True)


def note(text: str) -> None:
    """Print a note on stderr, where no results go."""
    stderr().print(text, soft_wrap=True)


@contextmanager
def progress(description: str, total: float | None = None) -> Iterator["Bar"]:
    """Progress on stderr: a bar in a terminal; elsewhere a line each five seconds, so that a log shows life."""
    console = stderr()
    if not console.is_terminal:
        yield Bar(None, description, total)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        yield Bar(bars, description, total)


LINE_EVERY_S = 5.0


class Bar:
    """The progress of a command, as a bar of rich's or as lines."""

    def __init__(self, bars: Progress | None, description: str, total: float | None) -> None:
        self._bars = bars
        self._description = printable(description)
        self._total = total
        self._done = 0.0
        self._line_at = time.monotonic() + LINE_EVERY_S
        self._task = bars.add_task(self._description, total=total) if bars else None

    @property
    def visible(self) -> bool:
        """Whether anybody sees a bar, and not lines."""
        return self._bars is not None

    def advance(self, by: float = 1) -> None:
        """`by` more are done."""
        self.update(done=self._done + by)

    def update(
        self, *, description: str | None = None, total: float | None = None, done: float | None = None
    ) -> None:
        """Change the description, the total, or the amount done."""
        if description is not None:
            self._description = printable(description)
        if total is not None:
            self._total = total
        if done is not None:
            self._done = done
        if self._bars is not None and self._task is not None:
            self._bars.update(
                self._task, description=self._description, total=self._total, completed=self._done
            )
        elif time.monotonic() >= self._line_at:
            self._line_at = time.monotonic() + LINE_EVERY_S
            note(self._line())

    def _line(self) -> str:
        of = f" of {self._total:,.0f}" if self._total else ""
        return f"{self._description}: {self._done:,.0f}{of}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple | set | frozenset):
        return printable(", ".join(str(item) for item in value))
    return printable(str(value))
