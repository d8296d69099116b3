"""Writes Instep's own records about events, such as rejections and disclosures, framed with the schema ids of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from instep.errors import NetworkError
from instep.events.framing import frame
from instep.events.schema import Catalogue, Schema, written_ids
from instep.events.writer import writer


class BusRecord:
    """Writes one kind of Instep's own records; `schemas` are the network's, by id.

    The record has the newest version for which the network has an id: services are upgraded before the network is applied.
    Raises NetworkError where the network has no id for any version.
    """

    def __init__(self, catalogue: Catalogue, schemas: Mapping[int, Schema], name: str) -> None:
        ids = written_ids(schemas)
        known = [schema for schema in catalogue.schemas if schema.kind == "bus" and schema.name == name]
        usable = [schema for schema in known if schema in ids]
        if not usable:
            newest = catalogue.bus[name]
            raise NetworkError(
                f"The network has no id for {newest.full_name} {newest.version}: run `instep network apply`."
            )
        self.schema = usable[-1]
        self.schema_id = ids[self.schema]
        self._write = writer(self.schema)

    def value(self, datum: Mapping[str, Any]) -> bytes:
        """A record's framed value; raises DatumError where the datum does not fit."""
        return frame(self.schema_id, self._write(datum))


class RejectionRecord(BusRecord):
    """Writes rejections, which say why an event was refused, and hold no value of the event."""

    def __init__(self, catalogue: Catalogue, schemas: Mapping[int, Schema]) -> None:
        super().__init__(catalogue, schemas, "rejection")

    def of(
        self,
        *,
        source: str,
        reason: str,
        fields: Sequence[str],
        outbox_offset: int,
        event_id: str | None,
        at: int,
    ) -> bytes:
        """The framed value; `at` is epoch milliseconds UTC, `reason` is of the closed list in `client.explain`."""
        return self.value(
            {
                "source": source,
                "reason": reason,
                "fields": list(fields),
                "outbox_offset": outbox_offset,
                "event_id": event_id,
                "at": at,
            }
        )
