"""Carries out `instep correct` without a file: the row is made from the event that stands in the council's own outbox."""

import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from instep.adapters import Memory
from instep.adapters.identity import Identity
from instep.adapters.memory_copy import copied
from instep.cli.by_hand import (
    Order,
    correct_and_show,
    correction_object,
    memory_of,
    parsed_changes,
    require_reason,
    show_results,
)
from instep.cli.listing import connected, run
from instep.cli.output import OutputForm, note, show
from instep.cli.rehearsal import Rehearsal
from instep.client.correcting import Correcting, Wish
from instep.client.council import Council, council
from instep.client.file_settings import file_settings
from instep.client.filing import LineResult
from instep.client.hand_journal import Journal
from instep.client.memory_place import place
from instep.client.published_row import PublishedRow, event_of, published_row, record_of
from instep.client.publisher import Gate
from instep.client.publisher_memory import memory_home
from instep.client.reader import reading

UNCHANGED = LineResult(line=0, outcome="unchanged")
CHANGES = ("column", "published", "corrected")


@dataclass(frozen=True, kw_only=True)
class CorrectionWanted:
    """The user's options."""

    reference: str = field(repr=False)
    changes: Sequence[str] = field(repr=False)
    system: str | None
    dry_run: bool
    yes: bool


def correct_published(order: Order, wanted: CorrectionWanted) -> None:
    """Correct a record by its reference, print the result, and exit with 1 where the change is refused."""
    require_reason(order.reason)
    changes = parsed_changes(wanted.changes)

    async def work() -> None:
        at = await council(*connected(), order.authority)
        async with _memory(at, order, wanted) as (memory, journal):
            row = await _row(at, memory, wanted, changes)
            _show_changes(row, changes, order)
            if row.is_unchanged:
                show_results([correction_object(UNCHANGED, {})], order, {})
                return
            correcting = Correcting(
                authority=at.authority, gate=Gate(at.network, at.catalogue), memory=memory, journal=journal
            )
            wish = Wish(reference=wanted.reference, changes=changes)
            if wanted.dry_run:
                await _rehearse(at, correcting, wish, row, order)
                return
            if sys.stdin.isatty() and not wanted.yes and order.output is not OutputForm.JSON:
                typer.confirm("Send this correction?", abort=True)
            await correct_and_show(at, correcting, wish, row, order)

    run(work())


@asynccontextmanager
async def _memory(
    at: Council, order: Order, wanted: CorrectionWanted
) -> AsyncIterator[tuple[Memory, Journal]]:
    """The council's memory and journal; for a dry run a copy, and a journal that nobody keeps."""
    if not wanted.dry_run:
        async with memory_of(at, order.state_directory) as (memory, home):
            yield memory, Journal(home, order.reason)
        return
    kept = await memory_home(at, place(order.state_directory, os.environ))
    with copied(kept) as memory, TemporaryDirectory(prefix="instep-rehearsal-") as scratch:
        yield memory, Journal(Path(scratch), "")


async def _row(
    at: Council, memory: Memory, wanted: CorrectionWanted, changes: Mapping[str, str]
) -> PublishedRow:
    identity = Identity(secret=memory.secret, authority=at.authority)
    record = record_of(at.authority, memory, identity, wanted.reference, wanted.system)
    async with reading(at.connection, at.schemas) as reader:
        event = await event_of(at, reader, record)
    settings = file_settings(at.network, at.authority, {}, lambda line, remark: None)
    return published_row(at.authority, record, event, wanted.reference, changes, memory, settings)


async def _rehearse(at: Council, correcting: Correcting, wish: Wish, row: PublishedRow, order: Order) -> None:
    results = await correcting.correct(wish, row, Rehearsal(at.network, at.catalogue, None))
    shown = [replace(r, outcome="would-publish") if r.outcome == "published" else r for r in results]
    show_results([correction_object(result, {}) for result in shown], order, {})
    if results[0].outcome in ("refused", "review"):
        raise typer.Exit(1)
    if order.output is not OutputForm.JSON:
        note("Nothing was sent, and nothing is remembered.")


def _show_changes(row: PublishedRow, changes: Mapping[str, str], order: Order) -> None:
    """Print what is published and what it becomes, for the officer's own eyes."""
    if order.output is OutputForm.JSON:
        return
    show(
        OutputForm.TABLE,
        CHANGES,
        [
            {"column": column, "published": row.cells[column], "corrected": value}
            for column, value in changes.items()
        ],
    )
