"""Publishes the demo's export files as each council would, several councils at once, with the code of `instep publish`."""

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from instep.adapters import Memory, Settings, read
from instep.client.filing import Filing, LineResult
from instep.client.publisher import Gate, Publisher, publishing
from instep.demo.exports import Expectation, Export, Exporter, Exports, expectations
from instep.demo.journey import Journey, Paths
from instep.demo.report import EventIdentity, Expected
from instep.events.schema import Catalogue
from instep.kafka.connection import Connection
from instep.local.progress import Progress
from instep.local.standstill import STILL_S
from instep.network.days import today_in_london
from instep.postcodes import Postcodes

AT_ONCE = 24
"""Councils that publish at the same time."""
MOVES = {"uk": ("moves.csv",), "sample": ("moves.csv", "sample-moves.csv")}
REGISTRATIONS = "food-registrations.json"


class Press:
    """Publishes every council's exports, several councils at once, with the code of `instep publish`."""

    def __init__(self, journey: Journey, paths: Paths, connection: Connection, catalogue: Catalogue) -> None:
        self._journey = journey
        self._paths = paths
        self._connection = connection
        self._postcodes = Postcodes.open(paths.postcodes)
        self._gate = Gate(journey.network, catalogue)
        now = time.time_ns() // 1_000_000
        self._today = today_in_london(now)
        self._now = datetime.fromtimestamp(now / 1000, UTC)
        self._expected: dict[tuple[str, int], Expected] = {}
        self._done = 0

    async def publish(self, name: str, tell: Progress) -> list[Expected]:
        """Publish everything; returns whom each published line of moves is expected to concern."""
        tell("splitting the files into each council's own")
        exports = self._exports(name)
        self._journey.redated = exports.redated
        answers = {file: expectations(self._paths.data / _expected_of(file)) for file in MOVES[name]}
        councils = exports.by_authority
        at_once = asyncio.Semaphore(AT_ONCE)
        tell("publishing", 0, len(councils))
        async with publishing(self._connection, patience_s=STILL_S) as publisher:
            await publisher.find(councils)
            await _all(
                self._council(authority, own, answers, publisher, at_once, tell, len(councils))
                for authority, own in councils.items()
            )
        # In the order of the file: what a line corrects has come before it.
        return [self._expected[place] for place in sorted(self._expected)]

    def _exports(self, name: str) -> Exports:
        network = self._journey.network
        exporter = Exporter(self._paths.data, self._paths.directory / "exports", network, self._now)
        for file in MOVES[name]:
            exporter.moves(file, self._authority_of)
        exporter.registrations(REGISTRATIONS)
        return exporter.done()

    def _authority_of(self, postcode: str) -> str | None:
        authority = self._journey.network.by_gss.get(self._postcodes.gss(postcode) or "")
        return authority.id if authority else None

    async def _council(
        self,
        authority: str,
        exports: Sequence[Export],
        answers: Mapping[str, Mapping[int, Expectation]],
        publisher: Publisher,
        at_once: asyncio.Semaphore,
        tell: Progress,
        councils: int,
    ) -> None:
        async with at_once:
            memory = await asyncio.to_thread(Memory.open, self._paths.directory / "publishers", authority)
            try:
                for export in exports:
                    await self._export(export, answers.get(export.source, {}), memory, publisher)
            finally:
                await asyncio.to_thread(memory.close)
        self._done += 1
        tell("publishing", self._done, councils)

    async def _export(
        self, export: Export, answers: Mapping[int, Expectation], memory: Memory, publisher: Publisher
    ) -> None:
        settings = Settings(
            today=self._today,
            known_postcode=lambda postcode: self._postcodes.gss(postcode) is not None,
        )

        def report(result: LineResult) -> None:
            self._count(export, result)
            line = export.line_of(result.line)
            if result.outcome == "published" and line is not None and line in answers:
                self._expected[export.source, line] = self._expect(export, result, answers[line])

        lines = read(export.file, export.format, authority=export.authority, settings=settings)
        filing = Filing(
            lines=lines, authority=export.authority, gate=self._gate, memory=memory, report=report
        )
        await filing.publish(publisher)

    def _count(self, export: Export, result: LineResult) -> None:
        journey = self._journey
        journey.lines.setdefault(export.source, Counter())[result.outcome] += 1
        journey.by_council.setdefault(export.authority, Counter())[result.outcome] += 1
        journey.kept_at_home.update(result.kept_at_home)
        if result.outcome in ("refused", "review"):
            journey.faulty.append((export.place(result.line), result))

    def _expect(self, export: Export, result: LineResult, answer: Expectation) -> Expected:
        network = self._journey.network
        return Expected(
            place=export.place(result.line),
            identity=EventIdentity(export.authority, result.subject_ref, result.event_id),
            concerned=self._in_force(answer.concerned),
            told_before=self._in_force(answer.told_before),
            always=frozenset(
                recipient
                for agreement in network.agreements_of(export.authority, "resident-moved")
                for share in agreement.events["resident-moved"]
                if share.when == "always"
                for recipient in agreement.recipients
            ),
        )

    def _in_force(self, authorities: frozenset[str]) -> frozenset[str]:
        """The authorities in force today, without bodies that are gone: the answers name their successors too."""
        known = self._journey.network.authorities
        return frozenset(id for id in authorities if id in known and known[id].in_force(self._today))


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all the work at once. The first job that fails ends the other jobs, and its error is raised."""
    tasks = [asyncio.create_task(job) for job in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _expected_of(file: str) -> str:
    return file.replace(".csv", "-expected.csv")
