"""Decides about rows that have gone from an export, and whether so many may be annulled. Pure.

A cut or filtered export, or the export of a single ward, looks as if most rows had been deleted. So a share of more than
SANE_SHARE is annulled only when somebody has named the number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from instep.adapters.annulment import SubjectRecord
from instep.adapters.roll import RollEntry

SANE_SHARE = 0.05
"""Of the published records of an export, how many may be missing without being suspicious."""
ALWAYS_SANE = 1
"""So many may be missing from any export."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gone:
    """A published record without a row in the export; `standing` is its last row."""

    record: SubjectRecord
    standing: RollEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """The records missing from an export. `known` counts its published records, `unread` its lines that are no rows."""

    gone: Sequence[Gone]
    known: int
    unread: int
    rows: int

    @property
    def is_suspicious(self) -> bool:
        """Whether so many are missing that the export may have been cut."""
        return len(self.gone) > max(ALWAYS_SANE, self.known * SANE_SHARE)

    @property
    def count(self) -> str:
        """`3 of 1,200 published records`."""
        return f"{len(self.gone):,} of {self.known:,} published {'record' if self.known == 1 else 'records'}"


def objection(missing: Missing, confirmed: int | None) -> str:
    """Why the missing records are not annulled, with the remedy; "" for no objection.

    `confirmed` is the number that the user has named.
    """
    if missing.unread:
        lines = (
            "a line that cannot be read"
            if missing.unread == 1
            else f"{missing.unread} lines that cannot be read"
        )
        return f"The file has {lines}, and may name there what seems to be missing: put the file right first."
    if not missing.rows:
        return "The file has no rows: nobody can tell of which export it is."
    if confirmed is not None and confirmed != len(missing.gone):
        return f"{confirmed:,} were expected to be missing, and {len(missing.gone):,} are: look at the list first."
    if missing.is_suspicious and confirmed is None:
        return (
            f"{missing.count} are missing, which is so many that the export may have been cut: compare it with your system,"
            f" and add --confirm-missing {len(missing.gone)} where the rows are gone indeed."
        )
    return ""
