"""What intake counts; each name typed once."""

from collections.abc import Mapping
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter

Happened = tuple[str | None, str | None]
"""An event type (None where it could not be told), and the reason of a refusal (None where it was accepted)."""


class IntakeMetrics:
    """Counters of one intake process, in the registry that its app gives it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._events = Counter(
            "instep_intake_events",
            "Events read from an outbox, by outcome: accepted or refused.",
            ["source", "event_type", "outcome"],
            registry=registry,
        )
        self._rejections = Counter(
            "instep_intake_rejections",
            "Events refused, by reason.",
            ["source", "reason"],
            registry=registry,
        )
        # Children are resolved once: `.labels()` for every event costs more than decoding its header.
        self._children = lru_cache(maxsize=4096)(self._resolve)

    def raise_by(self, source: str, happened: Mapping[Happened, int]) -> None:
        """Count what happened to a batch of records of one outbox; called after the commit."""
        for (event_type, reason), count in happened.items():
            for child in self._children(source, event_type, reason):
                child.inc(count)

    def _resolve(self, source: str, event_type: str | None, reason: str | None) -> tuple[Counter, ...]:
        outcome = "accepted" if reason is None else "refused"
        events = self._events.labels(source, event_type or "unknown", outcome)
        return (events,) if reason is None else (events, self._rejections.labels(source, reason))
