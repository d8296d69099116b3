"""Compares two versions of a schema by our own rules: within a major version a schema only grows, at its ends.

Avro's own rules are empty where every field may be null. Fields may be taken away, renamed and put in another order,
symbols and defaults may go, and Avro's checker passes all of this, since every reader can make *something* of every byte.
We promise a recipient more: a program goes on reading every value that it reads today. So nothing is removed, renamed,
retyped or reordered, and no symbol, default or logical type changes.

The decision: `services/decisions/007-our-own-compatibility-rules.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from instep.catalogue.definitions import local
from instep.events.generated import name_types


def growth_problems(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each rule that `new` breaks towards `old`; both definitions are sound by `definitions.problems`."""
    return _Growth(name_types(old), name_types(new)).type(old, new, "")


class _Growth:
    """A comparison of two definitions; a type in several places is compared at the first of them."""

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
                change = f"it was {_word(before)} and is {_word(after)}"
                yield f"{where} is of another type: {change}; the same bytes would mean another thing."

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
            change = f"the default of {old['name']} is no longer {old['default']}"
            yield f"{path}: {change}; a symbol that a reader does not know would come to mean something else."


_FIELD_GONE = "recipients would find it null and could not tell that from withheld"
_FIELD_MOVED = "bytes hold no names, and who reads by place would take one field for another"
_SYMBOL_GONE = "older events that say it would be read as saying nothing"
_SYMBOL_MOVED = "bytes hold a symbol's place, and one would be taken for another"


def _displaced(old: Sequence[str], new: Sequence[str]) -> tuple[str, str, bool] | None:
    """The first name out of its place, its fate, and whether the name is still there; all names behind have shifted too."""
    for place, name in enumerate(old):
        instead = new[place] if place < len(new) else None
        if instead == name:
            continue
        if name in new:
            return name, f"moved from place {place + 1} to {new.index(name) + 1}", True
        if instead is None or instead in old:
            return name, "removed", False
        return name, f"removed, or renamed {instead}", False
    return None


def _resolved(avro: Any, named: Mapping[str, Any]) -> Any:
    return named.get(local(avro), avro) if isinstance(avro, str) else avro


def _word(avro: Any) -> str:
    """A type in words, for people."""
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
