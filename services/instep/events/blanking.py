"""Blanking: an event with only the fields that a recipient may have, in the event's own schema.

The header is whole. Every field that is not shared is null, or an empty array, which is one zero byte. A delivery never
says more than that: null stays null, and a record of which some fields are shared is there only where the source had it
(as a record of nulls, if it had none of those: that there *is* such a record is part of what was shared).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from instep.events.generated import name_types, resolve
from instep.events.schema import Schema
from instep.events.splice import Splice, splicer
from instep.events.writer import writer


def paths_of(schema: Schema) -> frozenset[str]:
    """Every path that an agreement may name: dotted, through records and arrays of records; `header` is none of them."""
    return frozenset(path for path in schema.fields if path.partition(".")[0] != "header")


class Blanking:
    """Blanks events of one schema to one set of shared paths. Naming a record shares all of it.

    `paths` holds what is shared, sorted, each once: what lies within a shared record is left out, and so is what this
    version of the schema does not have (an agreement may name a later version's field; here it shares nothing).
    """

    def __init__(self, schema: Schema, paths: Iterable[str]) -> None:
        self.schema = schema
        self.paths = _outermost(paths_of(schema).intersection(paths))
        self._types = name_types(schema.parsed)
        self._write = writer(schema, self.paths)

    @cached_property
    def splice(self) -> Splice:
        """The same bytes again, cut out of the event's own (`splice.Form.find`), behind whatever stands before it."""
        return splicer(self.schema, self.paths)

    def encode(self, event: Mapping[str, Any]) -> bytes:
        """The Avro body of the blanked event; the same bytes as `schema.encode(blank(event))`, without making it."""
        return self._write(event)

    def blank(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The blanked event, to show; for sending, `encode` is quicker."""
        return {"header": event["header"], **self._record(self.schema.parsed, event, "")}

    def left_out(self, event: Mapping[str, Any]) -> list[str]:
        """The paths of what the event says and the blanked one does not, each once; of a record left out whole, its own."""
        body = {name: value for name, value in event.items() if name != "header"}
        return sorted(set(self._unshared(body, "")))

    def _unshared(self, record: Mapping[str, Any], prefix: str) -> Iterator[str]:
        for name, value in record.items():
            path = prefix + name
            if value is None or value == [] or path in self.paths:
                continue
            if not any(shared.startswith(f"{path}.") for shared in self.paths):
                yield path
            else:
                for item in value if isinstance(value, list) else (value,):
                    yield from self._unshared(item, f"{path}.")

    def _record(self, record: Any, source: Mapping[str, Any], path: str) -> dict[str, Any]:
        return {
            field["name"]: self._value(field["type"], source.get(field["name"]), path + field["name"])
            for field in record["fields"]
            if path + field["name"] != "header"
        }

    def _value(self, avro: Any, value: Any, path: str) -> Any:
        if path in self.paths:
            return value
        within = any(shared.startswith(f"{path}.") for shared in self.paths)
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
    kept: list[str] = []
    for path in sorted(paths, key=lambda path: path.split(".")):
        if not kept or not path.startswith(f"{kept[-1]}."):
            kept.append(path)
    return tuple(sorted(kept))
