"""What changes of an agreement is said in words: which field goes, which party comes."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from instep.network.agreements import Approval
from instep.network.revisions import changes_in_words
from tests.unit.sharing import agreement, share

WAS = agreement(shares=[share(fields=("moved_on", "person.title"))], approved=("bradford",))


@pytest.mark.parametrize(
    ("differences", "words"),
    [
        ({"version": 2}, []),
        ({"shares": [share(fields=("moved_on",))]}, ["resident-moved: person.title goes"]),
        (
            {"shares": [share(fields=("moved_on", "person.born_on"))]},
            ["resident-moved: person.born_on comes, person.title goes"],
        ),
        (
            {"shares": [share(fields=("moved_on", "person.title"), protected=True, when="always")]},
            [
                "resident-moved: when concerns-recipient -> always",
                "resident-moved: events of protected people come",
            ],
        ),
        (
            {"shares": [share(fields=("moved_on", "person.title"), change_kinds=frozenset({"NEW"}))]},
            ["resident-moved: ANNUL goes, CORRECT goes, REFRESH goes"],
        ),
        (
            {"shares": [*WAS.shares, share(event="business-registered", fields=("status",))]},
            ["business-registered: status comes"],
        ),
        ({"shares": [share(fields=("person.title", "moved_on"))]}, ["order of shares"]),
        ({"recipients": frozenset({"leeds", "wakefield"})}, ["recipients: wakefield comes"]),
        ({"approved": ("leeds",)}, ["approvals: leeds comes, bradford goes"]),
        (
            {"review_by": date(2028, 3, 31), "status": "suspended"},
            ["status active -> suspended", "review_by 2027-03-31 -> 2028-03-31"],
        ),
    ],
)
def test_each_change_has_its_words(differences: dict[str, Any], words: list[str]) -> None:
    usual: dict[str, Any] = {"shares": WAS.shares, "approved": ("bradford",)}
    assert changes_in_words(WAS, agreement(**usual | differences)) == words


def test_two_shares_of_an_event_whose_terms_differ_are_said_to() -> None:
    two = (share(fields=("moved_on",)), share(fields=("person.title",)))
    was, now = replace(WAS, shares=two), replace(WAS, shares=(replace(two[0], protected=True), two[1]))
    assert changes_in_words(was, now) == ["resident-moved: terms of its shares"]


def test_an_approval_by_somebody_else_is_a_change() -> None:
    now = replace(WAS, approvals=(Approval(authority="bradford", by="Mayor", on=date(2026, 3, 2)),))
    assert changes_in_words(WAS, now) == ["approvals: dates or names"]
