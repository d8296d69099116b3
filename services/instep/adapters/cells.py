"""Reads the cells of a record by our columns, and notes every repair.

Every reader takes a column's name and gives the cell's value in the form of events, "" or None where the cell is empty. A
value that can be put right is put right and noted; any other raises RowError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime

from instep.adapters import normalise
from instep.adapters.line import Note, Plain
from instep.errors import RowError
from instep.events import identifiers

_YES = frozenset({"yes", "y", "true", "1"})
_NO = frozenset({"no", "n", "false", "0"})


class Cells:
    """A record's cells. `named` gives the heading to use in notes and errors."""

    __slots__ = ("_known_postcode", "_named", "_raw", "notes", "today")

    def __init__(
        self,
        raw: Mapping[str, str],
        named: Mapping[str, str],
        today: date,
        known_postcode: Callable[[str], bool] | None = None,
    ) -> None:
        self._raw = raw
        self._named = named
        self._known_postcode = known_postcode
        self.today = today
        self.notes: list[Note] = []

    def heading(self, column: str) -> str:
        return self._named.get(column, column)

    def note(self, column: str, reason: str) -> None:
        self.notes.append(Note(column=self.heading(column), reason=reason))

    def text(self, column: str) -> str:
        raw = self._raw.get(column, "")
        if not raw:
            return ""
        value = normalise.clean(raw)
        if value != raw:
            self.note(column, "line-break" if "\n" in raw.strip() else "spaces")
        return value

    def needed(self, column: str) -> str:
        value = self.text(column)
        if not value:
            raise RowError(self.heading(column), f"missing-{column.replace('_', '-')}")
        return value

    def reference(self, column: str, width: int) -> str:
        """A reference, padded to `width` digits where it is all digits (0: the file does not pad)."""
        value = self.text(column)
        if normalise.is_scientific(value):
            raise RowError(self.heading(column), "reference-damaged")
        if value and len(value) < width and value.isascii() and value.isdecimal():
            self.note(column, "leading-zeros")
            return value.zfill(width)
        return value

    def day(self, column: str, *, birth: bool = False) -> str | None:
        value = self.text(column)
        if not value:
            return None
        iso = normalise.day(self.heading(column), value, self.today, birth=birth).isoformat()
        if iso != value:
            self.note(column, "date-form")
        return iso

    def moment(self, column: str) -> datetime:
        value = self.needed(column)
        normalised, zoned = normalise.moment(self.heading(column), value, self.today)
        if not zoned:
            self.note(column, "no-zone")
        if not value[:4].isdecimal():
            self.note(column, "date-form")
        return normalised

    def choice(self, column: str, symbols: Mapping[str, str]) -> str | None:
        value = self.text(column).casefold().replace(" ", "-").replace("_", "-")
        if value and value not in symbols:
            raise RowError(self.heading(column), "unknown-value")
        return symbols[value] if value else None

    def yes(self, column: str) -> bool:
        """Whether the cell says yes. A cell that says neither yes nor no counts as yes, which does no harm."""
        value = self.text(column).casefold()
        if value not in _YES and value not in _NO:
            self.note(column, "protected-unclear")
        return value not in _NO

    def uprn(self, column: str, *, padded: bool) -> str | None:
        """A UPRN; `padded` says whether this file writes every UPRN with twelve digits."""
        value = self.text(column)
        if not value.strip("0"):
            return None
        uprn = identifiers.uprn(value.removesuffix(".0"))
        if uprn is None:
            self.note(column, "uprn-damaged")
        elif padded and len(value) < 12:
            self.note(column, "leading-zeros")
        return uprn

    def postcode(self, column: str) -> str | None:
        value = self.text(column)
        if not value:
            return None
        postcode = identifiers.postcode(value)
        if postcode is None:
            self.note(column, "malformed-postcode")
            return None
        if postcode != value:
            self.note(column, "postcode-form")
        if postcode.startswith("ZZ99"):
            self.note(column, "pseudo-postcode")
        elif self._known_postcode and not self._known_postcode(postcode):
            self.note(column, "unknown-postcode")
        return postcode

    def address(
        self, lines: tuple[str, ...], *, town: str, postcode: str, uprn: str, padded: bool
    ) -> Plain | None:
        """An address from the columns named; without a postcode and a UPRN, the country is left out too."""
        code, property_number = self.postcode(postcode), self.uprn(uprn, padded=padded)
        address: Plain = {
            "uprn": property_number,
            "lines": [value for line in lines if (value := self.text(line))],
            "town": self.text(town),
            "postcode": code,
            "country": "GB" if code or property_number else None,
        }
        return present(address) or None


def present(plain: Plain) -> Plain:
    """The object without absent values: null, empty text, empty lists and objects."""
    return {name: value for name, value in plain.items() if value not in (None, "", [], {})}
