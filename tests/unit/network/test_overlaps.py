"""Agreements that add nothing to another agreement. Each difference is tried in both directions."""

from dataclasses import replace
from datetime import date

import pytest

from instep.network.agreements import Agreement
from instep.network.overlaps import overlaps
from tests.unit.sharing import agreement, share

FIELDS = ("old_address", "moved_on")
WIDE = agreement("wide", shares=[share(fields=FIELDS)])


def found_overlaps(*agreements: Agreement) -> list[tuple[str, str, bool]]:
    return [(overlap.agreement.id, overlap.other.id, overlap.twin) for overlap in overlaps(agreements)]


def test_two_that_say_the_same_are_told_once_and_of_the_later_id() -> None:
    assert found_overlaps(WIDE, replace(WIDE, id="again")) == [("wide", "again", True)]
    assert found_overlaps(WIDE) == []


def test_of_three_that_say_the_same_each_but_the_first_is_told() -> None:
    three = [replace(WIDE, id=id) for id in ("a", "b", "c")]
    assert [id for id, _, _ in found_overlaps(*three)] == ["b", "c"]


@pytest.mark.parametrize(
    ("narrow", "idle"),
    [
        (replace(WIDE, effective_from=date(2026, 5, 1)), "narrow"),
        (replace(WIDE, effective_from=date(2026, 3, 31)), "wide"),
        (replace(WIDE, review_by=date(2027, 3, 30)), "narrow"),
        (replace(WIDE, review_by=date(2027, 4, 1)), "wide"),
        (replace(WIDE, approvals=WIDE.approvals[:1]), "narrow"),
        (replace(WIDE, sources=frozenset({"bradford", "wakefield"})), "wide"),
        (replace(WIDE, recipients=frozenset({"leeds", "wakefield"})), "wide"),
        (agreement(shares=[share(fields=("old_address.postcode",))]), "narrow"),
        (agreement(shares=[share(fields=("old_address_too",))]), None),
        (agreement(shares=[share(fields=("old_address", "contact"))]), None),
        (agreement(shares=[share(fields=FIELDS, when="always")]), "wide"),
        (agreement(shares=[share(fields=FIELDS, protected=True)]), "wide"),
        (agreement(shares=[share(fields=FIELDS, change_kinds=frozenset({"NEW"}))]), "narrow"),
        (agreement(shares=[share(fields=FIELDS, event="business-registered")]), None),
        (replace(WIDE, purpose="food-safety"), None),
        (replace(WIDE, status="suspended"), None),
        (replace(WIDE, status="ended"), None),
    ],
)
def test_whichever_adds_nothing_to_the_other_is_told(narrow: Agreement, idle: str | None) -> None:
    others = {"narrow": "wide", "wide": "narrow"}
    expected = [] if idle is None else [(idle, others[idle], False)]
    assert found_overlaps(WIDE, replace(narrow, id="narrow")) == expected


def test_one_whose_parties_have_approved_adds_to_one_whose_have_not() -> None:
    unapproved = replace(WIDE, approvals=WIDE.approvals[:1])
    assert found_overlaps(unapproved, replace(WIDE, id="approved")) == [("wide", "approved", False)]


def test_only_of_the_events_that_both_share_is_it_told() -> None:
    both = replace(WIDE, id="both", shares=(*WIDE.shares, share(event="business-registered")))
    assert found_overlaps(WIDE, both) == [("wide", "both", False)]
