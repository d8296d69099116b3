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
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from instep.adapters import normalise
from instep.adapters.cells import Cells, present
from instep.adapters.fsa_codes import CODES
from instep.adapters.json_array import Element, elements
from instep.adapters.line import Line, Note, Plain, Refused, Row
from instep.adapters.settings import Settings
from instep.adapters.text import open_file
from instep.errors import FileFormatError, RowError
from instep.events import identifiers

SYSTEM = "register-a-food-business"
MEMBER = "registrations"

_OPERATORS = {name.lower(): name for name in ("SOLETRADER", "PARTNERSHIP", "PERSON", "COMPANY", "CHARITY")}
_ESTABLISHMENTS = {name.lower(): name for name in ("COMMERCIAL", "MOBILE", "DOMESTIC")}
_NAME_OF = {
    "SOLETRADER": "operator_last_name",
    "PERSON": "operator_last_name",
    "COMPANY": "operator_company_name",
    "CHARITY": "operator_charity_name",
}
"""By type of operator: where its name stands."""
_NOT_CARRIED = (
    "establishment.establishment_secondary_number",
    "establishment.operator.operator_secondary_number",
    "establishment.activities.business_type_search_term",
)
_FSA_RN = re.compile(r"[A-Z0-9]{4,8}(-[A-Z0-9]{4,8}){1,3}")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def read_registrations(path: Path, authority: str, settings: Settings) -> Iterator[Line]:
    """Every registration; raises FileFormatError at once for another kind of file, or at the place where the file is cut
    off.

    A registration is refused where `settings.council_of` names another council.
    """
    stream = open_file(path, "JSON")
    registrations = elements(stream, path, MEMBER)
    try:
        first = _first(registrations, path)
    except FileFormatError:
        stream.close()
        raise
    return _read(stream, first, registrations, authority, settings)


def _first(registrations: Iterator[Element], path: Path) -> Element | None:
    first = next(registrations, None)
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
    entry = _entry(element.value, number)
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


def _entry(registration: Any, number: int) -> str:
    """Which registration of the file it is; with its `fsa_rn` where the text has the shape of one."""
    reference = registration.get("fsa_rn") if isinstance(registration, dict) else None
    if isinstance(reference, str) and _FSA_RN.fullmatch(reference):
        return f"registration {number} ({reference})"
    return f"registration {number}"


def _row(element: Element, entry: str, authority: str, settings: Settings) -> Row:
    registration = element.value
    if not isinstance(registration, dict):
        raise RowError("", "not-a-registration")
    top = _Part("", registration, settings)
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
        body=_body(reference, establishment, operator, opened_on),
        system=settings.source_system or SYSTEM,
        reference=reference,
        precision=precision,
        entry=entry,
        notes=tuple(top.notes),
    )


def _body(reference: str, establishment: _Part, operator: _Part, opened_on: str | None) -> Plain:
    return present({
        "registration_ref": reference,
        "operator": _operator(operator),
        "establishment": _establishment(establishment, establishment.part("premise")),
        "activities": _activities(establishment.part("activities")),
        "opened_on": opened_on,
        "status": "OPEN",
        "company_number": _company_number(operator),
        "charity_number": operator.text("operator_charity_number"),
    })  # fmt: skip


def _operator(part: _Part) -> Plain:
    kind = part.choice("operator_type", _OPERATORS)
    named = _NAME_OF.get(kind or "")
    if named and not part.text(named):
        part.note(named, "operator-name-missing")
    partners = part.parts("partners")
    if kind == "PARTNERSHIP":
        primary = sum(partner.flag("partner_is_primary_contact") is True for partner in partners)
        if primary != 1:
            part.note("partners", "two-primary-partners" if primary else "no-primary-partner")
    return present({
        "type": kind,
        "given_names": part.text("operator_first_name"),
        "family_name": part.text("operator_last_name"),
        "born_on": part.birth("operator_birthdate"),
        "company_name": part.text("operator_company_name"),
        "charity_name": part.text("operator_charity_name"),
        "address": part.address(
            tuple(f"operator_address_line_{number}" for number in (1, 2, 3)),
            town="operator_town",
            postcode="operator_postcode",
            uprn="operator_uprn",
            padded=False,
        ),
        "contact": _contact(part, "operator_email", "operator_primary_number"),
        "partners": [
            present({
                "name": partner.text("partner_name"),
                "primary_contact": partner.flag("partner_is_primary_contact"),
            })
            for partner in partners
        ],
        "representative_name": part.text("contact_representative_name"),
        "representative_role": part.text("contact_representative_role"),
        "representative_contact": _contact(
            part, "contact_representative_email", "contact_representative_number"
        ),
    })  # fmt: skip


def _establishment(part: _Part, premise: _Part) -> Plain:
    premise.place("establishment_postcode")
    names = [part.text("establishment_trading_name"), *part.texts("establishment_additional_trading_names")]
    return present({
        "trading_names": [name for name in names if name],
        "type": premise.choice("establishment_type", _ESTABLISHMENTS),
        "address": premise.address(
            tuple(f"establishment_address_line_{number}" for number in (1, 2, 3)),
            town="establishment_town",
            postcode="establishment_postcode",
            uprn="establishment_uprn",
            padded=False,
        ),
        "contact": _contact(part, "establishment_email", "establishment_primary_number"),
        "website": part.text("establishment_web_address"),
    })  # fmt: skip


def _activities(part: _Part) -> Plain:
    days = [day for day in _DAYS if part.flag(f"opening_day_{day}")]
    hours = [part.text(f"opening_hours_{day}") for day in days]
    return present({
        "business_type": part.coded("business_type"),
        "customer_type": part.coded("customer_type"),
        "business_scale": part.codes("business_scale"),
        "food_types": part.codes("food_type"),
        "processing": part.codes("processing_activities"),
        "import_export": part.coded("import_export_activities"),
        "water_supply": part.coded("water_supply"),
        "other_details": part.text("business_other_details"),
        "opening_days": [day.upper() for day in days],
        "opening_hours": hours if any(hours) else [],
        "opening_irregular": part.text("opening_days_irregular"),
    })  # fmt: skip


def _contact(part: _Part, email: str, telephone: str) -> Plain:
    return present({"email": part.text(email), "telephone": part.text(telephone)})


def _company_number(part: _Part) -> str | None:
    column = "operator_company_house_number"
    text = part.text(column)
    number = identifiers.company_number(text) if text else None
    if text and number is None:
        part.note(column, "company-number-damaged")
    elif number is not None:
        compact = "".join(text.split())
        if compact != compact.upper():
            part.note(column, "capitals")
        if compact != text:
            part.note(column, "spaces")
        if compact.upper() != number:
            part.note(column, "leading-zeros")
    return number


class _Part(Cells):
    """An object of a registration: cells for its texts, parts for the objects within. Notes go to the outermost part."""

    __slots__ = ("_object", "_prefix")

    def __init__(
        self, prefix: str, parsed: Mapping[str, Any], settings: Settings, outer: _Part | None = None
    ) -> None:
        super().__init__({}, {}, settings)
        self._prefix = prefix
        self._object = parsed
        if outer:
            self.notes = outer.notes

    def heading(self, column: str) -> str:
        return self._prefix + column

    def written(self, column: str) -> str:
        value = self._object.get(column)
        if value is None or value == "":
            return ""
        return self._of_json(column, value)

    def _of_json(self, column: str, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise RowError(self.heading(column), "wrong-type")
        return self.cleaned(column, str(value))

    def texts(self, column: str) -> list[str]:
        return [self._of_json(column, value) for value in self._list(column)]

    def coded(self, column: str) -> str:
        """A code, with a note where the Agency's list does not have the code."""
        code = self.text(column)
        if code and code not in CODES[column]:
            self.note(column, "unknown-code")
        return code

    def codes(self, column: str) -> list[str]:
        codes = self.texts(column)
        if not CODES[column].issuperset(codes):
            self.note(column, "unknown-code")
        return codes

    def place(self, column: str) -> None:
        """Note where the postcode is in another council's area than the publisher's."""
        code = identifiers.postcode(self.written(column))
        if code and self.settings.holds and self.settings.holds(code) is False:
            self.note(column, "council-and-postcode-disagree")

    def flag(self, column: str) -> bool | None:
        value = self._object.get(column)
        if value is not None and not isinstance(value, bool):
            raise RowError(self.heading(column), "wrong-type")
        return value

    def part(self, column: str) -> _Part:
        return self._within(column, self._object.get(column) or {})

    def parts(self, column: str) -> list[_Part]:
        return [self._within(column, value) for value in self._list(column)]

    def _within(self, column: str, value: Any) -> _Part:
        if not isinstance(value, dict):
            raise RowError(self.heading(column), "wrong-type")
        return _Part(f"{self._prefix}{column}.", value, self.settings, self)

    def _list(self, column: str) -> list[Any]:
        value = self._object.get(column)
        if value is not None and not isinstance(value, list):
            raise RowError(self.heading(column), "wrong-type")
        return value or []
