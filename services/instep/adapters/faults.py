"""All the faults of a row at once, each with the values that its cell may have: a row is put right in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from instep.adapters.cells import Cells
from instep.adapters.line import Fault
from instep.adapters.settings import Settings
from instep.errors import RowError

RESIDENCE: Mapping[str, str] = MappingProxyType(
    {"main": "MAIN", "secondary": "SECONDARY", "temporary": "TEMPORARY"}
)
REASON: Mapping[str, str] = MappingProxyType(
    {
        "move": "MOVE",
        "placement": "PLACEMENT",
        "renumbering": "RENUMBERED",
        "renumbered": "RENUMBERED",
        "boundary-change": "BOUNDARY_CHANGE",
    }
)
_DAY = "write 2026-04-01 or 01/04/2026"
_REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "residence_kind": "write main, secondary or temporary, or nothing",
        "reason": "write move, placement, renumbering or boundary-change, or nothing",
        "move_date": _DAY,
        "date_of_birth": _DAY,
        "recorded_at": "write 2026-04-01T09:30:00Z or 01/04/2026 09:30",
    }
)
_ABOUT_VALUES = frozenset({"unknown-value", "impossible-date"})
_TEXTS = (
    "title",
    "given_names",
    "old_address_line_1",
    "old_address_line_2",
    "old_town",
    "new_address_line_1",
    "new_address_line_2",
    "new_town",
)


def fault(error: RowError, named: Mapping[str, str]) -> Fault:
    """The fault of an error; `named` gives the heading of each of our columns."""
    column = next((ours for ours, heading in named.items() if heading == error.column), error.column)
    remedy = _REMEDIES.get(column, "") if error.reason in _ABOUT_VALUES else ""
    return Fault(column=error.column, reason=error.reason, remedy=remedy)


def faults(raw: Mapping[str, str], named: Mapping[str, str], settings: Settings) -> Iterator[Fault]:
    """Every fault of a row's cells, cell by cell, in the order of our columns."""
    cells = Cells(raw, named, settings)
    checks: tuple[Callable[[], object], ...] = (
        lambda: _reference(cells),
        *(lambda column=column: cells.text(column) for column in _TEXTS),
        lambda: cells.needed("family_name"),
        lambda: cells.birth("date_of_birth"),
        *(lambda side=side: cells.uprn(f"{side}_uprn", padded=False) for side in ("old", "new")),
        *(lambda side=side: cells.postcode(f"{side}_postcode") for side in ("old", "new")),
        lambda: _move_date(cells),
        lambda: cells.choice("residence_kind", RESIDENCE),
        lambda: cells.choice("reason", REASON),
        lambda: cells.reference("household_reference", 0),
        lambda: cells.yes("protected"),
        lambda: cells.moment("recorded_at"),
    )
    for check in checks:
        try:
            check()
        except RowError as error:
            yield fault(error, named)


def _reference(cells: Cells) -> None:
    if not cells.reference("reference", 0):
        raise RowError(cells.heading("reference"), "missing-reference")


def _move_date(cells: Cells) -> None:
    if cells.day("move_date") is None:
        raise RowError(cells.heading("move_date"), "missing-move-date")
