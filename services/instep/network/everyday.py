"""Values as people write them every day: `01/11/2026`, `Yes`, `1,095 days`, `leeds, bradford`. Pure.

Nothing here is accepted in a network's files. Readings go into the sentences that say how to write a value, and into the
questions of `instep agreement new`, which show each reading.
"""

import re
from collections.abc import Iterator
from datetime import date

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
# Repetitions have bounds, so that no text takes more than its share of time.
_ISO = re.compile(r"(\d{4})\s{0,3}[-/.]\s{0,3}(\d{1,2})\s{0,3}[-/.]\s{0,3}(\d{1,2})")
_DAY_FIRST = re.compile(r"(\d{1,2})\s{0,3}[-/.]\s{0,3}(\d{1,2})\s{0,3}[-/.]\s{0,3}(\d{4}|\d{2})")
_NAMED = re.compile(
    r"(?:[A-Z][a-z]{2,5}day,?\s{1,3})?(\d{1,2})(?:st|nd|rd|th)?(?:\s{1,3}of)?[\s-]{1,3}([A-Z][a-z]{2,8})\.?,?[\s-]{1,3}"
    r"(\d{4}|\d{2})",
    re.IGNORECASE,
)
_MONTH_FIRST = re.compile(
    r"([A-Z][a-z]{2,8})\.?\s{1,3}(\d{1,2})(?:st|nd|rd|th)?,?\s{1,3}(\d{4})", re.IGNORECASE
)
DAY = re.compile(
    "|".join(re.sub(r"\((?!\?)", "(?:", form.pattern) for form in (_ISO, _DAY_FIRST, _NAMED, _MONTH_FIRST)),
    re.IGNORECASE,
)
"""Anything that may be a day; `day` says whether the text is one."""
_YES = {"yes", "y", "true", "t", "on", "1", "ja", "oui"}
_NO = {"no", "n", "false", "f", "off", "0", "none"}
_WHOLE = re.compile(
    r"[£#]?\s{0,3}(\d{1,3}(?:[, ]\d{3}){1,5}|\d{1,18})(?:\.0{0,6})?\s{0,3}(days?|d|years?)?\.?", re.IGNORECASE
)
_SEPARATORS = re.compile(r"[,;\n\t|]|\s(?:and|&)\s")


def day(text: str) -> date | None:
    """The day of `1/11/2026`, `1 November 2026`, `01-Nov-26` or `2026-11-1`, read as in Britain, day before month.

    None for a text that is no day, and for a day that does not exist.
    """
    for year, month, number in _readings(text.strip()):
        try:
            return date(year, month, number)
        except ValueError:
            continue
    return None


def long_day(day: date) -> str:
    """The day as a letter writes it: 1 November 2026."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def yes_or_no(text: str) -> bool | None:
    """Whether the text says yes or no; None where it says neither."""
    word = text.strip().strip("\"'.!").casefold()
    return True if word in _YES else False if word in _NO else None


def whole(text: str) -> int | None:
    """The whole number of `730`, `1,095`, `0730` or `730 days`; None for years, which are of no fixed number of days."""
    match = _WHOLE.fullmatch(text.strip())
    years = match is not None and (match[2] or "").casefold().startswith("y")
    return None if match is None or years else int(re.sub(r"[, ]", "", match[1]))


def texts(text: str) -> list[str]:
    """The parts of a list such as `leeds, bradford and wakefield`, without quotation marks and brackets."""
    parts = _SEPARATORS.split(text.strip().strip("[](){}"))
    return [bare for part in parts if (bare := part.strip(" \"'.\u201c\u201d\u2018\u2019"))]


def folded(text: str) -> str:
    """The text without differences of case, space, hyphen and underscore, as names are compared."""
    return re.sub(r"[\W_]+", "-", text.casefold()).strip("-")


def _readings(text: str) -> Iterator[tuple[int, int, int]]:
    if match := _ISO.fullmatch(text):
        yield int(match[1]), int(match[2]), int(match[3])
    if match := _DAY_FIRST.fullmatch(text):
        yield _year(match[3]), int(match[2]), int(match[1])
    if match := _NAMED.fullmatch(text):
        yield _year(match[3]), _month(match[2]), int(match[1])
    if match := _MONTH_FIRST.fullmatch(text):
        yield int(match[3]), _month(match[1]), int(match[2])


def _year(text: str) -> int:
    return int(text) + (2000 if len(text) == 2 else 0)


def _month(text: str) -> int:
    """The number of a month by its first letters; 0 for none."""
    return next((n for n, name in enumerate(MONTHS, 1) if name.casefold().startswith(text.casefold())), 0)
