"""Proves the examples of the catalogue: intake accepts each accepted example, and refuses each rejected one for its reason.

An accepted example is a plain event, or a plain record of the bus. A rejected example is {reason, fields, event} where the
meaning is at fault, and {reason, hex} where the bytes are. A rejected example may also say `why`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from instep.errors import PlainEventError
from instep.events.decoding import Decoder, Refusal
from instep.events.framing import frame
from instep.events.plain import from_plain, to_plain
from instep.events.reader import decode
from instep.events.rules import rule_of
from instep.events.schema import Catalogue, EventType, Schema
from instep.events.writer import encode

ENOUGH = {"events": 3, "bus": 1}
"""The fewest accepted examples of a schema, by folder."""
# A record by itself can be refused for its meaning (a rejected example holds an `event`) or for its bytes (`hex`).
REASONS_OF_MEANING = frozenset({"missing-field", "bad-identifier", "bad-date", "unknown-value"})
REASONS_OF_BYTES = frozenset({"undecodable", "trailing-bytes", "not-canonical"})

ProblemsOf = Callable[[Any], Iterator[str]]
"""The problems of an example, given its JSON; may raise PlainEventError, or ValueError for its hex."""


def problems(directory: Path, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Path (relative, `/` between) and sentence for each example that does not show what it should."""
    for event_type in catalogue.events.values():
        folder = directory / "events" / event_type.name
        rules = _IntakeRules(catalogue, event_type, now=_newest(event_type.latest, folder / "examples"))
        yield from _too_few(directory, folder)
        yield from _each(directory, folder / "examples", rules.accepted)
        yield from _each(directory, folder / "rejected", rules.rejected)
    for schema in catalogue.bus.values():
        folder = directory / "bus" / schema.name
        yield from _too_few(directory, folder)
        yield from _each(directory, folder / "examples", partial(_round_trip, schema))


def _too_few(directory: Path, folder: Path) -> Iterator[tuple[str, str]]:
    enough = ENOUGH[folder.parent.name]
    if len(list(folder.glob("examples/*.json"))) < enough:
        path = (folder / "examples").relative_to(directory).as_posix()
        yield path, f"holds fewer than {enough} examples."


def _each(directory: Path, folder: Path, problems_of: ProblemsOf) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.glob("*.json")):
        path = file.relative_to(directory).as_posix()
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            yield path, "is not JSON."
            continue
        try:
            yield from ((path, problem) for problem in problems_of(document))
        except PlainEventError as error:
            yield path, f"{error}; an example fits its schema, whatever else may be wrong with it."
        except ValueError:
            yield path, "has hex that is not hexadecimal."


def _round_trip(schema: Schema, plain: Any) -> Iterator[str]:
    datum = from_plain(schema, plain)
    if decode(schema, encode(schema, datum)) != datum:
        yield "does not come back from Avro as it went in."
    if to_plain(schema, datum) != plain:
        yield "is not in its plainest form: nulls and empty lists left out, defaults written, times in UTC."


class _IntakeRules:
    """Intake's decoder and rule, applied to the examples of an event type; `now` is milliseconds UTC."""

    def __init__(self, catalogue: Catalogue, event_type: EventType, *, now: int) -> None:
        self._event_type = event_type
        self._latest = event_type.latest
        # Bytes are of the first version: a byte behind it may be the start of a later version's new field.
        self._decoder = Decoder(catalogue, {1: event_type.versions[0], 2: event_type.latest})
        self._now = now

    def accepted(self, plain: Any) -> Iterator[str]:
        yield from _round_trip(self._latest, plain)
        refusal = self._of_event(plain)
        if refusal is not None:
            yield f"is an example to follow, but intake would refuse it: {_words(refusal)}."

    def rejected(self, document: Any) -> Iterator[str]:
        match document:
            case {"reason": str() as reason, "fields": [_, *_] as fields, "event": dict() as event} if (
                reason in REASONS_OF_MEANING and document.keys() <= {"why", "reason", "fields", "event"}
            ):
                refusal = self._of_event(event)
            case {"reason": str() as reason, "hex": str() as body} if (
                reason in REASONS_OF_BYTES and document.keys() <= {"why", "reason", "hex"}
            ):
                refusal, fields = self._of_bytes(1, bytes.fromhex(body)), []
            case _:
                yield "is neither {reason, fields, event} nor {reason, hex} with a reason that it can be refused for."
                return
        if refusal is None:
            yield f"is to be refused for {reason}, but intake would accept it."
        elif (refusal.reason, list(refusal.fields)) != (reason, fields):
            yield f"is to be refused for {reason}, but intake would say {_words(refusal)}."

    def _of_event(self, plain: Any) -> Refusal | None:
        return self._of_bytes(2, encode(self._latest, from_plain(self._latest, plain)))

    def _of_bytes(self, number: int, body: bytes) -> Refusal | None:
        decoded = self._decoder.decode(frame(number, body))
        return (
            decoded if isinstance(decoded, Refusal) else rule_of(self._event_type)(decoded.event, self._now)
        )


def _words(refusal: Refusal) -> str:
    return f"{refusal.reason} of {', '.join(refusal.fields)}" if refusal.fields else refusal.reason


def _newest(schema: Schema, folder: Path) -> int:
    """When the newest example was published, ms. All examples are judged at this time: dates far ahead are refused."""
    times = [0]
    for file in folder.glob("*.json"):
        try:
            datum = from_plain(schema, json.loads(file.read_text(encoding="utf-8")))
            times.append(datum["header"]["published_at"])
        except (PlainEventError, ValueError):
            pass  # the file has a problem of its own
    return max(times)
