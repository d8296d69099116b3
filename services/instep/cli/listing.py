"""Shows the records of a council's topics: the last records as a table, new records line by line as they come."""

import asyncio
import logging
import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiokafka import TopicPartition

from instep.catalogue.files import load_catalogue, schemas_directory
from instep.cli.output import OutputForm, note, show, show_lines, stdout
from instep.client.council import Council, council
from instep.client.days import Days
from instep.client.reader import Item, Reader, reading
from instep.events.schema import Catalogue
from instep.kafka.connection import Connection, from_env

Row = Mapping[str, Any]
T = TypeVar("T")

DEFAULT_LAST = 20
LARGEST_LISTING = 50
"""Rows of a table whose number nobody asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The way to show a topic's records: `rows` for a table of `columns`, `objects` for JSON lines."""

    columns: Sequence[str]
    rows: Callable[[Item], Sequence[Row]]
    objects: Callable[[Item], Sequence[Row]]
    nothing: str
    """The note when there is no record."""
    wanted: Callable[[Item], bool] | None = None
    """Chooses the records to show; all if None."""
    prepare: Callable[[Council, Reader], Awaitable[None]] | None = None
    """Reads what `wanted` has to know, before the first record."""
    all_of_them: str = "--output json"
    """The option that shows all rows of a table that is too large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The span of records: all that are kept, those of some days, or the last `last` rows; with `follow` also those to come.

    Without any wish: the last 20 rows.
    """

    follow: bool = False
    from_beginning: bool = False
    last: int | None = None
    days: Days = field(default_factory=Days)

    @property
    def last_rows(self) -> int | None:
        """The number of last rows to show; None for all."""
        if self.last is None and (self.from_beginning or self.days):
            return None
        return self.last or DEFAULT_LAST


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its result.

    aiokafka's own complaints are kept quiet: the error that is raised says the same once.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return asyncio.run(work)


def connected() -> tuple[Connection, Catalogue]:
    """The cluster that the environment, or `instep up`, names, and the catalogue."""
    return from_env(os.environ), load_catalogue(schemas_directory(os.environ))


async def list_records(
    name: str,
    topics: Callable[[Council], Sequence[TopicPartition]],
    listing: Listing,
    span: Span,
    output: OutputForm,
) -> None:
    """Show the records of some of a council's topics."""
    at = await council(*connected(), name)
    partitions = topics(at)
    async with reading(at.connection, at.schemas) as reader:
        if listing.prepare is not None:
            await listing.prepare(at, reader)
        # After the last record shown, else from the end before looking: no record is shown twice or missed.
        places = await reader.ends(partitions)
        page = Page(listing, span, output)
        async for item in _items(reader, partitions, listing, span):
            places[TopicPartition(item.topic, item.partition)] = item.offset + 1
            page.take(item)
        page.show()
        if span.follow:
            await _follow(reader, places, listing, output)


class Page:
    """The rows to show of the records that are taken; JSON lines without a limit are printed as they come."""

    def __init__(self, listing: Listing, span: Span, output: OutputForm) -> None:
        self._listing = listing
        self._span = span
        self._output = output
        self._last = span.last_rows
        self._rows: deque[Row] = deque(maxlen=self._last)
        self._more = 0
        self._empty = True

    def take(self, item: Item) -> None:
        """The next record, in the order in which the records are shown."""
        if self._listing.wanted is not None and not self._listing.wanted(item):
            return
        json = self._output is OutputForm.JSON
        for row in self._listing.objects(item) if json else self._listing.rows(item):
            self._empty = False
            if self._last is not None or (not json and len(self._rows) < LARGEST_LISTING):
                self._rows.append(row)
            elif json:
                show_lines([row])
            else:
                self._more += 1

    def show(self) -> None:
        """Print what has not been printed yet."""
        if self._empty:
            if not self._span.follow:
                note(self._listing.nothing)
        elif self._output is OutputForm.JSON:
            show_lines(self._rows)
        else:
            show(self._output, self._listing.columns, self._rows, at_most=len(self._rows))
            if self._more:
                stdout().print(f"… and {self._more:,} more: {self._listing.all_of_them}", soft_wrap=True)


async def _items(
    reader: Reader, partitions: Sequence[TopicPartition], listing: Listing, span: Span
) -> AsyncIterator[Item]:
    """The records that may have to be shown, in the order in which they were taken."""
    last = span.last_rows
    # The last ones of a kind may lie anywhere.
    if last is not None and not span.days and listing.wanted is None:
        items = [item for partition in partitions for item in await reader.last(partition, last)]
        for item in sorted(items, key=lambda item: (item.at, item.topic, item.offset)):
            yield item
        return
    days = span.days
    stretch = await reader.taken(partitions, since_ms=days.since_ms, until_ms=days.until_ms)
    records = reader.records(stretch.ends, stretch.starts, stretch.ends)
    if len(stretch.ends) > 1:
        # They are decoded one after the other, later: undecoded they take a tenth of the memory.
        kept = [record async for record in records]
        for record in sorted(kept, key=lambda record: (record.timestamp, record.topic, record.offset)):
            yield reader.decoded(record)
    else:
        async for record in records:
            yield reader.decoded(record)


async def _follow(
    reader: Reader, starts: Mapping[TopicPartition, int], listing: Listing, output: OutputForm
) -> None:
    note("Waiting for new records; Ctrl-C ends it.")
    async for item in reader.follow(starts):
        if item is None or (listing.wanted is not None and not listing.wanted(item)):
            continue
        if output is OutputForm.JSON:
            show_lines(listing.objects(item))
            continue
        for row in listing.rows(item):
            stdout().print(_line(row), soft_wrap=True)


def _line(row: Row) -> str:
    texts = (", ".join(map(str, value)) if isinstance(value, list) else str(value) for value in row.values())
    return "  ".join(text.replace("\n", "; ") for text in texts if text)
