"""Reads the cells of a record by our columns, and notes every repair.

Every reader takes a column's name and gives the cell's value in the form of events, "" or None where the cell is empty. A
value that can be put right is put right and noted; any other raises RowError.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime

from instep.adapters import normalise, places
from instep.adapters.line import Note, Plain
from instep.adapters.settings import Settings
from instep.errors import RowError
from instep.events import identifiers
from instep.workbooks.cell_texts import MERGED, NO_VALUE

YES = frozenset({"yes", "y", "true", "1", "1.0"})
NO = frozenset({"no", "n", "false", "0", "0.0"})


_NO_VALUES = {NO_VALUE: "formula-without-value", MERGED: "merged-cells"}
_ZEROS_ALONE = re.compile(r"0000-00-00.*|00/00/0000.*|1900-01-00.*|00/01/1900.*")
_DEFAULT_BIRTHS = frozenset({"1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01"})


class Cells:
    """A record's cells. `named` gives the heading to use in notes and errors."""

    __slots__ = ("_named", "_raw", "notes", "settings", "today")

    def __init__(self, raw: Mapping[str, str], named: Mapping[str, str], settings: Settings) -> None:
        self._raw = raw
        self._named = named
        self.settings = settings
        self.today = settings.today
        self.notes: list[Note] = []

    def heading(self, column: str) -> str:
        return self._named.get(column, column)

    def note(self, column: str, reason: str) -> None:
        self.notes.append(Note(column=self.heading(column), reason=reason))

    def text(self, column: str) -> str:
        """The cell, clean; "" where a word or sign stands for nothing."""
        value = self.written(column)
        # The first two questions let the usual cell pass without a call.
        usual = not value or (value[0] != "0" and value.casefold() not in normalise.PLACEHOLDERS)
        if not usual and normalise.is_placeholder(value):
            self.note(column, "placeholder")
            return ""
        return value

    def written(self, column: str) -> str:
        """The cell, clean, whatever stands in it."""
        raw = self._raw.get(column, "")
        return raw if not raw or _is_in_form(raw) else self.cleaned(column, raw)

    def cleaned(self, column: str, raw: str) -> str:
        """A text in the form of events, its repairs noted; raises RowError for what no text of a record holds."""
        if _is_in_form(raw):
            return raw
        value = normalise.clean(raw)
        if normalise.has_control(raw):
            raise RowError(self.heading(column), "control-character")
        if normalise.is_spreadsheet_error(value):
            raise RowError(self.heading(column), _NO_VALUES.get(value, "spreadsheet-error"))
        for reason in _repairs(raw, value):
            self.note(column, reason)
        plain = normalise.plain_text(value)
        if plain != value:
            self.note(column, "spreadsheet-text")
        return plain

    def needed(self, column: str) -> str:
        value = self.text(column)
        if not value:
            raise RowError(self.heading(column), f"missing-{column.replace('_', '-')}")
        return value

    def reference(self, column: str, width: int) -> str:
        """A reference, padded to `width` digits where it is all digits (0: the file does not pad)."""
        text = self.text(column)
        value = normalise.reference(text)
        if normalise.is_damaged_reference(value):
            raise RowError(self.heading(column), "reference-damaged")
        if value != text:
            self.note(column, "reference-form")
            if normalise.is_placeholder(value):
                return ""
        if value and len(value) < width and value.isascii() and value.isdecimal():
            self.note(column, "leading-zeros")
            return value.zfill(width)
        return value

    def birth(self, column: str) -> str | None:
        """A date of birth; a date that systems write where none is known is left out."""
        if _ZEROS_ALONE.fullmatch(self.written(column)):
            self.note(column, "placeholder")
            return None
        born = self.day(column, birth=True)
        if born in _DEFAULT_BIRTHS:
            self.note(column, "birth-default")
            return None
        return born

    def day(self, column: str, *, birth: bool = False) -> str | None:
        value = self.text(column).removeprefix("'")
        if not value:
            return None
        if not birth:
            value = self._of_day_number(column, value)
        iso = normalise.day(self.heading(column), value, self.today, birth=birth).isoformat()
        if iso != value:
            self.note(column, "date-form")
        return iso

    def moment(self, column: str) -> tuple[datetime, int]:
        """An instant, and the milliseconds within which it may lie, as written."""
        value = self._of_day_number(column, self.needed(column).removeprefix("'"))
        normalised, zoned = normalise.moment(self.heading(column), value, self.today)
        if not zoned:
            self.note(column, "no-zone")
        if not value[:4].isdecimal():
            self.note(column, "date-form")
        return normalised, normalise.precision(value)

    def _of_day_number(self, column: str, value: str) -> str:
        moment = normalise.of_day_number(value, self.settings.day_zero)
        if moment != value:
            self.note(column, "day-number")
        return moment

    def choice(self, column: str, symbols: Mapping[str, str]) -> str | None:
        value = self.text(column).casefold().replace(" ", "-").replace("_", "-")
        if value and value not in symbols:
            raise RowError(self.heading(column), "unknown-value")
        return symbols[value] if value else None

    def yes(self, column: str) -> bool:
        """Whether the cell says yes. A cell that says neither yes nor no counts as yes, which does no harm."""
        value = self.written(column).casefold()
        if value not in YES and value not in NO:
            self.note(column, "protected-unclear")
        return value not in NO

    def uprn(self, column: str, *, padded: bool) -> str | None:
        """A UPRN; `padded` says whether this file writes every UPRN with twelve digits."""
        written = self.text(column)
        if not written:
            return None
        value = normalise.number_text(written).replace(" ", "")
        if not value.strip("0"):
            self.note(column, "placeholder")
            return None
        uprn = identifiers.uprn(value)
        if uprn is None or normalise.has_lost_digits(uprn):
            self.note(column, "uprn-damaged")
            return None
        if value != written:
            self.note(column, "digits-form")
        if padded and len(value) < 12:
            self.note(column, "leading-zeros")
        return uprn

    def postcode(self, column: str) -> str | None:
        value = self.written(column)
        if not value:
            return None
        postcode = identifiers.postcode(value)
        if postcode is None:
            if normalise.is_placeholder(value):
                self.note(column, "placeholder")
            self.note(column, places.of_no_postcode(value))
            return None
        if postcode != value:
            self.note(column, "postcode-form")
        if (reason := self._nowhere(postcode)) is not None:
            self.note(column, reason)
        return postcode

    def _nowhere(self, postcode: str) -> str | None:
        """The reason why a postcode places its address in nobody's area; None where somebody's area holds the postcode."""
        settings = self.settings
        if postcode.startswith("ZZ99"):
            return "pseudo-postcode"
        if places.is_forces(postcode):
            return "forces-address"
        if places.country(postcode) != "GB":
            return "abroad"
        if settings.known_postcode and not settings.known_postcode(postcode):
            return "unknown-postcode"
        if settings.has_authority and not settings.has_authority(postcode):
            return "no-authority"
        return None

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
            "country": places.country(code) if code else "GB" if property_number else None,
        }
        return present(address) or None


def _is_in_form(raw: str) -> bool:
    """Whether there is nothing to repair, as in nearly all cells: printable ASCII, without blanks to take off."""
    return (
        raw.isascii() and raw.isprintable() and "  " not in raw and raw[0] not in " =#Ee" and raw[-1] != " "
    )


def _repairs(raw: str, value: str) -> Iterator[str]:
    """The reasons for which a clean text differs from the cell."""
    if normalise.has_invisible(raw):
        yield "invisible-characters"
    if not unicodedata.is_normalized("NFC", raw):
        yield "accents"
    seen = unicodedata.normalize("NFC", raw) if not raw.isascii() else raw
    if "\n" in raw.strip() or "\r" in raw.strip():
        yield "line-break"
    elif seen != value and not normalise.has_invisible(raw):
        yield "spaces"


def present(plain: Plain) -> Plain:
    """The object without absent values: null, empty text, empty lists and objects."""
    return {name: value for name, value in plain.items() if value or value == 0}
