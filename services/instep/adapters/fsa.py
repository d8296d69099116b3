"""Reads registrations of the Food Standards Agency's "Register a Food Business" service, for `business-registered` events.

The files hold registrations as version 5 of the service's API gives them. The API writes null for every absent value,
though its specification allows no null. A registration gives one event, recorded at its creation: only the field
`collected` (whether the council has collected the record) changes later.

The schema has no place for second telephone numbers, the search term, the declarations and `collected`, so they are left
out. What a file has of the first two is said once.

A file may be a single line. So every fault names the registration: its number in the file, and its `fsa_rn`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from instep.adapters import normalise
from instep.adapters.fsa_event import body_of
from instep.adapters.fsa_part import Part
from instep.adapters.json_array import Element, elements
from instep.adapters.line import Line, Note, Refused, Row
from instep.adapters.settings import Settings
from instep.adapters.text import open_file
from instep.errors import FileFormatError, RowError

SYSTEM = "register-a-food-business"
MEMBER = "registrations"

_NOT_CARRIED = (
    "establishment.establishment_secondary_number",
    "establishment.operator.operator_secondary_number",
    "establishment.activities.business_type_search_term",
)
_FSA_RN = re.compile(r"[A-Z0-9]{4,8}(-[A-Z0-9]{4,8}){1,3}")
_BEGINNING = re.compile(r'\{\s*"fsa_rn"')
"""Where reading goes on after a registration that breaks JSON's rules."""
_WRITTEN_RN = re.compile(r'"fsa_rn"\s*:?\s*"([^"]*)"')


def read_registrations(path: Path, authority: str, settings: Settings) -> Iterator[Line]:
    """Every registration; raises FileFormatError at once for another kind of file.

    A registration that breaks JSON's rules is refused, and reading goes on at the next registration's beginning.
    A registration is refused where `settings.council_of` names another council.
    """
    stream = open_file(path, "JSON")
    registrations = elements(stream, path, MEMBER, resume=_BEGINNING)
    try:
        first = _first(registrations, path)
    except FileFormatError:
        stream.close()
        raise
    return _read(stream, first, registrations, authority, settings)


def _first(registrations: Iterator[Element], path: Path) -> Element | None:
    first = next(registrations, None)
    if first and first.broken:
        if _WRITTEN_RN.search(first.broken.text):
            return first
        raise FileFormatError(f"{path} is not valid JSON in what begins on line {first.line}.")
    if first and not (isinstance(first.value, dict) and {"fsa_rn", "establishment"} & first.value.keys()):
        raise FileFormatError(f"{path} is JSON, but not registrations of the FSA's register.")
    return first


def _read(
    stream: BinaryIO, first: Element | None, rest: Iterator[Element], authority: str, settings: Settings
) -> Iterator[Line]:
    dropped: dict[str, int] = {}
    with stream:
        for number, element in enumerate(chain((first,) if first else (), rest), start=1):
            for column in _not_carried(element.value):
                dropped.setdefault(column, element.line)
            yield _line(element, number, authority, settings)
    for column, line in dropped.items():
        settings.remark(line, Note(column=column, reason="not-carried"))


def _not_carried(registration: Any) -> Iterator[str]:
    """The paths of values for which no event has a place."""
    for path in _NOT_CARRIED:
        value = registration
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value:
            yield path


def _line(element: Element, number: int, authority: str, settings: Settings) -> Line:
    entry = _entry(element, number)
    try:
        return _row(element, entry, authority, settings)
    except RowError as error:
        return Refused(
            line=element.line,
            column=error.column,
            reason=error.reason,
            position=element.position,
            entry=entry,
        )


def _entry(element: Element, number: int) -> str:
    """Which registration of the file it is; with its `fsa_rn` where the text has the shape of one."""
    reference = element.value.get("fsa_rn") if isinstance(element.value, dict) else None
    if element.broken and (written := _WRITTEN_RN.search(element.broken.text)):
        reference = written[1]
    if isinstance(reference, str) and _FSA_RN.fullmatch(reference):
        return f"registration {number} ({reference})"
    return f"registration {number}"


def _row(element: Element, entry: str, authority: str, settings: Settings) -> Row:
    registration = element.value
    if element.broken:
        raise RowError("", element.broken.reason)
    if not isinstance(registration, dict):
        raise RowError("", "not-a-registration")
    top = Part("", registration, settings)
    if element.windows:
        top.note("", "windows-1252")
    council = settings.council_of(registration) if settings.council_of else None
    if council not in (None, authority):
        if authority not in settings.acting_for(council or ""):
            raise RowError("local_council_url", "other-council")
        top.note("local_council_url", "abolished-council")
    reference = top.needed("fsa_rn")
    if reference.startswith("tmp_"):  # given when the service that numbers registrations was away
        raise RowError("fsa_rn", "temporary-reference")
    recorded, precision = top.moment("createdAt")
    establishment = top.part("establishment")
    operator = establishment.part("operator")
    opened_on = establishment.day("establishment_opening_date")
    return Row(
        line=element.line,
        position=element.position,
        event_type="business-registered",
        recorded=normalise.milliseconds(recorded),
        header={
            "occurred_on": opened_on or recorded.date().isoformat(),
            "recorded_at": normalise.iso(recorded),
        },
        body=body_of(reference, establishment, operator, opened_on),
        system=settings.source_system or SYSTEM,
        reference=reference,
        precision=precision,
        entry=entry,
        notes=tuple(top.notes),
    )
