"""Cells of a spreadsheet as the texts that a CSV file of the same table would hold.

Pure. A number whose digits a spreadsheet has lost is written as `5.51E+11`. Readers of CSV know this damage: they refuse
such a reference and leave out such a UPRN.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

NO_VALUE = "#FORMULA!"
"""A formula whose value the file does not hold."""
MERGED = "#MERGED!"
"""A cell merged with a cell of an earlier row: the earlier cell alone has the value."""

_EXACT_DIGITS = 15
_SHOWN_WHOLE = 11
"""Digits of a number as a spreadsheet shows them. Longer numbers appear as 5.51235E+11, in CSV too."""
_SHOWN_OF_LONG = 6
_PADDED = re.compile(r'((?:"[^"]*"|\\.)*)(0+)')
_LITERAL = re.compile(r'"([^"]*)"|\\(.)')


class SheetRow(NamedTuple):
    """A row: its number in the spreadsheet, its cells up to the last that is not empty, and whether it is hidden."""

    number: int
    cells: Sequence[str]
    hidden: bool


class Padding(NamedTuple):
    """A number format with a text in front, and zeros up to a width: `"CT-"0000`."""

    before: str
    width: int


def padding_of(number_format: str) -> Padding | None:
    """The padding of a number format; None where the format adds nothing to a number."""
    match = _PADDED.fullmatch(number_format.partition(";")[0])
    if match is None or (not match[1] and len(match[2]) < 2):
        return None
    return Padding(_LITERAL.sub(lambda literal: literal[1] or literal[2], match[1]), len(match[2]))


def number_text(written: str, padding: Padding | None = None) -> str:
    """A number, as the file writes it, in plain digits."""
    try:
        number = Decimal(written)
        whole = number == number.to_integral_value()
    except InvalidOperation:
        return written
    if not whole:
        return f"{number.normalize():f}"
    digits = (
        str(abs(number.to_integral_value()).quantize(Decimal(1))) if abs(number) < Decimal("1E+27") else ""
    )
    if not digits or len(digits) > _EXACT_DIGITS or _is_rounded(digits):
        return f"{number.normalize():E}"
    if padding and number >= 0:
        return padding.before + digits.zfill(padding.width)
    return f"-{digits}" if number < 0 else digits


def _is_rounded(digits: str) -> bool:
    """Whether a long number has no more digits than a spreadsheet shows of one."""
    return len(digits) > _SHOWN_WHOLE and len(digits.rstrip("0")) <= _SHOWN_OF_LONG


def moment_text(value: date | datetime | time | timedelta) -> str:
    """A date or a moment as ISO 8601, as precise as the cell is: a day, a minute, a second, a millisecond."""
    match value:
        case datetime():
            if value.time() == time():
                return value.date().isoformat()
            seconds = "milliseconds" if value.microsecond else "seconds" if value.second else "minutes"
            return value.isoformat(sep=" ", timespec=seconds)
        case date():
            return value.isoformat()
        case time() | timedelta():
            return str(value)


def trimmed(cells: list[str]) -> list[str]:
    """The cells without the empty ones at the end."""
    while cells and not cells[-1]:
        cells.pop()
    return cells
