"""Finds what an unreadable row says of households: which rows must not be sent before that row is mended.

A row that cannot be read may be the row that says "protected". So every household whose reference stands in the
row's text is in doubt. Where the text may lack the reference, whoever else is traced in the
text is in doubt.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from instep.adapters import normalise
from instep.adapters.line import Plain
from instep.adapters.marks import at, cut, folded, lost, named, rounded_in, spellings

_CONTROL_BUT_BREAKS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_WORD = re.compile(r"\w+")
_POSTCODE = re.compile(r"\b([A-Z]{1,2}[0-9][0-9A-Z]?) {0,3}([0-9][A-Z]{2})")
_GROUPING = re.compile(r"(?<=\d),(?=\d{3}(?!\d))", re.ASCII)
_BETWEEN = re.compile(r"""[,;\t|"\r\n]""")
_BETWEEN_JSON = re.compile(r"""["\r\n:,{}\[\]]""")
_ADDRESS = re.compile(r"(?=.*\d)(?=.*[^\W\d]{2})(?!\d{4}-\d\d-).{5,}")
"""A line of an address, which has a number and a word."""
_LONGEST_KEY = 64
_NO_KEY = re.compile(
    r"[a-z]{1,2}\d[a-z\d]? *\d[a-z]{2}"  # a postcode
    r"|\d{4}-\d\d-\d\d(t[\d:.]+(z|[+-][\d:]+)?)?|\d\d/\d\d/\d{4}"
    r"|main|secondary|temporary|move|placement|renumber(ing|ed)|boundary-change|yes|no|true|false|mr|mrs|miss|ms|mx|dr"
)
"""Texts of a folded cell that are surely no household's reference."""
_SHORT = 4
"""Characters: a shorter reference counts only where it stands as a word of its own."""


def _readings(text: str) -> set[str]:
    """A folded text as it stands, and without what may stand inside a reference: blanks, commas that group digits."""
    within = folded(text)
    return {within, "".join(within.replace('"', "").split()), _GROUPING.sub("", within)}


def mentioned(text: str, households: Collection[str], lengths: Iterable[int]) -> frozenset[str]:
    """The household keys that stand anywhere in a text; `lengths` are the lengths that keys have."""
    return frozenset(
        key
        for within in _readings(text)
        for length in lengths
        for start in range(len(within) - length + 1)
        if (key := within[start : start + length]) in households and _stands(within, start, length)
    )


def possible(text: str, *, json: bool = False) -> frozenset[str]:
    """The keys of everything in an unreadable text that may be a household's reference: of each cell, or JSON value.

    Members of the household may come in a later file alone, so the households of this file are not enough.
    """
    between = _BETWEEN_JSON if json else _BETWEEN
    texts = (text, text.replace('"', ""), _GROUPING.sub("", text))
    cells = {cell for each in texts for cell in between.split(_CONTROL_BUT_BREAKS.sub("", each))}
    keys = {normalise.key_of(normalise.reference(cell)) for cell in cells if len(cell) <= _LONGEST_KEY}
    return frozenset(
        key for key in keys if key and not (_NO_KEY.fullmatch(key) or normalise.is_placeholder(key))
    )


def marks_of_text(text: str, *, json: bool = False) -> frozenset[str]:
    """The marks of everything in an unreadable text that may be a household's reference."""
    numbers = rounded_in(text)
    names = names_in(text) if numbers else []
    rounded = {mark for number in numbers for mark in lost(number, names)}
    return spellings(possible(text, json=json)) | rounded


def names_in(text: str) -> list[str]:
    """The folded cells of a text that may be family names."""
    cells = [cell.strip() for cell in _folded_cells(text).split(",")]
    return [cell for cell in cells[1:] if cell[:1].isalpha() and not _NO_KEY.fullmatch(cell)]


def _folded_cells(text: str) -> str:
    """The folded text with a comma between its cells, whatever stands between them."""
    return folded(_BETWEEN.sub(",", text))


def marks_of_addresses(text: str, kind: str = "any") -> frozenset[str]:
    """The marks of every address that an unreadable text may hold: who goes there may belong to its household.

    The kind "any" speaks to every row, "lone" to rows that have no household.

    A text that is cut off before its second postcode has names that may be of its household's family, and lines of an
    address without a postcode.
    """
    plain = _folded_cells(text)
    found = list(_POSTCODE.finditer(plain.upper()))
    codes = {code[1] + code[2] for code in found}
    rest = plain[found[0].end() :] if found else plain
    alone = {at("line", "", "", line) for line in map(str.strip, rest.split(",")) if _ADDRESS.fullmatch(line)}
    if not codes and kind == "any":
        return frozenset(map(named, names_in(text))) | alone
    lines = {cell for cell in map(str.strip, plain.split(",")) if len(cell) >= _SHORT}
    marks = {at(kind, "", code, line) for code in codes for line in lines if not _NO_KEY.fullmatch(line)}
    if kind == "any" and len(found) == 1:
        marks |= alone
        marks |= {named(name, code) for name in names_in(text) for code in codes}
    return frozenset(marks)


def marks_of_glued(cells: Sequence[str], place: int, missing: int) -> frozenset[str]:
    """The marks of a household whose cell runs into the cells beside it, or is cut.

    `place` is the household's among the headings, `missing` the number of cells that the row lacks.
    """
    ends = set()
    for cell in cells[max(place - missing, 0) : place + 1]:
        word = normalise.reference(cell.strip())
        if len(word) <= _LONGEST_KEY:
            ends |= {word[:end] for end in range(2, len(word))} | {
                word[end:] for end in range(1, len(word) - 1)
            }
    last = normalise.key_of(normalise.reference(cells[-1])) if len(cells) == place + 1 else ""
    keys = (normalise.key_of(normalise.reference(end)) for end in ends)
    return spellings(keys) | {mark for mark in (cut(last),) if mark}


def _stands(text: str, start: int, length: int) -> bool:
    """Whether the key at this place is no mere part of a longer number or word."""
    before, after = text[:start], text[start + length : start + length + 1]
    key = text[start : start + length]
    if key.isdecimal():
        return not before.rstrip("0")[-1:].isdecimal() and not after.isdecimal()
    return length >= _SHORT or not (before[-1:].isalnum() or after.isalnum())


@dataclass(kw_only=True, slots=True)
class Traces:
    """Texts of rows that may lack their household: who else is traced in them, by postcode or by family name."""

    by_postcode: dict[str, list[tuple[str, int]]] = field(default_factory=dict, repr=False)
    by_word: dict[str, list[tuple[str, int]]] = field(default_factory=dict, repr=False)

    def add(self, text: str, line: int) -> None:
        """Add the text of the row that begins on a line."""
        trace = (folded(text), line)
        for outward, inward in set(_POSTCODE.findall(trace[0].upper())):
            self.by_postcode.setdefault(outward + inward, []).append(trace)
        for word in set(_WORD.findall(trace[0])):
            self.by_word.setdefault(word, []).append(trace)

    def cause(self, body: Plain) -> int:
        """The line of a text in which a move's new address stands, or its family name beside its old address; 0 for none.

        Where a text is cut off before any postcode, the family name alone is enough.
        """
        return (self._new_address(body) or self._family(body)) if self.by_word else 0

    def _new_address(self, body: Plain) -> int:
        address = body.get("new_address", {})
        texts = self.by_postcode.get(address.get("postcode", "").replace(" ", ""), ())
        lines = [folded(line) for line in address.get("lines", ())[:1]]
        return next((number for text, number in texts if any(line in text for line in lines)), 0)

    def _family(self, body: Plain) -> int:
        family = folded(body["person"]["family_name"])
        old = [folded(line) for line in body.get("old_address", {}).get("lines", ())[:1]]
        words = _WORD.findall(family)
        texts = self.by_word.get(words[0] if words else "", ())
        return next(
            (
                number
                for text, number in texts
                if family in text
                and (any(line in text for line in old) or not _POSTCODE.search(text.upper()))
            ),
            0,
        )
