"""Columns and values of a table."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, auto

Value = str | int | date | datetime | None
"""A cell. A datetime without a zone is a time in London: a spreadsheet knows no zones."""


class ColumnKind(Enum):
    """The kind of a column's values, for its format and width."""

    TEXT = auto()
    NUMBER = auto()
    DATE = auto()
    MOMENT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: its heading, unique in the table, and the kind of its values.

    `to_fill` says that people fill the column; `choices`, where there are any, are the only values that they may choose.
    """

    heading: str
    kind: ColumnKind = ColumnKind.TEXT
    width: int = 18
    to_fill: bool = False
    choices: tuple[str, ...] = ()
