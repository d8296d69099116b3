"""Sharing agreements name the fields that a source may share with a recipient, the purpose, the legal basis and the days.

A field without an agreement does not leave its source. An agreement binds only the parties that have approved. The
router looks agreements up for every event, so an `Agreement` derives everything for the router once, at creation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from instep.network.days import RespondWithin

Status = Literal["active", "suspended", "ended"]
When = Literal["concerns-recipient", "always"]
Standing = Literal["active", "suspended", "ended", "not-yet-effective", "expired"]
"""How an agreement stands on a day: active, or the reason why nothing flows under the agreement on that day."""

CHANGE_KINDS = ("NEW", "CORRECT", "ANNUL", "REFRESH")


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """An authority's approval: who approved on its behalf, and the day."""

    authority: str
    by: str
    on: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """The fields shared of an event type, as paths: `old_address`, `person.family_name`."""

    event: str
    when: When
    change_kinds: frozenset[str]
    protected: bool
    fields: tuple[str, ...]

    @property
    def roots(self) -> frozenset[str]:
        """The top-level fields of the event in which the shared paths begin."""
        return frozenset(path.partition(".")[0] for path in self.fields)


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """A sharing agreement. `review_by` is the last day, in London, on which events flow under the agreement."""

    id: str
    version: int
    status: Status
    purpose: str
    lawful_basis: str
    legal_power: str
    special_category_condition: str
    effective_from: date
    review_by: date
    retention_days: int
    respond_within: RespondWithin
    dpia: str
    contact: str
    sources: frozenset[str]
    recipients: frozenset[str]
    approvals: tuple[Approval, ...]
    shares: tuple[Share, ...]

    label: str = field(init=False, compare=False)
    """`id@version`, the agreement's name in disclosures and deliveries."""
    approved: frozenset[str] = field(init=False, compare=False, repr=False)
    """The parties bound by the agreement: those with an approval."""
    parties: frozenset[str] = field(init=False, compare=False, repr=False)
    events: Mapping[str, tuple[Share, ...]] = field(init=False, compare=False, repr=False)
    """The shares by event type."""

    def __post_init__(self) -> None:
        """Derive the router's values for every event."""
        put = object.__setattr__
        put(self, "label", f"{self.id}@{self.version}")
        put(self, "approved", frozenset(approval.authority for approval in self.approvals))
        put(self, "parties", self.sources | self.recipients)
        names = dict.fromkeys(share.event for share in self.shares)
        put(self, "events", {name: tuple(s for s in self.shares if s.event == name) for name in names})

    def standing(self, day: date) -> Standing:
        """How the agreement stands on a day in London. Disclosures give reasons in the same words."""
        if self.status != "active":
            return self.status
        if day < self.effective_from:
            return "not-yet-effective"
        if day > self.review_by:
            return "expired"
        return "active"
