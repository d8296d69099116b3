"""Blanks an event: leaves only the fields that a recipient may have, in the event's own schema.

The header stays whole. Every field that is not shared becomes null, or an empty array: a single zero byte, either way.

A delivery never says more than the event. Null stays null. A record with shared fields is there only where the source had
that record. Where the source had the record and none of its shared fields, the recipient gets a record of nulls: to share a
field is to share that its record exists.

Why nulls: `services/decisions/006-nulls-instead-of-projected-schemas.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache, partial
from typing import Any

from instep.events.fields import any_beneath
from instep.events.generated import name_types, resolve
from instep.events.schema import Schema
from instep.events.splice import Splice, splicer
from instep.events.writer import writer


def paths_of(schema: Schema) -> frozenset[str]:
    """Every path that an agreement may name, through records and arrays of records; none of the header."""
    return frozenset(path for path in schema.fields if path.partition(".")[0] != "header")


class Blanking:
    """Blanks events of a schema to a set of shared paths. A record that is named is shared whole.

    `paths` are the shared paths, sorted, each once. Paths within a shared record are left out. Paths that this version of
    the schema does not have are left out too: an agreement may name a later version's field, and shares nothing by that
    here.
    """

    def __init__(self, schema: Schema, paths: Iterable[str]) -> None:
        self.schema = schema
        self.paths = _outermost(paths_of(schema).intersection(paths))
        self._types = name_types(schema.parsed)
        self._within = lru_cache(maxsize=1024)(partial(any_beneath, self.paths))
        self._write = writer(schema, self.paths)

    @cached_property
    def splice(self) -> Splice:
        """The function that cuts the bytes of `encode` out of the event's own bytes, given its spans (`splice.Form.find`).

        The bytes that stand before the event (its framing) come first.
        """
        return splicer(self.schema, self.paths)

    def encode(self, event: Mapping[str, Any]) -> bytes:
        """The Avro body of the blanked event: the bytes of `writer.encode(schema, blank(event))`, in a single pass."""
        return self._write(event)

    def blank(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The blanked event, to show to a person; for sending, `encode` is quicker."""
        return {"header": event["header"], **self._record(self.schema.parsed, event, "")}

    def left_out(self, event: Mapping[str, Any]) -> list[str]:
        """The paths with a value in the event and none once blanked; a record left out whole gives its own path alone."""
        body = {name: value for name, value in event.items() if name != "header"}
        return sorted(set(self._unshared(body, "")))

    def _unshared(self, record: Mapping[str, Any], prefix: str) -> Iterator[str]:
        for name, value in record.items():
            path = prefix + name
            if value is None or value == [] or path in self.paths:
                continue
            if not self._within(path):
                yield path
            else:
                for inner in value if isinstance(value, list) else (value,):
                    yield from self._unshared(inner, f"{path}.")

    def _record(self, record: Any, source: Mapping[str, Any], path: str) -> dict[str, Any]:
        return {
            field["name"]: self._value(field["type"], source.get(field["name"]), path + field["name"])
            for field in record["fields"]
            if path + field["name"] != "header"
        }

    def _value(self, avro: Any, value: Any, path: str) -> Any:
        if path in self.paths:
            return value
        within = any_beneath(self.paths, path)
        match resolve(avro, self._types):
            case {"type": "array", "items": items}:
                record = resolve(items, self._types)
                return [self._record(record, item, f"{path}.") for item in value or ()] if within else []
            case ["null", other] if within and value is not None:
                return self._value(other, value, path)
            case {"type": "record"} as record if within:
                return self._record(record, value, f"{path}.")
            case _:
                return None


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    outermost: list[str] = []
    for path in sorted(paths, key=lambda path: path.split(".")):
        if not outermost or not path.startswith(f"{outermost[-1]}."):
            outermost.append(path)
    return tuple(sorted(outermost))
