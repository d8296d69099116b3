"""Says in plain English what a recipient would notice between two schemas, for `instep schemas diff`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from instep.catalogue.compatibility import problems_between
from instep.events.fields import Field
from instep.events.schema import Schema

_WORDS: Mapping[str, str] = {
    "string": "text",
    "int": "a number",
    "long": "a number",
    "boolean": "true or false",
    "date": "a date",
    "timestamp-millis": "a time",
    "uuid": "a UUID",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Something to notice: `fields` are the paths concerned, `change` is new, gone, type, symbols or doc."""

    change: str
    fields: tuple[str, ...]
    message: str

    def __str__(self) -> str:
        return f"{', '.join(self.fields)}: {self.message}"


def verdict(old: Schema, new: Schema) -> str:
    """Whether a program written for the old schema must change to read the new schema, in a sentence."""
    before, after = f"{old.name} {old.version}", f"{new.name} {new.version}"
    if problems_between(old.definition, new.definition):
        return f"A program written for {before} must change before it reads {after}."
    return f"A program written for {before} reads {after} without a change."


def differences(old: Schema, new: Schema, classes: Mapping[str, str]) -> tuple[Difference, ...]:
    """Each difference, in the order of the newer schema, fields that are gone last; `classes` are the event type's, if any.

    A field of a record in several places (an address) gives a single difference, with all its paths.
    """
    places: dict[tuple[str, str, str], list[str]] = {}
    for change, path, message in _each(old, new, classes):
        places.setdefault((change, path.rpartition(".")[2], message), []).append(path)
    return tuple(
        Difference(change=change, fields=tuple(paths), message=message)
        for (change, _, message), paths in places.items()
    )


def _each(old: Schema, new: Schema, classes: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for path, field in new.fields.items():
        before = old.fields.get(path)
        if before is not None:
            yield from ((change, path, message) for change, message in _changed(before, field, old.version))
        elif _parent(path) not in new.fields or _parent(path) in old.fields:
            yield "new", path, _new(field, classes.get(path, ""), old.version)
    for path, field in old.fields.items():
        if path not in new.fields and (_parent(path) not in old.fields or _parent(path) in new.fields):
            yield "gone", path, f"is no longer there ({_type(field)}); a program that reads it finds nothing."


def _new(field: Field, personal: str, before: str) -> str:
    message = f"is new: {_type(field)}. {field.doc}"
    kind = f" Its class is {personal}." if personal else ""
    shared = " It reaches you only once an agreement names it." if personal else ""
    return f"{message}{kind}{shared} Records of {before} do not have it."


def _changed(old: Field, new: Field, before: str) -> Iterator[tuple[str, str]]:
    if (old.type, old.type_name, old.array) != (new.type, new.type_name, new.array):
        yield "type", f"was {_type(old)} and is {_type(new)}."
    else:
        added = [symbol for symbol in new.symbols if symbol not in old.symbols]
        lost = [symbol for symbol in old.symbols if symbol not in new.symbols]
        if added:
            yield (
                "symbols",
                f"may also be {_either(added)}; a program that knows {before} reads {old.symbols[0]} instead.",
            )
        if lost:
            yield (
                "symbols",
                f"is never {_either(lost)} any more; where {before} says so, read {new.symbols[0]}.",
            )
        if not added and not lost and old.symbols != new.symbols:
            yield (
                "symbols",
                "has its symbols in another order; a program must know by which of the two it reads.",
            )
    if old.needed != new.needed:
        yield "type", "must be given now." if new.needed else "may now be left out."
    if old.doc != new.doc:
        yield "doc", f"is described in other words: {new.doc}"


def _type(field: Field) -> str:
    value = (
        f"one of {', '.join(field.symbols)}"
        if field.symbols
        else _WORDS.get(field.type_name, field.type_name)
    )
    return f"a list, each {value}" if field.array else value


def _either(symbols: list[str]) -> str:
    return " or ".join(symbols)


def _parent(path: str) -> str:
    return path.rpartition(".")[0]
