"""Puts cells, as people and spreadsheets write them, into the form of events.

Pure: text in, value out. An unreadable cell is refused by name (RowError: column and reason), never guessed. Where a
spreadsheet has turned a date into a day number, or has rounded a reference's digits away, the value is lost, and only the
source can give the value again.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from instep.errors import RowError
from instep.workbooks.cell_texts import moment_text

OLDEST = 115
"""Years: nobody alive in the United Kingdom is older."""
EARLIEST = date(1850, 1, 1)
LATEST_AHEAD = timedelta(days=2 * 366)
LONDON = ZoneInfo("Europe/London")

_BREAKS = re.compile(r"(?<!\s)\s*[\r\n]\s*")
_ISO_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", re.ASCII)
_UK_DAY = re.compile(r"(\d{1,2})[-/. ](\d{1,2}|[A-Za-z]{3,9})[-/. ](\d{4}|\d{2})", re.ASCII)
_ISO_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT(?!24)\d\d:\d\d:\d\dZ", re.ASCII)
_SERIAL = re.compile(r"\d{1,6}([.,]\d+)?", re.ASCII)
_DAY_ZERO = date(1899, 12, 30)
_FIRST_DAY_NUMBER, _LAST_DAY_NUMBER = 43_200, 50_000
"""From April 2018 to November 2036."""
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
# Soft hyphens, zero-width characters, marks of direction, the byte order mark: nobody sees them, and they part equal texts.
_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")
# What drives a terminal, or makes a text read in another order than it is stored. Tabs and line breaks are spaces.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
PLACEHOLDERS = frozenset(
    [
        "null",
        "(null)",
        "<null>",
        "[null]",
        "none",
        "(none)",
        "nil",
        "n/a",
        "n.a.",
        "n/k",
        "n/r",
        "-",
        "--",
        "---",
        ".",
        "?",
        "\\n",
        "unknown",
        "(unknown)",
        "undefined",
        "nan",
        "(blank)",
        "blank",
        "empty",
    ]
) | {"not known", "not applicable", "not available", "not recorded"}
_LONGEST_PLACEHOLDER = max(map(len, PLACEHOLDERS))
_SPREADSHEET_ERROR = re.compile(
    r"#([A-Z][A-Z0-9_/]*[!?]|DIV/0!|N/A|GETTING_DATA|#+)|ERR:\d{3}", re.IGNORECASE
)
_FORCED_TEXT = re.compile(r'=\s*"([^"]*)"')
_FLOAT = re.compile(r"(\d+)(?:\.0+|,00?)", re.ASCII)
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+", re.ASCII)
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_LOOKALIKES = str.maketrans(
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0405\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7",
    "ABEKMHOPCTYXISaeopcyxiABEZHIKMNOPTYX",
)
"""Cyrillic and Greek letters that look like Latin ones."""
# Byte order marks, and the first half of a no-break space, as Windows-1252 reads them.
_BROKEN_MARKS = re.compile("\u00ff\u00fe|\u00fe\u00ff|\u00ef\u00bb\u00bf|\u00c2(?=\u00a0)")
# A reference such as 3-11 or MAR1 that a spreadsheet has taken for a date.
_TURNED_TO_DATE = re.compile(
    r"\d{1,2}-[A-Z][a-z]{2}(-\d{2,4})?|[A-Z][a-z]{2}-\d{2,4}|\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?|\d\d/\d\d/\d{4}",
    re.ASCII,
)
_STRAY = " ;:,.'\"`|=+@*()[]{}<>\u2018\u2019\u201c\u201d"
"""Marks that stand at the ends of a reference by mistake."""
_EXACT_DIGITS = 15


def clean(text: str) -> str:
    """The text in NFC, without invisible characters, without blanks at its ends or twice inside (spaces, tabs, no-break
    spaces); a line break becomes a comma.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    if "\n" in text or "\r" in text:
        text = _BREAKS.sub(", ", text.strip()).replace(",,", ",")
    return " ".join(text.split())


def has_control(text: str) -> bool:
    """Whether the text holds characters that no record needs: they drive terminals, or reverse the order of reading."""
    return _CONTROL.search(text) is not None


def has_invisible(text: str) -> bool:
    """Whether the text holds characters that nobody sees."""
    return _INVISIBLE.search(text) is not None


def is_placeholder(text: str) -> bool:
    """Whether a clean text stands for "nothing": `NULL`, `N/A`, `-`, and zeros alone, where no value is 0."""
    if text[:1] == "0":
        return not text.strip("0.")
    return len(text) <= _LONGEST_PLACEHOLDER and text.casefold() in PLACEHOLDERS


def is_spreadsheet_error(text: str) -> bool:
    """Whether a spreadsheet shows an error, or a value too wide for its column: `#REF!`, `########`."""
    return text[:1] in "#Ee" and _SPREADSHEET_ERROR.fullmatch(text) is not None


def plain_text(text: str) -> str:
    """A clean text without a spreadsheet's own marks for text: `="007"` is `007`."""
    forced = _FORCED_TEXT.fullmatch(text)
    return clean(forced[1]) if forced else text


def number_text(text: str) -> str:
    """Digits as they were before a spreadsheet took them for a number: `551.0`, `1,234` and `'551` are digits alone."""
    text = text.removeprefix("'").strip()
    if whole := _FLOAT.fullmatch(text):
        return whole[1]
    return text.replace(",", "") if _GROUPED.fullmatch(text) else text


def reference(text: str) -> str:
    """The one form of a reference, whatever a spreadsheet, another system or a keyboard has made of it."""
    return number_text(plain_text(clean(alike(text))).replace('"', "").strip(_STRAY))


def alike(text: str) -> str:
    """The text with one character for all that look the same in a reference: dashes, full-width digits, foreign letters."""
    if text.isascii():
        return text
    text = _BROKEN_MARKS.sub("", text)
    return unicodedata.normalize("NFKC", text).translate(_DASHES).translate(_LOOKALIKES)


def key_of(reference: str) -> str:
    """A key for comparing references: leading zeros come and go with spreadsheets, capitals and spaces with people."""
    reference = "".join(reference.split())
    if reference.isascii() and reference.isdecimal():
        return reference.lstrip("0") or "0"
    return reference.casefold()


def is_damaged_reference(text: str) -> bool:
    """Whether a spreadsheet has rounded the digits of a reference, or has taken the reference for a date."""
    if _SCIENTIFIC.fullmatch(text) or _TURNED_TO_DATE.fullmatch(text):
        return True
    lost = len(text) - _EXACT_DIGITS
    return lost > 0 and text.isdecimal() and text.endswith("0" * lost)


def has_lost_digits(uprn: str) -> bool:
    """Whether a UPRN ends as a spreadsheet leaves rounded digits: in five zeros or more."""
    return uprn.endswith("00000")


def day(column: str, text: str, today: date, *, birth: bool = False) -> date:
    """A day as ISO or the UK writes it, day before month always; raises RowError.

    A two-digit year is this century's. A birth's two-digit year is refused where both centuries are possible, and read as
    the other century where one is not: nobody is born in the future or older than OLDEST. Births lie in the past, other
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


def of_day_number(text: str, zero: date | None) -> str:
    """The moment of a workbook's day number, counted from the day `zero`; the text itself where the text is no such number.

    Only recent days: a smaller number may be a day without separators that lost its first zero, such as 10590.
    """
    if zero is None or not _SERIAL.fullmatch(text):
        return text
    number = float(text.replace(",", "."))
    whole = int(number)
    if not _FIRST_DAY_NUMBER <= (zero - _DAY_ZERO).days + whole < _LAST_DAY_NUMBER:
        return text
    at = timedelta(milliseconds=round((number - whole) * 86_400_000))
    return moment_text(datetime.combine(zero + timedelta(days=whole), time()) + at)


def _day(column: str, text: str, today: date, *, birth: bool) -> date:
    try:
        if len(text) == 10 and text[4] == text[7] == "-" and text.isascii():
            return date.fromisoformat(text)
    except ValueError:
        pass  # the slower way says what is wrong
    try:
        if match := _ISO_DAY.fullmatch(text):
            return date(int(match[1]), int(match[2]), int(match[3]))
        if match := _UK_DAY.fullmatch(text):
            month = int(match[2]) if match[2].isdecimal() else _MONTHS[match[2].lower()]
            return _full_year(column, match[3], month, int(match[1]), today, birth=birth)
    except RowError:
        raise
    except (ValueError, KeyError):
        raise RowError(column, "impossible-date") from None
    if _SERIAL.fullmatch(text):
        raise RowError(column, "excel-serial-date")
    if match := _MOMENT.fullmatch(text):  # exports of databases write days with a clock at midnight
        return _day(column, match["day"], today, birth=birth)
    raise RowError(column, "impossible-date")


def _full_year(column: str, year: str, month: int, in_month: int, today: date, *, birth: bool) -> date:
    if len(year) == 4:
        return date(int(year), month, in_month)
    if not birth:
        return date(2000 + int(year), month, in_month)
    oldest = date(today.year - OLDEST, 1, 1)
    possible = [born for born in _in_century(int(year), month, in_month) if oldest <= born <= today]
    if len(possible) > 1:
        raise RowError(column, "birth-century")
    if possible:
        return possible[0]
    return date(1900 + int(year), month, in_month)


def _in_century(year: int, month: int, in_month: int) -> list[date]:
    days = []
    for century in (1900, 2000):
        try:
            days.append(date(century + year, month, in_month))
        except ValueError:  # 29 February
            continue
    return days


def moment(column: str, text: str, today: date) -> tuple[datetime, bool]:
    """An instant in UTC to the millisecond, and whether the text has a zone; else UK time. A day means its midnight."""
    if _ISO_MOMENT.fullmatch(text) and (instant := _instant(text, today)) is not None:
        return instant, True
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


def _instant(text: str, today: date) -> datetime | None:
    """The instant of the usual form; None where the slower way has to say what is wrong."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if EARLIEST <= at.date() <= today + LATEST_AHEAD else None


def precision(text: str) -> int:
    """The milliseconds within which a moment, as written, may lie: a day, a minute, a second or a millisecond."""
    if _ISO_MOMENT.fullmatch(text):
        return 1_000
    match = _MOMENT.fullmatch(text)
    if match is None:
        return 86_400_000
    return {1: 60_000, 2: 1_000}[match["clock"].count(":")] if "." not in match["clock"] else 1


def iso(at: datetime) -> str:
    """An instant as plain events write it: 2026-04-01T09:30:00Z, with milliseconds where there are some."""
    precision = "milliseconds" if at.microsecond else "seconds"
    return at.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def at_milliseconds(instant: int) -> datetime:
    """The inverse of `milliseconds`."""
    return datetime.fromtimestamp(instant // 1000, UTC) + timedelta(milliseconds=instant % 1000)
