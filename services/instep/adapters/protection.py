"""Keeps in the publisher's memory whom a row protects beside itself, and asks whom earlier rows protect.

A row that is sent protects others until a row of its person is sent that says "not protected"; leaving a household lifts
nothing, because the new reference may be a correction. A row that is not sent protects others until a row of its
reference stands published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from instep.adapters.fates import Review, Send, Skipped, Triaged
from instep.adapters.identity import Identity
from instep.adapters.line import Row, Shield
from instep.adapters.marks import SIGNS, heard_by, said_by
from instep.adapters.memory import Fingerprint, Memory


class Protection:
    """Protection of households in an authority's memory."""

    def __init__(self, memory: Memory, identity: Identity) -> None:
        self._memory = memory
        self._identity = identity
        self._signs: dict[str, dict[str, bytes]] = {}

    def covers(self, row: Row, household: bytes | None, subject: bytes) -> bool:
        """Whether a row of another person protects this row.

        `household` is the digest of the row's household, else of its person's last household.
        """
        memory = self._memory
        if household and memory.protected_beside(household, subject):
            return True
        if not memory.has_marks:
            return False
        marks = heard_by(row, self._known(row.system))
        if household and row.household:  # the key's digest is `household`
            marks = marks - {row.household}
        heard = self._digests(row.system, marks)
        return memory.is_marked([*heard, household] if household else heard, subject, household)

    def _known(self, system: str) -> Callable[[str], bool] | None:
        """Whether anybody has said a mark, as far as the memory can tell at once; None where it cannot."""
        if not self._memory.tells_marks:
            return None
        signs = self._signs.get(system)
        if signs is None:
            signs = self._signs[system] = dict(zip(SIGNS, self._digests(system, SIGNS), strict=True))

        def known(mark: str) -> bool:
            digest = signs.get(mark) or self._digests(system, (mark,))[0]
            return self._memory.knows(digest)

        return known

    def said(self, row: Row, last: Fingerprint | None) -> tuple[bytes, ...]:
        """The digests of the marks that a row says; `last` is of its person's last event."""
        if not row.protected:
            return ()
        left = (last.household,) if last and last.protected and last.household else ()
        return (*self._digests(row.system, said_by(row)), *left)

    def keep(self, row: Row, outcome: Triaged) -> None:
        """Keep what a protected row says, where the row itself is not sent; a row out of date says nothing."""
        if isinstance(outcome, Send) or (isinstance(outcome, Skipped) and outcome.reason == "superseded"):
            return
        # Of another person under the reference, nobody can tell when a row of that person is published.
        another = isinstance(outcome, Review) and outcome.reason == "reference-conflict"
        reference = "" if another else self._identity.subject_of(row)
        self._shield(Shield(system=row.system, reference=reference, marks=said_by(row)), reference)

    def keep_annulled(self, last: Fingerprint) -> None:
        """Keep whom an annulled person protects, before another row of the reference takes the person's place.

        Nobody can tell which later row would be of that person, so no row lifts the protection.
        """
        household = (last.household,) if last.household else ()
        self._memory.shield(
            [*self._memory.marks_of(last.subject), *household], self._identity.digest("memory", "")
        )

    def shield(self, shield: Shield | None) -> None:
        """Keep what a row that cannot be read says of protection."""
        if shield is not None:
            reference = shield.reference
            self._shield(
                shield, self._identity.subject_ref(shield.system, reference) if reference else reference
            )

    def _shield(self, shield: Shield, subject_ref: str) -> None:
        subject = self._identity.digest("memory", subject_ref)
        last = self._memory.last(subject) if subject_ref else None
        household = (last.household,) if last and last.household else ()
        self._memory.shield([*self._digests(shield.system, shield.marks), *household], subject)

    def expect(self, ahead: Iterable[tuple[str, str]]) -> None:
        """Protect the remembered households of people (system and reference) whom a row further down protects."""
        for system, reference in ahead:
            subject = self._identity.digest("memory", self._identity.subject_ref(system, reference))
            last = self._memory.last(subject)
            if last and last.household:
                self._memory.expect(last.household, subject)

    def _digests(self, system: str, marks: Iterable[str]) -> list[bytes]:
        return self._identity.marks(system, marks)
