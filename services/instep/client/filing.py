"""Publishes a whole file: sends each line that is new or corrected, reports on the others, remembers confirmed events.

When the broker goes away, or somebody presses Ctrl-C, the events that the broker had confirmed are remembered as published.
Events in flight may have arrived. Running the same command again sends them under the same ids, and the router drops the
repeats. So the second run completes the first in every case.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol, assert_never

from instep.adapters.identity import Identity
from instep.adapters.line import Fault, Line, Note, Plain, Refused, Row, explain
from instep.adapters.memory import Memory, Sent
from instep.adapters.triage import Review, SameAddress, Send, Skipped, Triaged, Unchanged, triage
from instep.client.filed_rows import FiledRow, FiledRows
from instep.client.publisher import Gate, NotAdmitted, Sendable
from instep.errors import FileFormatError, InstepError, NotConnectedError, PlainEventError
from instep.events.envelope import PUBLISHER_KEY

REMEMBER_EVERY = 500
"""Confirmed events remembered in one transaction."""
LAST_MOMENT_S = 2.0
NOTED = 20
"""Lines that are kept of each kind of note: a table names no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineResult:
    """A line's result. `outcome`: published, unchanged, same-address, not-moved, duplicate, superseded, annulled,
    review or refused.

    `entry` names the record of the file, where lines do not tell. For a line that was not published, `column` and
    `reason` say where and why; `problem` says why in English, where no table has the words. For a published line,
    `offset` is the place in the outbox.
    """

    line: int
    outcome: str
    column: str = ""
    reason: str = ""
    problem: str = ""
    event_id: str = ""
    subject_ref: str = ""
    correction: bool = False
    offset: int | None = None
    entry: str = ""
    notes: tuple[Note, ...] = ()
    kept_at_home: tuple[str, ...] = ()
    """Fields that the line has and no agreement names: not published."""
    faults: tuple[Fault, ...] = ()
    """All the faults of a refused line of cells; `column` and `reason` name the first."""
    cause: int = 0
    """The line that has to be mended before this line can be sent; 0 for none."""

    @property
    def meaning(self) -> str:
        """The reason in plain English."""
        first = self.faults[0].meaning if self.faults else explain(self.reason)
        meaning = self.problem or first
        return f"{meaning} (line {self.cause})" if self.cause else meaning

    @property
    def printed_reason(self) -> str:
        """The reason as commands print it.

        XXX: for a refusal by intake's rules, programs have always read the English words here, not the code.
        """
        return self.problem or self.reason


@dataclass(slots=True, kw_only=True)
class Tally:
    """The counts of a run: outcomes of lines, corrections among the published, notes by (column, reason).

    `kept_at_home` counts, by field, the lines with a value that stays at home because no agreement names the field.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    corrections: int = 0
    notes: Counter[tuple[str, str]] = field(default_factory=Counter)
    noted: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """The first NOTED lines of each note, for the summary."""
    kept_at_home: Counter[str] = field(default_factory=Counter)
    end: int = 0
    """The offset after the last published event; 0 before the first."""

    def count(self, result: LineResult) -> None:
        """Add one line."""
        self.outcomes[result.outcome] += 1
        self.corrections += result.correction
        if result.offset is not None:
            self.end = max(self.end, result.offset + 1)
        for note in result.notes:
            self.remark(result.line, note)
        self.kept_at_home.update(result.kept_at_home)

    def remark(self, line: int, note: Note) -> None:
        """Add a note about a line, or about the whole file."""
        self.notes[note.column, note.reason] += 1
        lines = self.noted.setdefault((note.column, note.reason), [])
        if len(lines) < NOTED:
            lines.append(line)

    @property
    def lines(self) -> int:
        """All lines that have an outcome."""
        return self.outcomes.total()

    @property
    def refused(self) -> int:
        """Lines that somebody has to put right: refused, or set aside for review."""
        return self.outcomes["refused"] + self.outcomes["review"]


class EventSink(Protocol):
    """Where a file's events go: a `Publisher`, or the stand-in of a rehearsal (`cli/rehearsal`)."""

    async def send(self, authority: str, sendable: Sendable, confirmed: Callable[[int], None]) -> None:
        """Take an event; `confirmed` is called with its offset."""

    async def flush(self) -> None:
        """Wait until all events are confirmed."""

    async def settle(self, within_s: float) -> None:
        """Give events a last moment to be confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """The lines of an authority's file, and everything that is needed to publish them.

    `lines` may raise FileFormatError. `on_behalf`: send new rows of other councils' areas too. `rows` keeps what became of
    each line, under the name `file`. `report` gets each line's result (for a published line, once the broker has confirmed
    the event), `progress` the bytes read so far.
    """

    lines: Iterable[Line]
    authority: str
    gate: Gate
    memory: Memory
    on_behalf: bool = False
    file: str = ""
    rows: FiledRows | None = None
    tally: Tally = field(default_factory=Tally)
    report: Callable[[LineResult], None] = lambda result: None
    progress: Callable[[int], None] = lambda position: None

    async def publish(self, publisher: EventSink) -> Tally:
        """Publish the lines; raises FileFormatError for an unreadable file, NotConnectedError when the broker goes."""
        try:
            await _Run(self, publisher).all_lines()
        except (NotConnectedError, FileFormatError) as error:
            raise type(error)(f"{error} {so_far(self.tally)}") from error
        return self.tally

    async def rehearse(self, outbox: EventSink) -> Tally:
        """As `publish`, with an outbox that sends nothing; raises FileFormatError for an unreadable file."""
        await _Run(self, outbox).all_lines()
        return self.tally


def so_far(tally: Tally) -> str:
    """The sentence for a run that ends before its file does."""
    count = tally.outcomes["published"]
    were = "event was" if count == 1 else "events were"
    return f"{count} {were} published before that; running the same command again completes it."


class _Run:
    def __init__(self, filing: Filing, publisher: EventSink) -> None:
        self._filing = filing
        self._publisher = publisher
        self._confirmed: list[Sent] = []
        self._admitted: Sendable | None = None
        self._key = (PUBLISHER_KEY, filing.memory.key_id.encode())
        self._identity = Identity(secret=filing.memory.secret, authority=filing.authority)
        self._subject_ref = ""
        self._unkept: list[FiledRow] = []

    async def all_lines(self) -> None:
        try:
            for number, triaged in enumerate(self._triaged()):
                await self._handle(triaged)
                if number % 100 == 0:
                    await asyncio.sleep(0)  # the producer's turn
                    self._filing.progress(triaged.position)
                if max(len(self._confirmed), len(self._unkept)) >= REMEMBER_EVERY:
                    self._remember()
            await self._publisher.flush()
        finally:
            await self._publisher.settle(LAST_MOMENT_S)
            self._remember()

    def _triaged(self) -> Iterator[Triaged]:
        filing = self._filing
        return triage(
            self._noted(filing.lines),
            memory=filing.memory,
            secret=filing.memory.secret,
            authority=filing.authority,
            now=lambda: time.time_ns() // 1_000_000,
            validate=self._validate,
            on_behalf=filing.on_behalf,
        )

    def _noted(self, lines: Iterable[Line]) -> Iterator[Line]:
        """Each line as it is; whose line it is, as far as the line can be read, is noted for `rows`."""
        for line in lines:
            self._subject_ref = subject_of(line, self._identity)
            yield line

    def _validate(self, event_type: str, event: Plain) -> None:
        now = time.time_ns() // 1_000_000
        admitted = self._filing.gate.admit(self._filing.authority, event_type, event, now)
        if isinstance(admitted, NotAdmitted):
            raise PlainEventError(admitted.field, admitted.problem, admitted.reason)
        self._admitted = admitted

    async def _handle(self, triaged: Triaged) -> None:
        if isinstance(triaged, Send):
            await self._send(triaged)
        else:
            self._report(replace(_not_sent(triaged), subject_ref=self._subject_ref))

    async def _send(self, triaged: Send) -> None:
        sendable = self._admitted
        if sendable is None or sendable.event_id != triaged.event_id:
            raise InstepError(f"Line {triaged.line} was to be published unchecked.")

        def confirmed(offset: int) -> None:
            self._confirmed.append(triaged.sent)
            self._report(
                LineResult(
                    line=triaged.line,
                    outcome="published",
                    event_id=triaged.event_id,
                    subject_ref=triaged.subject_ref,
                    correction=triaged.event["header"]["change_kind"] == "CORRECT",
                    offset=offset,
                    entry=triaged.entry,
                    notes=triaged.notes,
                    kept_at_home=sendable.kept_at_home,
                )
            )

        # For `outbox_history`, which tells one secret from another.
        headers = (*sendable.headers, self._key) if triaged.keyed else sendable.headers
        await self._publisher.send(self._filing.authority, replace(sendable, headers=headers), confirmed)

    def _report(self, result: LineResult) -> None:
        self._filing.tally.count(result)
        if self._filing.rows is not None and result.outcome != "unchanged":
            self._unkept.append(_filed(result, self._filing.file))
        self._filing.report(result)

    def _remember(self) -> None:
        batch, self._confirmed = self._confirmed, []
        rows, self._unkept = self._unkept, []
        if self._filing.rows is not None:
            # Before the memory: what the memory knows is never sent again, and would have no entry for good.
            self._filing.rows.keep(rows)
        self._filing.memory.remember(batch)


def subject_of(line: Line, identity: Identity) -> str:
    """The pseudonym of a line's subject; "" where the line does not say, or cannot be read."""
    if isinstance(line, Row) and (line.reference or line.header.get("subject_ref")):
        return identity.subject_of(line)
    return identity.subject_ref(line.system, line.reference) if line.reference else ""


def _filed(result: LineResult, file: str) -> FiledRow:
    return FiledRow(
        file=file,
        line=result.line,
        entry=result.entry,
        outcome=result.outcome,
        event_id=result.event_id,
        subject_ref=result.subject_ref,
        column=result.column,
        reason=result.reason,
        problem=result.problem,
        at=time.time_ns() // 1_000_000,
    )


def _not_sent(triaged: Unchanged | SameAddress | Skipped | Review | Refused) -> LineResult:
    match triaged:
        case Unchanged():
            return LineResult(line=triaged.line, outcome="unchanged", notes=triaged.notes)
        case SameAddress():
            return LineResult(line=triaged.line, outcome="same-address", notes=triaged.notes)
        case Skipped():
            return LineResult(line=triaged.line, outcome=triaged.reason, notes=triaged.notes)
        case Review():
            return LineResult(
                line=triaged.line,
                outcome="review",
                column=triaged.column,
                reason=triaged.reason,
                entry=triaged.entry,
                notes=triaged.notes,
                cause=triaged.cause,
            )
        case Refused():
            return LineResult(
                line=triaged.line,
                outcome="refused",
                column=triaged.column,
                reason=triaged.reason,
                problem=triaged.problem,
                entry=triaged.entry,
                faults=triaged.faults,
            )
        case _:
            assert_never(triaged)
