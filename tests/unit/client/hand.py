"""A council that publishes files and changes records by hand, on a broker that confirms every event at once."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instep.adapters import Memory, Plain, Settings, read
from instep.adapters.annulment import SubjectRecord
from instep.adapters.identity import Identity
from instep.adapters.roll import RollEntry
from instep.client.annulling import Annulling, Annulment
from instep.client.correcting import Correcting, Wish
from instep.client.filing import Filing, LineResult
from instep.client.hand_journal import FILE, Journal
from instep.client.published_row import PublishedRow, published_row, record_of
from instep.client.publisher import Sendable
from instep.events.decoding import Decoder, Sound
from instep.events.plain import to_plain
from tests.unit.adapters.publishing import NOW, SETTINGS, csv_of
from tests.unit.cases.council import catalogue, gate, network

AUTHORITY = "leeds"


@dataclass
class Broker:
    """Keeps what was sent, decoded. `dies`: the publisher is killed once an event is in the outbox."""

    events: list[Plain] = field(default_factory=list)
    dies: bool = False

    async def send(self, authority: str, sendable: Sendable, confirmed: Callable[[int], None]) -> None:
        sound = Decoder(catalogue(), catalogue().bind(network().schemas)).decode(sendable.value)
        assert isinstance(sound, Sound)
        self.events.append(to_plain(sound.schema, sound.event))
        if self.dies:
            raise KeyboardInterrupt
        confirmed(len(self.events) - 1)

    async def flush(self) -> None:
        """Everything is confirmed already."""

    async def settle(self, within_s: float) -> None:
        """Everything is confirmed already."""


class Officer:
    """Publishes files under a directory, annuls, corrects."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.broker = Broker()
        self.missing: list[RollEntry] = []
        self._now = NOW

    def publish(self, *rows: dict[str, str], name: str = "moves.csv") -> list[str]:
        """The outcomes of the rows; `missing` then holds what the file no longer names."""
        (self.directory / name).write_bytes(csv_of(*rows))
        return self.publish_file(self.directory / name)

    def publish_file(self, file: Path) -> list[str]:
        results: list[LineResult] = []
        with Memory.open(self.directory, AUTHORITY) as memory:
            roll, identity = memory.roll(), Identity(secret=memory.secret, authority=AUTHORITY)
            lines = read(file, authority=AUTHORITY, settings=SETTINGS)
            filing = Filing(
                lines=roll.noting(lines, file.name, identity),
                authority=AUTHORITY,
                gate=gate(),
                memory=memory,
                report=results.append,
            )
            asyncio.run(filing.publish(self.broker))
            self.missing = roll.missing()
        return [result.outcome for result in results]

    def annul(self, *references: str, reason: str = "entered twice") -> list[Annulment]:
        with Memory.open(self.directory, AUTHORITY) as memory:
            annulling = self._annulling(memory, reason)
            records: list[SubjectRecord] = [annulling.find(reference) for reference in references]
            return asyncio.run(annulling.annul(records, self.broker))

    def _annulling(self, memory: Memory, reason: str = "") -> Annulling:
        return Annulling(
            authority=AUTHORITY,
            gate=gate(),
            memory=memory,
            journal=Journal(self.directory / AUTHORITY, reason),
            now=self.now,
        )

    def correct(
        self, reference: str | None, *rows: dict[str, str], name: str = "moves.csv", **changes: str
    ) -> list[LineResult]:
        """Correct the record of a reference from a file, which is written from the rows where there are any."""
        if rows:
            (self.directory / name).write_bytes(csv_of(*rows))

        def reading(edit: Any) -> Any:
            settings = Settings(today=SETTINGS.today, edit=edit)
            return read(self.directory / name, authority=AUTHORITY, settings=settings)

        return self._correct(Wish(reference=reference, changes=changes), reading)

    def correct_published(self, reference: str, **changes: str) -> list[LineResult]:
        """Correct the record of a reference without a file, from what the outbox holds."""
        row = self.published_row(reference, **changes)
        return self._correct(Wish(reference=reference, changes=changes), row)

    def _correct(self, wish: Wish, reading: Any) -> list[LineResult]:
        with Memory.open(self.directory, AUTHORITY) as memory:
            correcting = Correcting(
                authority=AUTHORITY,
                gate=gate(),
                memory=memory,
                journal=Journal(self.directory / AUTHORITY, "typing error"),
                now=self.now,
            )
            return asyncio.run(correcting.correct(wish, reading, self.broker))

    def published_row(self, reference: str, **changes: str) -> PublishedRow:
        """The row of a correction without a file."""
        with Memory.open(self.directory, AUTHORITY) as memory:
            identity = Identity(secret=memory.secret, authority=AUTHORITY)
            record = record_of(AUTHORITY, memory, identity, reference, None)
            event = next(e for e in self.broker.events if e["header"]["event_id"] == record.event_id)
            return published_row(AUTHORITY, record, event, reference, changes, memory, SETTINGS)

    def now(self) -> int:
        """A clock that goes on by a minute at each look."""
        self._now += 60_000
        return self._now

    @property
    def journal(self) -> list[dict[str, Any]]:
        text = (self.directory / AUTHORITY / FILE).read_text()
        return [json.loads(line) for line in text.splitlines()]

    @property
    def headers(self) -> list[Plain]:
        return [event["header"] for event in self.broker.events]
