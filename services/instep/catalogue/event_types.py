"""What an `event.toml` may say: `faults(told, fields)` over the parsed file and its newest schema's fields."""

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


def faults(document: Mapping[str, Any], fields: Mapping[str, Field]) -> Iterator[str]:
    """Sentences; first about the file's shape and, only if that is right, about the paths that it names."""
    shape = list(_shape_faults(document))
    yield from shape
    if not shape:
        beneath = {path: field for path, field in fields.items() if path.partition(".")[0] != "header"}
        yield from _path_faults(document, beneath)
        yield from _class_faults(document["classes"], beneath)
        if "duty" in document:
            yield from _duty_faults(document["duty"], beneath)


def _shape_faults(document: Mapping[str, Any]) -> Iterator[str]:
    if "duty" not in document:
        yield from _key_faults(document, _SHAPE)
        return
    yield from _key_faults(document, {**_SHAPE, "duty": dict})
    if isinstance(document["duty"], dict):
        yield from (f"[duty] {fault}" for fault in _key_faults(document["duty"], _DUTY))


def _key_faults(document: Mapping[str, Any], shape: Mapping[str, type]) -> Iterator[str]:
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


def _path_faults(document: Mapping[str, Any], fields: Mapping[str, Field]) -> Iterator[str]:
    for path in document["required"]:
        if path not in fields:
            yield f"required: {path} is not a field beneath the header."
    for key in ("addresses", "other_addresses"):
        for path in document[key]:
            if path not in fields or fields[path].type_name != "Address":
                yield f"{key}: {path} is not an Address."
    for path, field in fields.items():
        if field.type_name == "Address" and (path in document["addresses"]) == (
            path in document["other_addresses"]
        ):
            yield f"{path} is an Address, so it is either in addresses (its area is told) or in other_addresses."


def _class_faults(classes: Mapping[str, list[str]], fields: Mapping[str, Field]) -> Iterator[str]:
    leaves = {path for path, field in fields.items() if field.leaf}
    listed = [path for paths in classes.values() for path in paths]
    for name in sorted(classes.keys() - CLASSES.keys()):
        yield f"[classes] {name} is none of {', '.join(CLASSES)}."
    for path in sorted(leaves - set(listed)):
        yield f"[classes] {path} has no class."
    for path in sorted(set(listed) - leaves):
        yield f"[classes] {path} is not a leaf beneath the header."
    for path in sorted({path for path in listed if listed.count(path) > 1}):
        yield f"[classes] {path} is named twice."


def _duty_faults(duty: Mapping[str, Any], fields: Mapping[str, Field]) -> Iterator[str]:
    if duty["counts_from"] not in fields or fields[duty["counts_from"]].type_name != "date":
        yield f"[duty] counts_from: {duty['counts_from']} is not a date of the event."
    if duty["when"] not in fields or duty["equals"] not in fields[duty["when"]].symbols:
        yield f"[duty] {duty['when']} never equals {duty['equals']}."
    if duty["within_days"] < 1:
        yield "[duty] within_days is a number of days from 1."
