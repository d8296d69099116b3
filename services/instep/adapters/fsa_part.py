"""Reads the values of a registration's objects, and notes every repair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instep.adapters.cells import Cells
from instep.adapters.fsa_codes import CODES
from instep.adapters.settings import Settings
from instep.errors import RowError
from instep.events import identifiers


class Part(Cells):
    """An object of a registration: cells for its texts, parts for the objects within. Notes go to the outermost part."""

    __slots__ = ("_object", "_prefix")

    def __init__(
        self, prefix: str, parsed: Mapping[str, Any], settings: Settings, outer: Part | None = None
    ) -> None:
        super().__init__({}, {}, settings)
        self._prefix = prefix
        self._object = parsed
        if outer:
            self.notes = outer.notes

    def heading(self, column: str) -> str:
        return self._prefix + column

    def written(self, column: str) -> str:
        value = self._object.get(column)
        if value is None or value == "":
            return ""
        return self._of_json(column, value)

    def _of_json(self, column: str, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise RowError(self.heading(column), "wrong-type")
        return self.cleaned(column, str(value))

    def texts(self, column: str) -> list[str]:
        return [self._of_json(column, value) for value in self._list(column)]

    def coded(self, column: str) -> str:
        """A code, with a note where the Agency's list does not have the code."""
        code = self.text(column)
        if code and code not in CODES[column]:
            self.note(column, "unknown-code")
        return code

    def codes(self, column: str) -> list[str]:
        codes = self.texts(column)
        if not CODES[column].issuperset(codes):
            self.note(column, "unknown-code")
        return codes

    def place(self, column: str) -> None:
        """Note where the postcode is in another council's area than the publisher's."""
        code = identifiers.postcode(self.written(column))
        if code and self.settings.holds and self.settings.holds(code) is False:
            self.note(column, "council-and-postcode-disagree")

    def flag(self, column: str) -> bool | None:
        value = self._object.get(column)
        if value is not None and not isinstance(value, bool):
            raise RowError(self.heading(column), "wrong-type")
        return value

    def part(self, column: str) -> Part:
        return self._within(column, self._object.get(column) or {})

    def parts(self, column: str) -> list[Part]:
        return [self._within(column, value) for value in self._list(column)]

    def _within(self, column: str, value: Any) -> Part:
        if not isinstance(value, dict):
            raise RowError(self.heading(column), "wrong-type")
        return Part(f"{self._prefix}{column}.", value, self.settings, self)

    def _list(self, column: str) -> list[Any]:
        value = self._object.get(column)
        if value is not None and not isinstance(value, list):
            raise RowError(self.heading(column), "wrong-type")
        return value or []
