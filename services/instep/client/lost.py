"""Finds the events of a source that found nobody: events whose area nobody knows, and events that concern nobody.

A correction may find only the recipients of the event before, who are told to undo what they recorded. Nobody is told of the
correction then, so the correction is lost too.

An event that an accepted correction or annulment has replaced is lost no longer. An annulment itself is never lost.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from instep.client.decisions import LOST, WITHDRAWN, outcome_of
from instep.client.explain import Explanation, explain
from instep.client.reader import Item

WITHDRAWN_ALONE = "NO_LONGER_CONCERNS"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """A lost event. `at` is the time of the decision, ISO 8601; `ending` is a key of `REMEDIES`."""

    event_id: str
    subject_ref: str
    at: str
    ending: str


REMEDIES: Mapping[str, Explanation] = {
    **{ending: explain(ending) for ending in LOST},
    WITHDRAWN_ALONE: Explanation(
        meaning="As corrected, the event concerns nobody: earlier recipients were told to undo what they recorded, and"
        " nobody was told of the correction.",
        remedy="Check the postcodes of the correction, or give the authority's GSS code with the address. If the new address"
        " is right, nothing is wrong.",
    ),
}
"""By ending: its meaning and remedy."""


def _ending(entry: Mapping[str, Any]) -> str:
    """The ending of an event that found nobody; "" for any other."""
    outcome = outcome_of(entry)
    if outcome.ending in LOST:
        return outcome.ending
    withdrawn = [each.result == WITHDRAWN and each.reason == WITHDRAWN_ALONE for each in outcome.decisions]
    return WITHDRAWN_ALONE if withdrawn and all(withdrawn) else ""


class LostEvents:
    """Gathers lost events: call `outcome` for each record of the source's outcomes, then `published` for its outbox."""

    def __init__(self) -> None:
        self._lost: dict[str, Lost] = {}
        self._later: set[str] = set()
        self.subjects: set[str] = set()
        """The subjects of lost events: no other records of the outbox matter."""

    def outcome(self, item: Item) -> None:
        """Take the next record of outcomes, in order."""
        for entry in item.content.get("entries", ()):
            if entry["kind"] != "ACCEPTED":
                continue
            id, subject = str(entry["event_id"]), str(entry["subject_ref"])
            if subject in self.subjects:
                self._later.add(id)
            if ending := _ending(entry):
                self.subjects.add(subject)
                self._lost[id] = Lost(event_id=id, subject_ref=subject, at=str(entry["at"]), ending=ending)

    def published(self, item: Item) -> None:
        """Take a record of the outbox: an accepted event takes the event that it replaces off the list."""
        header = item.content.get("header", {})
        if header.get("event_id") in self._later:
            self._lost.pop(str(header.get("replaces")), None)
        if header.get("change_kind") == "ANNUL":
            # Nobody has to learn that an event is annulled which nobody was sent.
            self._lost.pop(str(header.get("event_id")), None)

    def __iter__(self) -> Iterator[Lost]:
        """The lost events, in the order of their decisions."""
        return iter(self._lost.values())
