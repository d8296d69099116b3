"""What the router says of an event besides delivering it: to the register, and to the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any

from instep.errors import SchemaError
from instep.events.bus import BusRecord
from instep.events.catalogue import Catalogue, Schema
from instep.events.framing import frame
from instep.events.writer import Write, writer
from instep.router.decide import Ending, Entry

ENTRIES_A_RECORD = 500
"""Entries in one Outcome record, so that none grows beyond what a topic takes."""

_EPOCH = date(1970, 1, 1)

_WHO = ("event_id", "source", "subject_ref")
_KIND = ("event_type", "change_kind")
_REPLACED = ("replaces",)
_MOMENT = ("generation", "at", "ending")


class DisclosureRecord(BusRecord):
    """The disclosure of an event, written in parts, since an Avro record is its fields one after the other.

    What many events share is written once: their kind, the time and generation of a batch, `decisions`.
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

        self._who, self._kind, self._replaced, self._moment = (
            part(*names) for names in (_WHO, _KIND, _REPLACED, _MOMENT)
        )
        self._tail = part("decisions")
        self._kind_of = lru_cache(maxsize=256)(self._write_kind)
        self._moment_of = lru_cache(maxsize=16)(self._write_moment)

    def decisions(self, entries: Sequence[Entry]) -> bytes:
        """The bytes of the field `decisions`."""
        return self._tail({"decisions": [_decision(entry) for entry in entries]})

    def of(
        self,
        header: Mapping[str, Any],
        *,
        event_type: str,
        generation: int,
        ending: Ending,
        decisions: bytes,
        at: int,
    ) -> bytes:
        """The framed value: of the event's header, the network's generation and `at`, epoch milliseconds UTC."""
        replaces = header["replaces"]
        body = (
            self._who(header),
            self._kind_of(event_type, header["change_kind"]),
            b"\0" if replaces is None else self._replaced(header),
            self._moment_of(generation, at, ending),
            decisions,
        )
        return frame(self.schema_id, b"".join(body))

    def _write_kind(self, event_type: str, change_kind: str) -> bytes:
        return self._kind({"event_type": event_type, "change_kind": change_kind})

    def _write_moment(self, generation: int, at: int, ending: Ending) -> bytes:
        return self._moment({"generation": generation, "at": at, "ending": ending})


class AcceptedOutcomes:
    """What sources are told of the events of one batch, many to a record."""

    def __init__(self, now: int) -> None:
        self._now = now
        self._entries: dict[str, list[dict[str, Any]]] = {}

    def add(self, header: Mapping[str, Any], *, delivered: int, withheld: int) -> None:
        """An event was accepted; withdrawals count as neither, since they are no delivery and withhold nothing new."""
        self._entries.setdefault(header["source"], []).append(
            {
                "kind": "ACCEPTED",
                "event_id": header["event_id"],
                "subject_ref": header["subject_ref"],
                "delivered": delivered,
                "withheld": withheld,
                "at": self._now,
            }
        )

    def values(self, outcome: BusRecord) -> list[tuple[str, bytes]]:
        """Framed values, each with the source that it is for."""
        return [
            (source, outcome.value({"entries": entries[start : start + ENTRIES_A_RECORD]}))
            for source, entries in self._entries.items()
            for start in range(0, len(entries), ENTRIES_A_RECORD)
        ]


def _writer_of(schema: Schema, part: str, fields: Sequence[Any]) -> Write:
    """The writer of a record with some of a schema's fields."""
    return writer(
        replace(
            schema,
            full_name=f"{schema.full_name}.{part}",
            parsed={**schema.parsed, "fields": list(fields)},
        )
    )


def _decision(entry: Entry) -> dict[str, Any]:
    respond_by = entry.respond_by
    return {
        "authority": entry.authority,
        "purpose": entry.purpose,
        "result": entry.result,
        "reason": entry.reason,
        "agreements": entry.agreements,
        "fields": entry.fields,
        "respond_by": None if respond_by is None else (respond_by - _EPOCH).days,
    }
