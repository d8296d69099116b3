"""Shows the records of a council's topics: the last records as a table, new records line by line as they come."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition

from instep.catalogue.files import load_catalogue, schemas_directory
from instep.cli.output import Output, note, show, show_lines, stdout
from instep.client.council import Council, council
from instep.client.reader import Item, Reader, reading
from instep.events.schema import Catalogue
from instep.kafka.connection import Connection, from_env

Row = Mapping[str, Any]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The span of records: the last `last`, or all that are kept; with `follow`, the records to come too."""

    follow: bool
    from_beginning: bool
    last: int


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a command's coroutine. aiokafka's own complaints are kept quiet: the error that is raised says the same once."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    asyncio.run(work)


def connected() -> tuple[Connection, Catalogue]:
    """The cluster that the environment, or `instep up`, names, and the catalogue."""
    return from_env(os.environ), load_catalogue(schemas_directory(os.environ))


async def list_records(
    name: str,
    topics: Callable[[Council], Sequence[TopicPartition]],
    listing: Listing,
    span: Span,
    output: Output,
) -> None:
    """Show the records of some of a council's topics."""
    at = await council(*connected(), name)
    partitions = topics(at)
    async with reading(at.connection, at.schemas) as reader:
        ends = await reader.ends(partitions)
        # The last ones of a kind may lie anywhere.
        items = await _items(
            reader, partitions, everything=span.from_beginning or listing.wanted is not None, last=span.last
        )
        kept = [item for item in items if listing.wanted is None or listing.wanted(item)]
        shown = kept if span.from_beginning else kept[-span.last :]
        if not shown and not span.follow:
            note(listing.nothing)
        _show(shown, listing, output)
        if span.follow:
            # After the last record shown, else from the end before looking: no record is shown twice or missed.
            after = {TopicPartition(item.topic, item.partition): item.offset + 1 for item in items}
            await _follow(reader, {**ends, **after}, listing, output)


async def _items(
    reader: Reader, partitions: Sequence[TopicPartition], *, everything: bool, last: int
) -> list[Item]:
    if everything:
        items = [item async for item in reader.read(partitions)]
    else:
        items = [item for partition in partitions for item in await reader.last(partition, last)]
    return sorted(items, key=lambda item: (item.at, item.topic, item.offset))


def _show(items: Sequence[Item], listing: Listing, output: Output) -> None:
    if output is Output.JSON:
        show_lines(shown for item in items for shown in listing.objects(item))
    elif items:
        show(output, listing.columns, [row for item in items for row in listing.rows(item)])


async def _follow(
    reader: Reader, starts: Mapping[TopicPartition, int], listing: Listing, output: Output
) -> None:
    note("Waiting for new records; Ctrl-C ends it.")
    async for item in reader.follow(starts):
        if item is None or (listing.wanted is not None and not listing.wanted(item)):
            continue
        if output is Output.JSON:
            show_lines(listing.objects(item))
            continue
        for row in listing.rows(item):
            stdout().print(_line(row), soft_wrap=True)


def _line(row: Row) -> str:
    texts = (", ".join(map(str, value)) if isinstance(value, list) else str(value) for value in row.values())
    return "  ".join(text.replace("\n", "; ") for text in texts if text)
