"""Counts accepted and refused records for Prometheus: fills a tally for each batch, and adds the tally to the metrics
after the commit.
"""

from collections import Counter
from functools import lru_cache

from prometheus_client import CollectorRegistry
from prometheus_client import Counter as Metric

IntakeTally = Counter[tuple[str | None, str | None]]
"""How many records had this event type (None where unreadable) and this reason for a refusal (None where accepted)."""


class IntakeMetrics:
    """Counters of an intake process, in the registry of its app."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._events = Metric(
            "instep_intake_events",
            "Events read from an outbox, by outcome: accepted or refused.",
            ["source", "event_type", "outcome"],
            registry=registry,
        )
        self._rejections = Metric(
            "instep_intake_rejections",
            "Events refused, by reason.",
            ["source", "reason"],
            registry=registry,
        )
        # Children are resolved once: `.labels()` for every event costs more than decoding its header.
        self._children = lru_cache(maxsize=4096)(self._resolve)

    def raise_by(self, source: str, tally: IntakeTally) -> None:
        """Count a batch of records of an outbox; called after the commit."""
        for (event_type, reason), count in tally.items():
            for child in self._children(source, event_type, reason):
                child.inc(count)

    def _resolve(self, source: str, event_type: str | None, reason: str | None) -> tuple[Metric, ...]:
        outcome = "accepted" if reason is None else "refused"
        events = self._events.labels(source, event_type or "unknown", outcome)
        return (events,) if reason is None else (events, self._rejections.labels(source, reason))
