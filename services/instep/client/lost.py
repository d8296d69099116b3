"""Finds the events of a source that found nobody: events whose area nobody knows, and events that concern nobody.

An event that an accepted correction or annulment has replaced is lost no longer. An annulment itself is never lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from instep.client.decisions import LOST
from instep.client.reader import Item


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """A lost event. `at` is the time of the decision, ISO 8601; `ending` is UNKNOWN_AREA or NOBODY_CONCERNED."""

    event_id: str
    subject_ref: str
    at: str
    ending: str


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
            if entry.get("ending") in LOST:
                self.subjects.add(subject)
                self._lost[id] = Lost(
                    event_id=id, subject_ref=subject, at=str(entry["at"]), ending=str(entry["ending"])
                )

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
