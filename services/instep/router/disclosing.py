"""What the router says of an event besides delivering it: to the register, and to the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
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


class DisclosureRecord(BusRecord):
    """The disclosure of an event, written in two parts.

    `decisions` is the last field, and an Avro record is its fields one after the other; so what many events share is
    written once (`decisions`), and only what is an event's own for each of them (`of`).
    """

    def __init__(self, catalogue: Catalogue, schemas: Mapping[int, Schema]) -> None:
        super().__init__(catalogue, schemas, "disclosure")
        fields = self.schema.parsed["fields"]
        if fields[-1]["name"] != "decisions":
            raise SchemaError("The last field of Disclosure is not `decisions`, on which the router relies.")
        self._head = _writer_of(self.schema, "head", fields[:-1])
        self._tail = _writer_of(self.schema, "tail", fields[-1:])

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
        head = self._head(
            {
                "event_id": header["event_id"],
                "source": header["source"],
                "subject_ref": header["subject_ref"],
                "event_type": event_type,
                "change_kind": header["change_kind"],
                "replaces": header["replaces"],
                "generation": generation,
                "at": at,
                "ending": ending,
            }
        )
        return frame(self.schema_id, head + decisions)


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
