"""Writes the two records about a routed event: its disclosure, and its outcome for the source.

The disclosure says for each candidate whether the event was delivered, withheld or withdrawn, and why. The outcome tells
the source the same, without the names of the fields: nobody but the register reads disclosures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any

from instep.errors import SchemaError
from instep.events import varint
from instep.events.bus import BusRecord
from instep.events.framing import frame
from instep.events.identifiers import AuthorityId
from instep.events.schema import Catalogue, Schema
from instep.events.writer import Write, writer
from instep.router.arrival import Names
from instep.router.decide import Decision, Ending, Entry, Result

ENTRIES_A_RECORD = 500
"""Entries in an Outcome record at most."""
BYTES_A_RECORD = 256 * 1024
"""The size from which an Outcome record takes no more entries, so that no record grows too large for its topic."""

_EPOCH = date(1970, 1, 1)

_WHO = ("event_id", "source", "subject_ref")
_KIND = ("event_type", "change_kind")
_REPLACED = ("replaces",)
_MOMENT = ("generation", "at", "ending")
_NOT_NULL = b"\2"
"""Stands before a nullable text with a value."""


class DisclosureRecord(BusRecord):
    """The disclosure of an event, written in parts: the bytes of an Avro record are those of its fields in their order.

    Parts that many events share are written once: their kind, the time and generation of a batch, `decisions`.
    """

    def __init__(self, catalogue: Catalogue, schemas: Mapping[int, Schema]) -> None:
        super().__init__(catalogue, schemas, "disclosure")
        fields = self.schema.parsed["fields"]
        if tuple(field["name"] for field in fields) != (*_WHO, *_KIND, *_REPLACED, *_MOMENT, "decisions"):
            raise SchemaError(
                "The fields of Disclosure are not those that the router writes, in their order."
            )
        parts = iter(fields)

        def part(*names: str) -> Write:
            return _writer_of(self.schema, names[0], list(islice(parts, len(names))))

        # `_WHO` and `_REPLACED` are an event's names, which are copied.
        _, self._kind, _, self._moment = (part(*names) for names in (_WHO, _KIND, _REPLACED, _MOMENT))
        self._tail = part("decisions")
        self._kind_of = lru_cache(maxsize=256)(self._write_kind)
        self._moment_of = lru_cache(maxsize=16)(self._write_moment)

    def decisions(self, entries: Sequence[Entry]) -> bytes:
        """The bytes of the field `decisions`."""
        return self._tail({"decisions": [_decision(entry) for entry in entries]})

    def of(
        self,
        names: Names,
        *,
        event_type: str,
        change_kind: str,
        generation: int,
        ending: Ending,
        decisions: bytes,
        at: int,
    ) -> bytes:
        """The framed value. `generation` is the network's, `at` the time of the decision in epoch milliseconds UTC."""
        body = (
            names.event_id,
            names.source,
            names.subject_ref,
            self._kind_of(event_type, change_kind),
            names.replaces,
            self._moment_of(generation, at, ending),
            decisions,
        )
        return frame(self.schema_id, b"".join(body))

    def _write_kind(self, event_type: str, change_kind: str) -> bytes:
        return self._kind({"event_type": event_type, "change_kind": change_kind})

    def _write_moment(self, generation: int, at: int, ending: Ending) -> bytes:
        return self._moment({"generation": generation, "at": at, "ending": ending})


class OutcomeRecord(BusRecord):
    """Outcomes of accepted events: each entry is written when its event is decided, and a record takes many entries."""

    def __init__(self, catalogue: Catalogue, schemas: Mapping[int, Schema]) -> None:
        super().__init__(catalogue, schemas, "outcome")
        (entries,) = self.schema.parsed["fields"]
        fields = entries["type"]["items"]["fields"]
        if tuple(field["name"] for field in fields[:3]) != ("kind", "event_id", "subject_ref"):
            raise SchemaError(
                "The first fields of an outcome are not those that the router writes, in their order."
            )
        # The kind is written here; the two names behind the kind are copied.
        self._accepted = _writer_of(self.schema, "head", fields[:1])({"kind": "ACCEPTED"})
        place = 1 + [field["name"] for field in fields].index("at")
        self._counts = _writer_of(self.schema, "counts", fields[3:place])
        self._counts_of = lru_cache(maxsize=256)(self._write_counts)
        # Empty in version 1.0.0, where an entry ends with its time.
        self._decided = _writer_of(self.schema, "decided", fields[place:])
        self.undecided = self._decided({})

    def decided(self, decision: Decision) -> bytes:
        """The bytes of an entry's fields behind the time: how the decision ended, for each candidate and purpose."""
        return self._decided(
            {
                "withdrawn": len(decision.having(Result.WITHDRAWN)),
                "ending": decision.ending,
                "decisions": [_outcome_decision(entry) for entry in decision.entries],
            }
        )

    def accepted(self, names: Names, *, delivered: int, withheld: int, at: int, decided: bytes) -> bytes:
        """An entry for an accepted event; `at` is epoch milliseconds UTC, `decided` or `undecided` makes the last part."""
        counts = self._counts_of(delivered, withheld, at)
        return b"".join(
            (self._accepted, _NOT_NULL, names.event_id, _NOT_NULL, names.subject_ref, counts, decided)
        )

    def of(self, entries: Sequence[bytes]) -> bytes:
        """The framed value of some entries, at least one."""
        return frame(self.schema_id, b"".join((varint.long(len(entries)), *entries, b"\0")))

    def _write_counts(self, delivered: int, withheld: int, at: int) -> bytes:
        return self._counts({"delivered": delivered, "withheld": withheld, "at": at})


class AcceptedOutcomes:
    """The outcomes of a batch, by source, many to a record."""

    def __init__(self, outcome: OutcomeRecord, now: int) -> None:
        self._outcome = outcome
        self._now = now
        self._entries: dict[AuthorityId, list[bytes]] = {}

    def add(
        self,
        source: AuthorityId,
        names: Names,
        *,
        delivered: int,
        withheld: int,
        decided: bytes | None = None,
    ) -> None:
        """Add an accepted event. A withdrawal counts neither as delivered nor as withheld."""
        entry = self._outcome.accepted(
            names,
            delivered=delivered,
            withheld=withheld,
            at=self._now,
            decided=self._outcome.undecided if decided is None else decided,
        )
        self._entries.setdefault(source, []).append(entry)

    def values(self) -> list[tuple[AuthorityId, bytes]]:
        """Framed values, each with the source whose outcomes they are."""
        return [
            (source, self._outcome.of(part))
            for source, entries in self._entries.items()
            for part in _parts(entries)
        ]


def _parts(entries: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """The entries in parts of ENTRIES_A_RECORD, or fewer where they are large."""
    start = size = 0
    for place, entry in enumerate(entries):
        if place - start == ENTRIES_A_RECORD or (size and size + len(entry) > BYTES_A_RECORD):
            yield entries[start:place]
            start, size = place, 0
        size += len(entry)
    if entries:
        yield entries[start:]


def _writer_of(schema: Schema, part: str, fields: Sequence[Any]) -> Write:
    """The writer of a record with only these fields of the schema."""
    return writer(
        replace(
            schema,
            full_name=f"{schema.full_name}.{part}",
            parsed={**schema.parsed, "fields": list(fields)},
        )
    )


def _decision(entry: Entry) -> dict[str, Any]:
    respond_by = entry.respond_by
    return _outcome_decision(entry) | {
        "fields": entry.fields,
        "respond_by": None if respond_by is None else (respond_by - _EPOCH).days,
    }


def _outcome_decision(entry: Entry) -> dict[str, Any]:
    return {
        "authority": entry.authority,
        "purpose": entry.purpose,
        "result": entry.result,
        "reason": entry.reason,
        "agreements": entry.agreements,
    }
