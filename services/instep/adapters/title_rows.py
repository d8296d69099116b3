"""Rows of a table that are no records: titles above the headings, totals and remarks below the rows.

Pure. A row that may be somebody's is never taken for a title or a total: such a row is read, or refused, and counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from instep.adapters.normalise import clean

_MOST_TITLES = 3
"""Cells: fewer than any row of a person has."""
_MOST_TOTALS = 6
_BEGINS_A_TOTAL = re.compile(
    r"(grand|sub)?[ -]?totals?\b.*"
    r"|(count|sum|number of|no\. of|records?|rows?|entries)\b.*"
    r"|\(?[\d,]+ (rows?|records?|entries)\b.*"
    r"|\W*end of \w+.*"
    r"|page \d+.*"
    r"|(printed|generated|produced|exported|extracted|created) (by|on|at)\b.*"
    r"|(run|print|report|export) date\b.*",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[\d.,:/ %-]+|#FORMULA!")


def is_title(cells: Sequence[str]) -> bool:
    """Whether a row above the headings is a title: of so few cells that no person's row is lost."""
    return sum(1 for cell in cells if cell and not cell.isspace()) <= _MOST_TITLES


def is_total(cells: Sequence[str], places: Mapping[str, int]) -> bool:
    """Whether a row is a total or a remark about the table, and surely says nothing of a person.

    `places` are the places of our columns. The first cell that is not empty begins as a total does; all the others are
    numbers; nothing stands under `household_reference` and `protected`, and nothing speaks of protection.
    """
    first = next((text for cell in cells if (text := clean(cell))), "")
    if not _BEGINS_A_TOTAL.fullmatch(first):  # asked first: nearly no row begins so
        return False
    filled = [(place, text) for place, cell in enumerate(cells) if (text := clean(cell))]
    if len(filled) > _MOST_TOTALS:
        return False
    persons = {places.get("household_reference"), places.get("protected")}
    return not any(
        place in persons or "protect" in text.casefold() or (number and not _NUMBER.fullmatch(text))
        for number, (place, text) in enumerate(filled)
    )
