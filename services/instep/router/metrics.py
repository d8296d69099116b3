"""What the router counts; each name typed once."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from instep.network.agreements import Agreement
from instep.router.plan import Plan

_LONDON = ZoneInfo("Europe/London")
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0, 86_400.0)


@dataclass(kw_only=True, slots=True)
class Happened:
    """What happened in one batch, counted while it is decided and shown once it has committed."""

    planned: Tally[Plan] = field(default_factory=Tally)
    ages: dict[str, list[int]] = field(default_factory=dict)
    """By event type: milliseconds from published to delivered."""
    duplicates: Tally[str] = field(default_factory=Tally)
    late: Tally[str] = field(default_factory=Tally)
    canaries: Tally[str] = field(default_factory=Tally)
    forgotten: Tally[str] = field(default_factory=Tally)
    rejections: Tally[tuple[str, str]] = field(default_factory=Tally)
    """By source and reason."""

    def routed(self, plan: Plan, age: int) -> None:
        """An event was routed by a plan, `age` milliseconds after it was published; delivered to nobody, it has no age."""
        self.planned[plan] += 1
        if plan.delivered:
            self.ages.setdefault(plan.event_type, []).append(age)


class RouterMetrics:
    """Metrics of one router process, in the registry that its app gives it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, says: str, *labels: str) -> _Children:
            return _Children(Counter(name, says, labels, registry=registry))

        self._deliveries = counter(
            "instep_router_deliveries", "Deliveries to inboxes.", "recipient", "purpose", "event_type"
        )
        self._withheld = counter("instep_router_withheld", "Deliveries withheld, by reason.", "reason")
        self._withdrawals = counter(
            "instep_router_withdrawals", "Withdrawals sent to past recipients, by reason.", "reason"
        )
        self._endings = counter("instep_router_events", "Events routed, by how they ended.", "ending")
        self._duplicates = counter(
            "instep_router_duplicates", "Events dropped because they were routed before.", "source"
        )
        self._late = counter(
            "instep_router_late", "Events routed after a later one of the same subject.", "source"
        )
        self._rejections = counter(
            "instep_router_rejections", "Events refused by the router, by reason.", "source", "reason"
        )
        self._canaries = counter("instep_router_canaries", "Synthetic events, dropped here.", "source")
        self._forgotten = counter(
            "instep_router_forgotten",
            "Corrections of events too old to be remembered, routed as new.",
            "source",
        )
        self._ages = Histogram(
            "instep_event_age_seconds",
            "Age of an event when it was delivered, from when it was published.",
            ["event_type"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._expiry = Gauge(
            "instep_agreement_expiry_timestamp_seconds",
            "When the agreement's last day ends in London.",
            ["agreement"],
            registry=registry,
        )

    def follow(self, agreements: Iterable[Agreement]) -> None:
        """Show when each of these agreements expires, and no other."""
        self._expiry.clear()
        for agreement in agreements:
            end = datetime.combine(agreement.review_by + timedelta(days=1), time(), _LONDON)
            self._expiry.labels(agreement.id).set(end.timestamp())

    def raise_by(self, happened: Happened) -> None:
        """Count what happened in a batch; called after the commit."""
        for plan, count in happened.planned.items():
            self._raise_by_plan(plan, count)
        for children, tally in (
            (self._duplicates, happened.duplicates),
            (self._late, happened.late),
            (self._canaries, happened.canaries),
            (self._forgotten, happened.forgotten),
        ):
            for source, count in tally.items():
                children.inc(count, source)
        for (source, reason), count in happened.rejections.items():
            self._rejections.inc(count, source, reason)
        for event_type, ages in happened.ages.items():
            observe = self._ages.labels(event_type).observe
            for age in ages:
                observe(max(age, 0) / 1000)

    def _raise_by_plan(self, plan: Plan, count: int) -> None:
        self._endings.inc(count, plan.decision.ending)
        for entry in plan.decision.entries:
            match entry.result:
                case "DELIVERED":
                    self._deliveries.inc(count, entry.authority, entry.purpose, plan.event_type)
                case "WITHHELD":
                    self._withheld.inc(count, entry.reason)
                case "WITHDRAWN":
                    self._withdrawals.inc(count, entry.reason)


class _Children:
    """A counter's children, each resolved once: `.labels()` costs more than decoding an event's header."""

    def __init__(self, parent: Counter) -> None:
        self._parent = parent
        self._known: dict[tuple[str, ...], Counter] = {}

    def inc(self, count: int, *labels: str) -> None:
        child = self._known.get(labels)
        if child is None:
            child = self._known[labels] = self._parent.labels(*labels)
        child.inc(count)
