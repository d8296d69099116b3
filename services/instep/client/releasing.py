"""Lifts by hand the doubts of unsent rows about a household or a person, for a damaged row that nobody can send again.

A damaged row speaks of people without a household too, by their addresses and names. Such a person is released alone: nobody
else of the address is. Only doubts are lifted. A published member who is protected goes on to protect the household, and so
does every row of the next file.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from instep.adapters.identity import Identity
from instep.adapters.lookup import records_of, reference_forms
from instep.adapters.marks import spellings
from instep.adapters.memory import Memory
from instep.adapters.normalise import key_of
from instep.adapters.normalise import reference as normalised
from instep.client.hand_journal import Journal, JournalEntry
from instep.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class Releasing:
    """Releases households and people of an authority."""

    authority: str
    memory: Memory
    journal: Journal

    @property
    def identity(self) -> Identity:
        return Identity(secret=self.memory.secret, authority=self.authority)

    def household(self, reference: str, system: str) -> bytes:
        """The digest of a household, by the reference that files give it."""
        return self.identity.digest("household", system, key_of(normalised(reference)))

    def household_of(self, reference: str, system: str | None) -> bytes:
        """The household of a published record. Raises ConfigurationError where the memory knows none."""
        records = records_of(reference, system, self.memory, self.identity)
        households = [record.last.household for record in records if record.last.household is not None]
        if len(set(households)) != 1:
            raise ConfigurationError(
                f"{self.authority} has published no record of this reference with a household, or several: name the"
                " household with --household."
            )
        return households[0]

    def spellings(self, reference: str, system: str) -> tuple[bytes, ...]:
        """The marks under which rows know a household whose reference is written otherwise."""
        marks = spellings([key_of(normalised(reference))])
        return tuple(self.identity.marks(system, (*marks, *(f"ref:{mark}" for mark in marks))))

    def release(self, household: bytes, spoken_of: Collection[bytes] = ()) -> int:
        """Lift the doubts about a household; gives the number of unsent rows that had caused them.

        `spoken_of` are its `spellings`, where its reference is known.
        """
        with self._journalled(household):
            return self.memory.lift_household(household, spoken_of)

    def release_person(self, reference: str, system: str) -> bool:
        """Lift the doubts about a single person; gives whether somebody who is published protects the person still."""
        subjects = [
            self.identity.digest("memory", self.identity.subject_ref(system, form))
            for form in reference_forms(reference)
        ]
        with self._journalled(subjects[0]):
            for subject in subjects:
                self.memory.lift_person(subject)
        standing = [last for last in map(self.memory.last, subjects) if last is not None]
        return any(last.protected or self._is_kept(last.household) for last in standing)

    @contextmanager
    def _journalled(self, released: bytes) -> Iterator[None]:
        """Journal a release by a digest: with a reference itself, the journal would be about people."""
        request = self.identity.digest("by-hand", "release", released.hex()).hex()
        entry = JournalEntry(command="release", request=request, subject_ref="")
        at_ms = time.time_ns() // 1_000_000
        self.journal.begin([(entry, at_ms)])
        yield
        self.journal.finish([(entry, at_ms)])

    def _is_kept(self, household: bytes | None) -> bool:
        return household is not None and self.memory.keeps_protected(household)

    def is_still_protected(self, household: bytes) -> bool:
        """Whether a published member protects the household."""
        return self.memory.keeps_protected(household)
