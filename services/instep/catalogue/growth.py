"""What a newer version of a schema may do to an older one of the same major version: grow, at its ends.

Avro's own rules are empty where every field may be null: fields are taken away, renamed and put in another order, symbols
and defaults go, and its checker passes all of it, since every reader can make *something* of every byte. What we promise a
recipient is that it goes on reading what it read, so nothing is removed, renamed, retyped or reordered, and no symbol,
default or logical type changes (design §3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from instep.catalogue.definitions import local
from instep.events.generated import name_types


def growth_faults(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each rule that `new` breaks towards `old`; both are definitions that have passed `faults`."""
    return _Growth(name_types(old), name_types(new)).type(old, new, "")


class _Growth:
    """One comparison; a type that is used in several places is compared where it is met first."""

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self._old = old
        self._new = new
        self._compared: set[str] = set()

    def type(self, old: Any, new: Any, path: str) -> Iterator[str]:
        where = path or "The record"
        match _resolved(old, self._old), _resolved(new, self._new):
            case {"type": ("record" | "enum") as kind, "name": name}, {"type": other, "name": renamed} if (
                kind == other
            ):
                if name != renamed:
                    yield f"{where}: the type {name} has been renamed {renamed}, and readers find a type by its name."
                elif name not in self._compared:
                    self._compared.add(name)
                    compare = self._fields if kind == "record" else self._symbols
                    yield from compare(_resolved(old, self._old), _resolved(new, self._new), path)
            case ["null", before], ["null", after]:
                yield from self.type(before, after, path)
            case {"type": "array", "items": before}, {"type": "array", "items": after}:
                yield from self.type(before, after, path)
            case before, after if _word(before) != _word(after):
                words = f"it was {_word(before)} and is {_word(after)}"
                yield f"{where} is of another type: {words}; the same bytes would mean another thing."

    def _fields(self, old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[str]:
        later = {field["name"]: field for field in new["fields"]}
        displaced = _displaced([field["name"] for field in old["fields"]], list(later))
        if displaced:
            name, fate, moved = displaced
            why = _FIELD_MOVED if moved else _FIELD_GONE
            yield (
                f"{path}.{name}".lstrip(".")
                + f" has been {fate}; fields are only added, at the end, for {why}."
            )
        for before in old["fields"]:
            after = later.get(before["name"])
            if after is None:
                continue
            place = f"{path}.{before['name']}".lstrip(".")
            if ("default" in before, before.get("default")) != ("default" in after, after.get("default")):
                yield f"{place} has another default; two readers would take the same silence for two things."
            yield from self.type(before["type"], after["type"], place)

    def _symbols(self, old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[str]:
        displaced = _displaced(old["symbols"], new["symbols"])
        if displaced:
            symbol, fate, moved = displaced
            why = _SYMBOL_MOVED if moved else _SYMBOL_GONE
            yield f"{path}: the symbol {symbol} has been {fate}; symbols are only added, at the end, for {why}."
        if old["default"] != new["default"]:
            words = f"the default of {old['name']} is no longer {old['default']}"
            yield f"{path}: {words}; a symbol that a reader does not know would come to mean something else."


_FIELD_GONE = "recipients would find it null and could not tell that from withheld"
_FIELD_MOVED = "bytes hold no names, and who reads by place would take one field for another"
_SYMBOL_GONE = "older events that say it would be read as saying nothing"
_SYMBOL_MOVED = "bytes hold a symbol's place, and one would be taken for another"


def _displaced(old: Sequence[str], new: Sequence[str]) -> tuple[str, str, bool] | None:
    """The first name that is not in its place, what became of it and whether it is there still; it shifts all behind it."""
    for place, name in enumerate(old):
        there = new[place] if place < len(new) else None
        if there == name:
            continue
        if name in new:
            return name, f"moved from place {place + 1} to {new.index(name) + 1}", True
        if there is None or there in old:
            return name, "removed", False
        return name, f"removed, or renamed {there}", False
    return None


def _resolved(avro: Any, named: Mapping[str, Any]) -> Any:
    return named.get(local(avro), avro) if isinstance(avro, str) else avro


def _word(avro: Any) -> str:
    """What a person calls a type."""
    match avro:
        case ["null", other]:
            return f"{_word(other)} or null"
        case {"type": "array", "items": items}:
            return f"a list of {_word(items)}"
        case {"logicalType": str() as logical, "type": underlying}:
            return f"{logical} ({underlying})"
        case {"type": "record" | "enum", "name": name}:
            return str(name)
        case {"type": scalar}:
            return str(scalar)
        case _:
            return local(str(avro))
