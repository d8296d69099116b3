"""Reads from a source's outcomes how the network has decided of an event: to whom sent, from whom withheld or withdrawn.

A router whose network knows only version 1.0.0 of the outcome gives counts, and names nobody.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instep.client.explain import explain, explain_to_source

DELIVERED, WITHHELD, WITHDRAWN = "DELIVERED", "WITHHELD", "WITHDRAWN"
LOST = ("UNKNOWN_AREA", "NOBODY_CONCERNED")
"""The endings of an event that found nobody."""

_WORDS = {DELIVERED: "sent to", WITHHELD: "withheld from", WITHDRAWN: "withdrawn from"}


@dataclass(frozen=True, kw_only=True, slots=True)
class RecipientDecision:
    """The decision for a recipient and purpose; `reason` is "" when delivered, `purpose` where no agreement names any."""

    authority: str
    purpose: str
    result: str
    reason: str = ""
    agreements: tuple[str, ...] = ()

    def __str__(self) -> str:
        """`withheld from leeds (council-tax): not-approved`."""
        purpose = f" ({self.purpose})" if self.purpose else ""
        reason = f": {self.reason}" if self.reason else ""
        return f"{_WORDS.get(self.result, self.result)} {self.authority}{purpose}{reason}"

    def as_json(self) -> dict[str, Any]:
        """A JSON object; a reason stands with its meaning and remedy."""
        shown: dict[str, Any] = {
            "authority": self.authority,
            "purpose": self.purpose,
            "result": self.result,
            "agreements": list(self.agreements),
        }
        if not self.reason:
            return shown
        reason = explain_to_source(self.reason)
        return shown | {"reason": self.reason, "meaning": reason.meaning, "remedy": reason.remedy}


@dataclass(frozen=True, kw_only=True, slots=True)
class EventOutcome:
    """The outcome of an accepted event. `at` is ISO 8601; `ending` is "" where the network names no recipients."""

    at: str
    ending: str
    delivered: int
    withheld: int
    withdrawn: int
    decisions: tuple[RecipientDecision, ...]

    def having(self, result: str) -> tuple[RecipientDecision, ...]:
        """The decisions with this result."""
        return tuple(decision for decision in self.decisions if decision.result == result)


def outcome_of(entry: Mapping[str, Any]) -> EventOutcome:
    """The outcome in an entry of kind ACCEPTED."""
    return EventOutcome(
        at=str(entry.get("at", "")),
        ending=str(entry.get("ending") or ""),
        delivered=int(entry.get("delivered") or 0),
        withheld=int(entry.get("withheld") or 0),
        withdrawn=int(entry.get("withdrawn") or 0),
        decisions=tuple(_decisions(entry.get("decisions", ()))),
    )


def _decisions(decisions: Sequence[Mapping[str, Any]]) -> Iterator[RecipientDecision]:
    for decision in decisions:
        yield RecipientDecision(
            authority=str(decision["authority"]),
            purpose=str(decision.get("purpose", "")),
            result=str(decision["result"]),
            reason=str(decision.get("reason", "")),
            agreements=tuple(decision.get("agreements", ())),
        )


def decided_object(outcome: EventOutcome) -> dict[str, Any]:
    """The part of a JSON object that says who was sent the event; empty where the network names no recipients."""
    if not outcome.ending:
        return {}
    shown: dict[str, Any] = {
        "withdrawn": outcome.withdrawn,
        "ending": outcome.ending,
        "decisions": [decision.as_json() for decision in outcome.decisions],
    }
    if outcome.ending not in LOST:
        return shown
    ending = explain(outcome.ending)
    return shown | {"meaning": ending.meaning, "remedy": ending.remedy}


def summary(outcome: EventOutcome) -> str:
    """A line for each recipient and purpose; counts, where the network names no recipients."""
    if outcome.decisions:
        return "\n".join(map(str, outcome.decisions))
    if outcome.ending in LOST:
        return explain(outcome.ending).meaning
    if outcome.delivered or outcome.withheld:
        return f"sent to {outcome.delivered} recipients, withheld from {outcome.withheld}"
    return "sent to nobody"
