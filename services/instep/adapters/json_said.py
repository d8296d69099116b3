"""What a line of JSON that is refused says of protection: whom others of the file are protected with, or held back for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

from instep.adapters import normalise
from instep.adapters.doubt import marks_of_addresses, marks_of_text
from instep.adapters.line import Plain
from instep.adapters.marks import folded, spellings, stub, with_signs

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_SYSTEM = re.compile(r'"source_system"\s*:\s*"([^"\\]*)"')
_HOUSEHOLDS = ("household_reference", "group_ref")


@dataclass(frozen=True, kw_only=True, slots=True)
class LineSaid:
    """`marks` are of everybody whom the line may protect. `sure`: the line is JSON and names its household.

    `text` is the line's text where nobody can tell the household, else "". `reference` and `system` are "" where not known.
    """

    marks: frozenset[str] = field(repr=False, default=frozenset())
    sure: bool = True
    text: str = field(repr=False, default="")
    reference: str = field(repr=False, default="")
    system: str = ""


def said(text: str) -> LineSaid:
    """What a refused line says; a line that says ORDINARY, and nothing else, protects nobody."""
    pairs = _pairs(text)
    values = {name: [value for key, value in pairs if key == name] for name, _ in pairs}
    handlings = [value for name, value in pairs if name.casefold() == "handling"]
    if handlings and all(value == "ORDINARY" for value in handlings) and "PROTECTED" not in text:
        return LineSaid()
    reference = _single(values.get("reference", []))
    refused = LineSaid(
        reference=normalise.reference(reference), system=_single(values.get("source_system", []))
    )
    households = [value for name in _HOUSEHOLDS for value in values.get(name, [])]
    if households and all(isinstance(value, str) and value for value in households):
        keys = {normalise.key_of(normalise.reference(folded(value))) for value in households}
        return replace(refused, marks=spellings({*keys, *values.get("group_ref", [])}))
    written = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    # What is known to be the reference is no household.
    marks = marks_of_text(written, json=True) - spellings([normalise.key_of(refused.reference)])
    if not pairs:  # the household's reference may have been lost with the rest of the line
        marks |= marks_of_addresses(written) | _of_cut(written)
    system = refused.system or _system_in(written)
    return replace(refused, marks=with_signs(marks), sure=False, text=written, system=system)


def _system_in(written: str) -> str:
    """The source system in a text that is no JSON: later files are protected by the marks of their own system alone."""
    systems = set(_SYSTEM.findall(written))
    return systems.pop() if len(systems) == 1 else ""


def _of_cut(written: str) -> frozenset[str]:
    """The marks of a text that the line's end cuts off: of a family name or an address, perhaps."""
    _, quote, left = written.rstrip("\r\n").rpartition('"')
    kinds = ("name", "line", "uprn") if quote and left.strip(" :,{}[]") else ()
    return frozenset(mark for kind in kinds for mark in stub(kind, left))


def _pairs(text: str) -> list[tuple[str, Any]]:
    """Every name with its value, at every depth, also where a name comes twice; () for a text that is no JSON."""
    pairs: list[tuple[str, Any]] = []

    def collected(own: list[tuple[str, Any]]) -> Plain:
        pairs.extend(own)
        return dict(own)

    try:
        json.loads(text, object_pairs_hook=collected)
    except (ValueError, RecursionError):
        return []
    return pairs


def _single(values: list[Any]) -> str:
    """The value of a name that comes once, as a text; else ""."""
    return values[0] if len(values) == 1 and isinstance(values[0], str) else ""
