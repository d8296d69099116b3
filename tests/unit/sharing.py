"""Small networks to decide in: Bradford tells Leeds of moves, unless a test says otherwise."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from instep.network.agreements import Agreement, Approval, Share
from instep.network.authorities import Authority
from instep.network.days import RespondWithin
from instep.network.network import Network
from instep.router.decide import Decision, Facts

TODAY = date(2026, 11, 23)  # a Monday
COUNCILS = ("bradford", "kirklees", "leeds", "wakefield")
GSS = dict(zip(COUNCILS, ("E08000032", "E08000034", "E08000035", "E08000036"), strict=True))


def share(**differences: Any) -> Share:
    """Names and day of every ordinary move, of any kind of change."""
    usual: dict[str, Any] = {
        "event": "resident-moved",
        "when": "concerns-recipient",
        "change_kinds": frozenset({"NEW", "CORRECT", "ANNUL", "REFRESH"}),
        "protected": False,
        "fields": ("moved_on", "person.family_name"),
    }
    return Share(**usual | differences)


def agreement(
    id: str = "tax",
    *,
    approved: Iterable[str] = COUNCILS,
    shares: Iterable[Share] | None = None,
    **differences: Any,
) -> Agreement:
    """Bradford tells Leeds about council tax; in force, approved by everyone."""
    usual: dict[str, Any] = {
        "id": id,
        "version": 1,
        "status": "active",
        "purpose": "council-tax",
        "lawful_basis": "UK GDPR Article 6(1)(e)",
        "legal_power": "Local Government Finance Act 1992, Schedule 2",
        "special_category_condition": "",
        "effective_from": date(2026, 4, 1),
        "review_by": date(2027, 3, 31),
        "retention_days": 730,
        "respond_within": RespondWithin(days=10, working=True),
        "dpia": "WY-DPIA-0042",
        "contact": "information.governance@leeds.example",
        "sources": frozenset({"bradford"}),
        "recipients": frozenset({"leeds"}),
    }
    approvals = tuple(Approval(authority=authority, by="SIRO", on=date(2026, 3, 2)) for authority in approved)
    return Agreement(
        **usual | differences, approvals=approvals, shares=(share(),) if shares is None else tuple(shares)
    )


def network(*agreements: Agreement, **differences: Any) -> Network:
    councils = {
        id: Authority(
            id=id, name=id.title(), gss=GSS[id], tier="metropolitan", parent=None, valid_from=date(1974, 4, 1)
        )
        for id in COUNCILS
    }
    usual: dict[str, Any] = {
        "name": "test",
        "lanes": 4,
        "generation": 7,
        "authorities": councils,
        "agreements": {agreement.id: agreement for agreement in agreements},
    }
    return Network(**usual | differences)


def facts(**differences: Any) -> Facts:
    """Bradford publishes a move, and the move concerns Leeds."""
    usual: dict[str, Any] = {
        "event_type": "resident-moved",
        "source": "bradford",
        "change_kind": "NEW",
        "handling": "ORDINARY",
        "requested_by": None,
        "concerned": frozenset({"leeds"}),
        "area_unknown": False,
        "past": frozenset(),
        "day": TODAY,
    }
    return Facts(**usual | differences)


def summary(decision: Decision) -> list[str]:
    """`leeds council-tax DELIVERED`, `leeds - WITHHELD no-agreement`, a line for each entry."""
    return [
        " ".join(filter(None, (entry.authority, entry.purpose or "-", entry.result, entry.reason)))
        for entry in decision.entries
    ]
