"""Rehearses the publication of a file: what would leave, and to whom the network's rules would send it. Nothing is sent.

`Rehearsal` stands where the publisher stands (`Filing.rehearse`), so each line goes through the steps of a real publication
up to the bytes. The router's own rules (`router.trial`) then decide from these bytes.

A rehearsal cannot know who was sent the event that a correction replaces: only the network knows. So a correction's decision
names nobody for that reason alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from instep.client.publisher import Sendable
from instep.errors import InstepError
from instep.events.decoding import Decoder, Refusal, Sound
from instep.events.plain import to_plain
from instep.events.schema import Catalogue
from instep.network.network import Network
from instep.router.decide import Decision
from instep.router.trial import Draft, Trial

_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, kw_only=True, slots=True)
class RehearsedEvent:
    """An event as it would leave; `decision` is None where no list of postcodes is installed."""

    event_type: str
    sound: Sound = field(repr=False)
    decision: Decision | None

    def plain(self) -> dict[str, Any]:
        """The event as plain JSON, without the fields that stay at home."""
        return to_plain(self.sound.schema, self.sound.event)


class Rehearsal:
    """Takes events in a publisher's place, confirms each at once, and keeps the last in `leaving`."""

    def __init__(self, network: Network, catalogue: Catalogue, trial: Trial | None) -> None:
        self._decoder = Decoder(catalogue, catalogue.bind(network.schemas))
        self._trial = trial
        self.leaving: RehearsedEvent | None = None

    async def send(self, authority: str, sendable: Sendable, confirmed: Callable[[int], None]) -> None:
        """Decide for the event; `confirmed` may look at `leaving`."""
        sound = self._decoder.decode(sendable.value)
        if isinstance(sound, Refusal):
            raise InstepError(f"An event that was found sound is refused as {sound.reason}.")
        name = sound.event_type.name
        decision = self._trial.decision(draft_of(sound), authority) if self._trial else None
        self.leaving = RehearsedEvent(event_type=name, sound=sound, decision=decision)
        confirmed(0)

    async def flush(self) -> None:
        """Nothing is in flight."""

    async def settle(self, within_s: float) -> None:
        """Nothing is in flight."""


def draft_of(sound: Sound) -> Draft:
    """The event as the router's rules want it."""
    header: Mapping[str, Any] = sound.event["header"]
    return Draft(
        event_type=sound.event_type.name,
        source=header["source"],
        change_kind=header["change_kind"],
        handling=header["handling"],
        requested_by=header.get("requested_by"),
        occurred_on=date.fromordinal(_EPOCH + header["occurred_on"]),
        body=sound.event,
    )


def with_schemas(network: Network, catalogue: Catalogue) -> Network:
    """A network that was read from a directory, with made-up schema ids: a cluster gives the real ids."""
    named = {
        number: (schema.full_name, schema.version) for number, schema in enumerate(catalogue.all(), start=1)
    }
    return network if network.schemas else replace(network, schemas=named)
