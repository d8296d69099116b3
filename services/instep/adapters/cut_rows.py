"""Says whom a row protects that is cut off within its family name or within an address: whoever begins with what is left.

A row that is cut off may be the row that says "protected", and its household's reference comes after the cut. What is
left of the last cell is the beginning of a longer text, or the whole text: nobody can tell. So everybody is marked whose
family name or address begins so. A row that is cut off before its address speaks by its family name alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from instep.adapters import normalise
from instep.adapters.marks import at, named, spellings, stub

_PARTS: Mapping[str, str] = {
    "family_name": "name",
    "old_uprn": "uprn",
    "old_address_line_1": "line",
    "old_address_line_2": "line",
    "new_uprn": "uprn",
    "new_address_line_1": "line",
    "new_address_line_2": "line",
}
"""The kind of a household's trace under each column that a cut may leave without its end."""
_KINDS = ("name", "uprn", "line")


def marks_of_cut(cells: Sequence[str], places: Mapping[str, int]) -> frozenset[str]:
    """The marks of a row that ends in the last of these cells; `places` are the columns' places among the headings.

    A quotation mark may hide a delimiter, so the cells' places are not sure, and the last cell may be of any kind.
    """
    last = len(cells) - 1
    sure = not any('"' in cell for cell in cells)
    columns = {column: places[column] for column in _PARTS if column in places}
    if last > max(columns.values(), default=-1) + (0 if sure else len(cells)):
        return frozenset()
    ends = {_PARTS[column] for column, place in columns.items() if place == last} if sure else set(_KINDS)
    marks = {mark for kind in ends for mark in stub(kind, cells[last])}
    return frozenset(marks.union(_whole(cells[:last], columns) if sure else ()))


def _whole(cells: Sequence[str], columns: Mapping[str, int]) -> Iterator[str]:
    """The marks of lines and UPRNs that stand whole before the cut."""
    for column, place in columns.items():
        if place < len(cells) and (text := cells[place].strip()):
            if _PARTS[column] == "line":
                yield at("line", "", "", text)
            elif _PARTS[column] == "uprn":
                yield at("any", "", "", text)


def marks_of_columns(raw: Mapping[str, str]) -> frozenset[str]:
    """The few marks of a row among very many that cannot be read, by the columns in which its cells seem to stand.

    Marks of everything that such rows may say would fill disk and memory, and the rows of their own file are all held.
    """
    marks = spellings([normalise.key_of(normalise.reference(raw.get("household_reference", "")))])
    lines = [raw.get(f"{side}_address_line_1", "").strip() for side in ("old", "new")]
    codes = [raw.get(f"{side}_postcode", "") for side in ("old", "new")]
    marks |= {at("any", "", code, text) for code, text in zip(codes, lines, strict=True) if code and text}
    marks |= {mark for text in lines for mark in stub("line", text)}
    return marks | ({named(family)} if (family := raw.get("family_name", "").strip()) else frozenset())
