"""Merged cells: only the first cell of a merged range has the value, and the cells below look empty.

An empty cell in place of a household's reference would take a person out of the household. So cells that are merged with
a row above are marked, and readers refuse them where the cell matters.
"""

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

MOST_RANGES = 100_000


class Merged(NamedTuple):
    """A merged range: row numbers, and the places of its columns from 0, all included."""

    first_row: int
    last_row: int
    first: int
    last: int


class Merging:
    """The merged ranges of a sheet whose rows come in order."""

    def __init__(self, ranges: Iterable[Merged]) -> None:
        self._coming = sorted((each for each in ranges if each.last_row > each.first_row), reverse=True)
        if len(self._coming) > MOST_RANGES:
            raise ValueError("The sheet has too many merged ranges.")
        self._open: list[tuple[int, Merged]] = []

    def marked(self, row: int, cells: Sequence[str], mark: str) -> list[str]:
        """The row's cells, with a mark in those that are merged with an earlier row."""
        while self._coming and self._coming[-1].first_row < row:
            each = self._coming.pop()
            heappush(self._open, (each.last_row, each))
        while self._open and self._open[0][0] < row:
            heappop(self._open)
        marked = list(cells)
        if not marked:
            return marked
        for _, each in self._open:
            marked += [""] * (each.last + 1 - len(marked))
            for place in range(each.first, each.last + 1):
                marked[place] = marked[place] or mark
        return marked
