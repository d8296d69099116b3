"""Checks an `event.toml`, which says of an event type its owner, required fields, addresses and personal-data classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from instep.events.fields import Field
from instep.events.schema import CLASSES

_SHAPE = {
    "title": str,
    "owner": str,
    "purpose": str,
    "required": list,
    "addresses": list,
    "other_addresses": list,
    "classes": dict,
}
_DUTY = {"law": str, "text": str, "within_days": int, "counts_from": str, "when": str, "equals": str}


def problems(document: Mapping[str, Any], fields: Mapping[str, Field]) -> Iterator[str]:
    """A sentence for each problem: of the file's shape and, where the shape is right, of the paths in the file."""
    shape = list(_shape_problems(document))
    yield from shape
    if not shape:
        beneath = {path: field for path, field in fields.items() if path.partition(".")[0] != "header"}
        yield from _path_problems(document, beneath)
        yield from _class_problems(document["classes"], beneath)
        if "duty" in document:
            yield from _duty_problems(document["duty"], beneath)


def _shape_problems(document: Mapping[str, Any]) -> Iterator[str]:
    if "duty" not in document:
        yield from _key_problems(document, _SHAPE)
        return
    yield from _key_problems(document, {**_SHAPE, "duty": dict})
    if isinstance(document["duty"], dict):
        yield from (f"[duty] {problem}" for problem in _key_problems(document["duty"], _DUTY))


def _key_problems(document: Mapping[str, Any], shape: Mapping[str, type]) -> Iterator[str]:
    words = {str: "a text", int: "a number", list: "a list of paths", dict: "a table"}
    for key, kind in shape.items():
        if key not in document:
            yield f"{key} is not given."
        elif (
            type(document[key]) is not kind
            or document[key] == ""
            or (kind is list and not _texts(document[key]))
        ):
            yield f"{key} is not {words[kind]}."
        elif key == "classes":
            yield from (
                f"[classes] {name} is not a list of paths."
                for name, v in document[key].items()
                if not _texts(v)
            )
    for key in sorted(document.keys() - shape.keys()):
        yield f"{key} is not a key of this file."


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _path_problems(document: Mapping[str, Any], fields: Mapping[str, Field]) -> Iterator[str]:
    for path in document["required"]:
        if path not in fields:
            yield f"required: {path} is not a field beneath the header."
    for key in ("addresses", "other_addresses"):
        for path in document[key]:
            if path not in fields or fields[path].type_name != "Address":
                yield f"{key}: {path} is not an Address."
    either = "either in addresses (its area decides whom the event concerns) or in other_addresses"
    for path, field in fields.items():
        places = (path in document["addresses"]) + (path in document["other_addresses"])
        if field.type_name == "Address" and places != 1:
            yield f"{path} is an Address, so it is {either}."


def _class_problems(classes: Mapping[str, list[str]], fields: Mapping[str, Field]) -> Iterator[str]:
    leaves = {path for path, field in fields.items() if field.leaf}
    classified = [path for paths in classes.values() for path in paths]
    for name in sorted(classes.keys() - CLASSES.keys()):
        yield f"[classes] {name} is none of {', '.join(CLASSES)}."
    for path in sorted(leaves - set(classified)):
        yield f"[classes] {path} has no class."
    for path in sorted(set(classified) - leaves):
        yield f"[classes] {path} is not a leaf beneath the header."
    for path in sorted({path for path in classified if classified.count(path) > 1}):
        yield f"[classes] {path} is named twice."


def _duty_problems(duty: Mapping[str, Any], fields: Mapping[str, Field]) -> Iterator[str]:
    if duty["counts_from"] not in fields or fields[duty["counts_from"]].type_name != "date":
        yield f"[duty] counts_from: {duty['counts_from']} is not a date of the event."
    if duty["when"] not in fields or duty["equals"] not in fields[duty["when"]].symbols:
        yield f"[duty] {duty['when']} never equals {duty['equals']}."
    if duty["within_days"] < 1:
        yield "[duty] within_days is a number of days from 1."
