"""Puts cells, as people and spreadsheets write them, into the form of events.

Pure: text in, value out. An unreadable cell is refused by name (RowError: column and reason), never guessed. Where a
spreadsheet has turned a date into a day number, or has rounded a reference's digits away, the value is lost, and only the
source can give the value again.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from instep.errors import RowError

EARLIEST = date(1850, 1, 1)
LATEST_AHEAD = timedelta(days=2 * 366)
LONDON = ZoneInfo("Europe/London")

_BREAKS = re.compile(r"(?<!\s)\s*[\r\n]\s*")
_ISO_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", re.ASCII)
_UK_DAY = re.compile(r"(\d{1,2})[-/. ](\d{1,2}|[A-Za-z]{3,9})[-/. ](\d{4}|\d{2})", re.ASCII)
_SERIAL = re.compile(r"\d{1,6}([.,]\d+)?", re.ASCII)
_MOMENT = re.compile(
    r"(?P<day>.{1,40}?)(?:T|,?\s+)(?P<clock>\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?",
    re.ASCII | re.IGNORECASE,
)
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep sept september", "oct october", "nov november", "dec december"),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_SCIENTIFIC = re.compile(r"\d+([.,]\d+)?E[+]?\d+", re.ASCII | re.IGNORECASE)


def clean(text: str) -> str:
    """The text without blanks at its ends or twice inside (spaces, tabs, no-break spaces); a line break becomes a comma."""
    if "\n" in text or "\r" in text:
        text = _BREAKS.sub(", ", text.strip()).replace(",,", ",")
    return " ".join(text.split())


def key_of(reference: str) -> str:
    """A key for comparing references: leading zeros come and go with spreadsheets, capitals with people."""
    if reference.isascii() and reference.isdecimal():
        return reference.lstrip("0") or "0"
    return reference.casefold()


def is_scientific(text: str) -> bool:
    """Whether a spreadsheet has rounded a long number: 9.99E+11."""
    return _SCIENTIFIC.fullmatch(text) is not None


def day(column: str, text: str, today: date, *, birth: bool = False) -> date:
    """A day as ISO or the UK writes it, day before month always; raises RowError.

    A two-digit year is this century's, save that a birth is not in the future. Births lie in the past, other
    days at most two years ahead, and nothing before 1850.
    """
    parsed = _day(column, text, today, birth=birth)
    if parsed < EARLIEST or parsed > today + LATEST_AHEAD:
        if birth and parsed > today:
            raise RowError(column, "date-in-future")
        raise RowError(column, "date-out-of-range")
    if birth and parsed > today:
        raise RowError(column, "date-in-future")
    return parsed


def _day(column: str, text: str, today: date, *, birth: bool) -> date:
    try:
        if match := _ISO_DAY.fullmatch(text):
            return date(int(match[1]), int(match[2]), int(match[3]))
        if match := _UK_DAY.fullmatch(text):
            month = int(match[2]) if match[2].isdecimal() else _MONTHS[match[2].lower()]
            return _full_year(match[3], month, int(match[1]), today, birth=birth)
    except (ValueError, KeyError):
        raise RowError(column, "impossible-date") from None
    if _SERIAL.fullmatch(text):
        raise RowError(column, "excel-serial-date")
    if match := _MOMENT.fullmatch(text):  # exports of databases write days with a clock at midnight
        return _day(column, match["day"], today, birth=birth)
    raise RowError(column, "impossible-date")


def _full_year(year: str, month: int, in_month: int, today: date, *, birth: bool) -> date:
    if len(year) == 4:
        return date(int(year), month, in_month)
    parsed = date(2000 + int(year), month, in_month)
    return date(1900 + int(year), month, in_month) if birth and parsed > today else parsed


def moment(column: str, text: str, today: date) -> tuple[datetime, bool]:
    """An instant in UTC to the millisecond, and whether the text has a zone; else UK time. A day means its midnight."""
    match = _MOMENT.fullmatch(text)
    on_day = day(column, match["day"] if match else text, today)
    clock = match["clock"] if match else "00:00"
    zone = (match["zone"] or "") if match else ""
    try:
        at = datetime.fromisoformat(
            f"{on_day.isoformat()}T{'0' if clock[1] == ':' else ''}{clock}{zone.upper()}"
        )
        at = (at if zone else at.replace(tzinfo=LONDON)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RowError(column, "impossible-date") from None
    return at.replace(microsecond=at.microsecond // 1000 * 1000), bool(zone)


def iso(at: datetime) -> str:
    """An instant as plain events write it: 2026-04-01T09:30:00Z, with milliseconds where there are some."""
    precision = "milliseconds" if at.microsecond else "seconds"
    return at.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def at_milliseconds(instant: int) -> datetime:
    """The inverse of `milliseconds`."""
    return datetime.fromtimestamp(instant // 1000, UTC) + timedelta(milliseconds=instant % 1000)
