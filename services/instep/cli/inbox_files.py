"""Carries out `instep inbox A --format …` and `--work-list`: writes records of an inbox to a file or to stdout."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import assert_never

from aiokafka import TopicPartition

from instep.cli import council_views as views
from instep.cli.listing import connected, run
from instep.cli.output import Bar, FileFormat, json_line, note, progress
from instep.cli.screen import printable, write, write_bytes
from instep.client import worklist
from instep.client.council import Council, council
from instep.client.days import LONDON, Days
from instep.client.inbox_table import SHARED_HEADER, InboxTable, SharedFields
from instep.client.reader import Item, Reader, Stretch, reading
from instep.errors import ConfigurationError
from instep.workbooks.csv_file import MARK, CsvTable, SupportsWrite
from instep.workbooks.excel import MOST_ROWS, new_workbook
from instep.workbooks.new_file import new_file
from instep.workbooks.tables import Column, Value

AT_ONCE = 1 << 16

Row = Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRequest:
    """The user's options. `to` is None for stdout."""

    authority: str
    purpose: str | None
    format: FileFormat
    to: Path | None
    days: Days
    work_list: bool

    @property
    def file(self) -> Path:
        """The file to write; raises ConfigurationError where the records go to stdout."""
        if self.to is None:
            raise ConfigurationError("Say where the Excel file is to go: --to inbox.xlsx.")
        return self.to


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The records to write: where they lie, their number, and the fields that they share."""

    partitions: Sequence[TopicPartition]
    stretch: Stretch
    count: int
    forms: frozenset[SharedFields]


def nothing(days: Days) -> str:
    """The note when there is no record."""
    return "Nothing was received in these days." if days else "Nothing has been received."


def file_format(format: FileFormat | None, to: Path | None, *, work_list: bool) -> FileFormat:  # noqa: A002
    """The format that the options ask for; raises ConfigurationError where they contradict each other."""
    by_name = _by_name(to)
    if work_list and not {format, by_name} <= {None, FileFormat.XLSX}:
        raise ConfigurationError("A work list is an Excel file: --work-list --to work-list.xlsx.")
    asked = FileFormat.XLSX if work_list else format or by_name
    if asked is None:
        raise ConfigurationError("Say the format of the file: --format csv, xlsx or jsonl.")
    if asked is FileFormat.XLSX and to is None:
        raise ConfigurationError("Say where the Excel file is to go: --to inbox.xlsx.")
    if by_name is not None and by_name is not asked:
        raise ConfigurationError(f"{to} is not the name of a file of the format {asked}: name it *.{asked}.")
    if asked is FileFormat.XLSX and by_name is None:
        raise ConfigurationError(f"Excel opens no file called {to}: name it *.xlsx.")
    return asked


def _by_name(to: Path | None) -> FileFormat | None:
    suffix = to.suffix.lower().removeprefix(".") if to else ""
    return FileFormat(suffix) if suffix in set(FileFormat) else None


def write_inbox(request: InboxRequest, say: Callable[[str], None] = note) -> int:
    """Write the file, and say how many records are in it; returns their number."""
    return run(_write(request, say))


async def _write(request: InboxRequest, say: Callable[[str], None]) -> int:
    at = await council(*connected(), request.authority)
    async with reading(at.connection, at.schemas) as reader:
        with progress("reading the inbox") as bar:
            records = await _records(at, request, reader)
            if not records.count:
                say(nothing(request.days))
                if request.work_list:
                    return 0
            check_size(request, records.count)
            bar.update(description="writing", total=records.count, done=0)
            await _write_records(at, request, records, _items(reader, records, bar))
    if request.to is not None:
        say(f"{records.count:,} {'record is' if records.count == 1 else 'records are'} in {request.to}.")
    return records.count


def check_size(request: InboxRequest, count: int) -> None:
    """Raise ConfigurationError where the file would have more rows than its form can have."""
    if request.work_list and count > worklist.MOST_ROWS:
        raise ConfigurationError(
            f"There are {count:,} records, and a work list has {worklist.MOST_ROWS:,} rows at most:"
            " ask for fewer days with --since and --until."
        )
    if request.format is FileFormat.XLSX and count > MOST_ROWS:
        raise ConfigurationError(
            f"There are {count:,} records, and a sheet of Excel has {MOST_ROWS:,} rows at most:"
            " ask for fewer days with --since and --until, or for --format csv."
        )


async def _records(at: Council, request: InboxRequest, reader: Reader) -> Selection:
    """Looks through the records once, without decoding them: the columns come first in a file."""
    partitions = at.inboxes(request.purpose)
    days = request.days
    stretch = await reader.taken(partitions, since_ms=days.since_ms, until_ms=days.until_ms)
    forms: set[SharedFields] = set()
    count = 0
    async for record in reader.records(partitions, stretch.starts, stretch.ends):
        headers = dict(record.headers)
        paths = headers.get(SHARED_HEADER, b"").decode(errors="replace")
        forms.add(SharedFields(reader.kind(record), paths))
        count += 1
    return Selection(partitions=partitions, stretch=stretch, count=count, forms=frozenset(forms))


async def _items(reader: Reader, records: Selection, bar: Bar) -> AsyncIterator[Item]:
    stretch = records.stretch
    async for record in reader.records(records.partitions, stretch.starts, stretch.ends):
        yield reader.decoded(record)
        bar.advance()


async def _write_records(
    at: Council, request: InboxRequest, records: Selection, items: AsyncIterator[Item]
) -> None:
    table = InboxTable(at.schemas.values())
    columns = table.columns(records.forms)
    match request.format:
        case FileFormat.JSONL:
            with text_stream(request.to) as stream:
                async for item in items:
                    stream.write(json_line(views.inbox_object(item)))
        case FileFormat.CSV:
            with text_stream(request.to) as stream:
                csv_table = CsvTable(stream, columns)
                async for item in items:
                    csv_table.write(table.row(item))
        case FileFormat.XLSX:
            with new_file(request.file) as part:
                await _write_workbook(
                    part, at, request, records, (table.row(item) async for item in items), columns
                )
        case _:
            assert_never(request.format)


async def _write_workbook(
    part: Path,
    at: Council,
    request: InboxRequest,
    records: Selection,
    rows: AsyncIterator[Row],
    columns: Sequence[Column],
) -> None:
    columns = [*worklist.ANSWER, *columns] if request.work_list else columns
    frozen = len(worklist.ANSWER) if request.work_list else 0
    name = worklist.SHEET if request.work_list else "Inbox"
    with new_workbook(part, f"{name} of {at.authority}") as book:
        sheet = book.sheet(name, columns, rows=records.count, frozen=frozen)
        async for row in rows:
            sheet.write(row)
        if request.work_list:
            worklist.write_about(book, at.authority, _facts(at, request, records))


def _facts(at: Council, request: InboxRequest, records: Selection) -> dict[str, str]:
    return {
        "network": at.network.name,
        "purpose": request.purpose or "all",
        "days": str(request.days),
        "rows": str(records.count),
        "made": datetime.now(LONDON).strftime("%Y-%m-%d %H:%M"),
    }


@contextmanager
def text_stream(to: Path | None) -> Iterator[SupportsWrite]:
    """A new file of UTF-8, or stdout; a terminal gets escapes for what would move its cursor."""
    if to is not None:
        with new_file(to) as part, part.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        return
    results = _Results()
    yield results
    results.flush()


class _Results:
    """Gathers text for stdout, and writes it as UTF-8 whatever the terminal's encoding: a file of one encoding for all."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._waiting: list[str] = []
        self._size = 0

    def write(self, text: str) -> int:
        self._waiting.append(text)
        self._size += len(text)
        if self._size >= AT_ONCE:
            self.flush()
        return len(text)

    def flush(self) -> None:
        text = "".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        if self._terminal:
            write(printable(text.removeprefix(MARK).replace("\r\n", "\n")))
        else:
            write_bytes(text.encode())
