"""Carries out `instep outcomes`: shows a council the outcomes of its events, and the events that found nobody."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from instep.cli import answer_files
from instep.cli import council_views as views
from instep.cli.answer_files import Answers, write_answers
from instep.cli.inbox_files import file_format
from instep.cli.listing import LARGEST_LISTING, Listing, Span, connected, list_records, run
from instep.cli.output import FileFormat, Output, progress, show, show_lines
from instep.client.council import Council, council
from instep.client.days import Days
from instep.client.filed_rows import FiledRows, reading_rows
from instep.client.lost import LostEvents
from instep.client.reader import Item, Reader, reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The user's options."""

    authority: str
    output: Output
    state_directory: Path

    def home(self, authority: str) -> Path:
        """The directory of an authority's published files."""
        return self.state_directory / "publishers" / authority


@contextmanager
def _rows_by_topic(request: Request) -> Iterator[Callable[[Item], FiledRows | None]]:
    """Gives the rows of the authority to which an item's topic belongs."""
    with ExitStack() as stack:
        known: dict[str, FiledRows | None] = {}

        def rows_of(item: Item) -> FiledRows | None:
            authority = item.topic.partition(".")[0]
            if authority not in known:
                known[authority] = stack.enter_context(reading_rows(request.home(authority)))
            return known[authority]

        yield rows_of


def write_outcomes(request: Request, format: FileFormat | None, to: Path | None, days: Days) -> None:  # noqa: A002
    """Write the outcomes to a file: a row for each recipient and purpose."""
    chosen = file_format(format, to, work_list=False)
    with _rows_by_topic(request) as rows_of:
        answers = Answers(
            name="Outcomes",
            columns=answer_files.OUTCOMES,
            rows=answer_files.outcome_rows,
            objects=lambda item: list(views.outcome_objects(item, rows_of(item))),
            topic=lambda at: at.outcomes(),
        )
        write_answers(
            answer_files.Request(authority=request.authority, format=chosen, to=to, days=days), answers
        )


def show_outcomes(request: Request, span: Span) -> None:
    """Print the outcomes."""
    with _rows_by_topic(request) as rows_of:
        listing = Listing(
            columns=views.OUTCOMES,
            rows=lambda item: [
                views.outcome_row(entry) for entry in views.outcome_objects(item, rows_of(item))
            ],
            objects=lambda item: list(views.outcome_objects(item, rows_of(item))),
            nothing="There are no outcomes yet.",
        )
        run(list_records(request.authority, lambda at: [at.outcomes()], listing, span, request.output))


def show_lost(request: Request) -> None:
    """Print the events that found nobody, each with its remedy."""
    run(_show_lost(request))


async def _show_lost(request: Request) -> None:
    at = await council(*connected(), request.authority)
    async with reading(at.connection, at.schemas) as reader:
        with progress("looking through the outcomes"):
            lost = await lost_events(at, reader)
    with reading_rows(request.home(at.authority)) as rows:
        objects = [views.lost_object(event, rows) for event in lost]
    if request.output is Output.JSON:
        show_lines(objects)
    else:
        show(
            request.output,
            views.LOST,
            map(views.lost_row, objects),
            at_most=LARGEST_LISTING,
            nothing="No event is lost: each found the authorities that it concerns.",
        )


async def lost_events(at: Council, reader: Reader) -> LostEvents:
    """The lost events among the outcomes that are kept."""
    lost = LostEvents()
    async for record in reader.records([at.outcomes()]):
        lost.outcome(reader.decoded(record))
    keys = {subject.encode() for subject in lost.subjects}
    if keys:
        async for record in reader.records([at.outbox()]):
            if (record.key or b"") in keys:
                lost.published(reader.decoded(record))
    return lost
