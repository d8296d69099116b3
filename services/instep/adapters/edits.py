"""Changes cells of a row by hand before the row is read, so that the rules for files hold for the change too.

An `Edit` changes the cells as they are written in the file. The whole file is read with the change: a member of a household
who becomes protected by hand protects the household as the same cell of an export would.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from instep.adapters import normalise


@dataclass(kw_only=True, slots=True)
class Edit:
    """Changes to the rows of a reference; without references, to every row of the file.

    `changes` are new cells by our columns. `lines` are the lines that were changed, `missing` the columns that the file does
    not have.
    """

    references: Collection[str] = field(default=(), repr=False)
    changes: Mapping[str, str] = field(repr=False)
    recorded_at: str
    lines: set[int] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)

    def __call__(self, line: int, raw: dict[str, str]) -> dict[str, str]:
        """A row's cells, changed where the row is meant."""
        if self.references and not self._concerns(raw):
            return raw
        self.lines.add(line)
        self.missing |= self.changes.keys() - raw.keys()
        return {**raw, **self.changes, "recorded_at": self.recorded_at}

    def _concerns(self, raw: Mapping[str, str]) -> bool:
        reference = normalise.reference(raw.get("reference", ""))
        return normalise.key_of(reference) in {normalise.key_of(form) for form in self.references}
