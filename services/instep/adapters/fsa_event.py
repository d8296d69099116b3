"""Makes of a registration the fields of a `business-registered` event."""

from __future__ import annotations

from instep.adapters.cells import present
from instep.adapters.fsa_part import Part
from instep.adapters.line import Plain
from instep.events import identifiers

_OPERATORS = {name.lower(): name for name in ("SOLETRADER", "PARTNERSHIP", "PERSON", "COMPANY", "CHARITY")}
_ESTABLISHMENTS = {name.lower(): name for name in ("COMMERCIAL", "MOBILE", "DOMESTIC")}
_NAME_OF = {
    "SOLETRADER": "operator_last_name",
    "PERSON": "operator_last_name",
    "COMPANY": "operator_company_name",
    "CHARITY": "operator_charity_name",
}
"""By type of operator: where its name stands."""
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def body_of(reference: str, establishment: Part, operator: Part, opened_on: str | None) -> Plain:
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


def _operator(part: Part) -> Plain:
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


def _establishment(part: Part, premise: Part) -> Plain:
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


def _activities(part: Part) -> Plain:
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


def _contact(part: Part, email: str, telephone: str) -> Plain:
    return present({"email": part.text(email), "telephone": part.text(telephone)})


def _company_number(part: Part) -> str | None:
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
