"""Knows the refused events that were sent again: nobody has to put these right any more.

A redriven event is accepted, or refused again with a refusal of its own.
"""

from __future__ import annotations

from instep.client.council import Council
from instep.client.reader import Item, Reader
from instep.client.redrive import redriven_of


async def redriven_places(council: Council, reader: Reader) -> frozenset[int]:
    """The places in the council's outbox of the redriven originals."""
    outbox = council.outbox()
    if not (await reader.ends([council.rejected()])).get(council.rejected()):
        return frozenset()
    places = [redriven_of(record.headers) async for record in reader.records([outbox])]
    return frozenset(place for place in places if place is not None)


class Refusals:
    """Chooses refusals to show: of `reason` (any if None), without those that were sent again unless `everything`."""

    def __init__(self, reason: str | None, *, everything: bool) -> None:
        self._reason = reason
        self._everything = everything
        self._redriven: frozenset[int] = frozenset()

    async def prepare(self, council: Council, reader: Reader) -> None:
        """Read the redriven places from the outbox."""
        if not self._everything:
            self._redriven = await redriven_places(council, reader)

    def covers(self, refusal: Item) -> bool:
        """Whether a refusal is shown; a record that nobody can read here is."""
        if self._reason is not None and refusal.content.get("reason") != self._reason:
            return False
        return bool(refusal.problem) or refusal.content.get("outbox_offset") not in self._redriven
