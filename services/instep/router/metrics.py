"""Counts the router's deliveries and refusals for Prometheus: fills a tally for each batch, and adds the tally to the
metrics after the commit.
"""

from __future__ import annotations

from collections import Counter as Count
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from instep.events.identifiers import AuthorityId
from instep.network.agreements import Agreement
from instep.router.decide import Result
from instep.router.delivery_plan import DeliveryPlan

_LONDON = ZoneInfo("Europe/London")
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0, 86_400.0)


@dataclass(kw_only=True, slots=True)
class RouterTally:
    """The counts of a batch, taken while the batch is decided and shown once the batch has committed."""

    planned: Count[DeliveryPlan] = field(default_factory=Count)
    ages: dict[str, list[int]] = field(default_factory=dict)
    """By event type: milliseconds from published to delivered."""
    duplicates: Count[AuthorityId] = field(default_factory=Count)
    late: Count[AuthorityId] = field(default_factory=Count)
    canaries: Count[AuthorityId] = field(default_factory=Count)
    forgotten: Count[AuthorityId] = field(default_factory=Count)
    rejections: Count[tuple[AuthorityId, str]] = field(default_factory=Count)
    """By source and reason."""

    def routed(self, plan: DeliveryPlan, age: int) -> None:
        """Count an event, routed `age` milliseconds after its publication. Without a delivery, its age does not count."""
        self.planned[plan] += 1
        if plan.delivered:
            self.ages.setdefault(plan.event_type, []).append(age)


class RouterMetrics:
    """Metrics of a router process, in the registry of its app."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, description: str, *labels: str) -> _Children:
            return _Children(Counter(name, description, labels, registry=registry))

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
        self._canaries = counter(
            "instep_router_canaries", "Synthetic events, which the router does not deliver.", "source"
        )
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
        """Show when each of the agreements expires; forget the agreements shown before."""
        self._expiry.clear()
        for agreement in agreements:
            end = datetime.combine(agreement.review_by + timedelta(days=1), time(), _LONDON)
            self._expiry.labels(agreement.id).set(end.timestamp())

    def raise_by(self, tally: RouterTally) -> None:
        """Count a batch; called after the commit."""
        for plan, count in tally.planned.items():
            self._raise_by_plan(plan, count)
        for children, by_source in (
            (self._duplicates, tally.duplicates),
            (self._late, tally.late),
            (self._canaries, tally.canaries),
            (self._forgotten, tally.forgotten),
        ):
            for source, count in by_source.items():
                children.inc(count, source)
        for (source, reason), count in tally.rejections.items():
            self._rejections.inc(count, source, reason)
        for event_type, ages in tally.ages.items():
            observe = self._ages.labels(event_type).observe
            for age in ages:
                observe(max(age, 0) / 1000)

    def _raise_by_plan(self, plan: DeliveryPlan, count: int) -> None:
        self._endings.inc(count, plan.decision.ending)
        for entry in plan.decision.entries:
            match entry.result:
                case Result.DELIVERED:
                    self._deliveries.inc(count, entry.authority, entry.purpose, plan.event_type)
                case Result.WITHHELD:
                    self._withheld.inc(count, entry.reason)
                case Result.WITHDRAWN:
                    self._withdrawals.inc(count, entry.reason)
                case _:
                    assert_never(entry.result)


class Sequences:
    """The highest sequence of each of the subjects seen last, to count the events that come late.

    Kept in this process alone, and bounded. A restart forgets, and the count of late events is then too low; no decision
    rests on the sequences.
    """

    def __init__(self, subjects: int = 100_000) -> None:
        self._subjects = subjects
        self._highest: OrderedDict[bytes, int] = OrderedDict()

    def is_late(self, subject: bytes, sequence: int) -> bool:
        """Whether the subject (`source/subject_ref`) has had a higher sequence before; notes this sequence."""
        highest = self._highest.get(subject)
        if highest is not None:
            self._highest.move_to_end(subject)
            if sequence < highest:
                return True
        self._highest[subject] = sequence
        if len(self._highest) > self._subjects:
            self._highest.popitem(last=False)
        return False


class _Children:
    """A counter's children, each resolved once: `.labels()` costs more than decoding an event's header."""

    def __init__(self, parent: Counter) -> None:
        self._parent = parent
        self._resolved: dict[tuple[str, ...], Counter] = {}

    def inc(self, count: int, *labels: str) -> None:
        child = self._resolved.get(labels)
        if child is None:
            child = self._resolved[labels] = self._parent.labels(*labels)
        child.inc(count)
