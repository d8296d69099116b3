"""Works out the day in London, and the last day on which a recipient may answer.

Agreements begin and end with a day in London. A recipient has a number of days to answer, or a number of working
days. The first day counted is the day after the recipient was sent the event. Working days are Monday to Friday, bank
holidays included.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from instep.errors import NetworkError

_LONDON = ZoneInfo("Europe/London")
_HOUR_MS = 3_600_000
WITHIN = re.compile(r"([1-9][0-9]{0,3}) (working )?days?")
_FRIDAY = 4


def today_in_london(now_ms: int) -> date:
    """The day in London at `now_ms`, epoch milliseconds UTC.

    London's offsets are whole hours, so no day begins within an hour, and the cache holds an answer for each hour.
    """
    return _london_day(now_ms // _HOUR_MS)


@lru_cache(maxsize=64)
def _london_day(hour: int) -> date:
    return datetime.fromtimestamp(hour * 3600, UTC).astimezone(_LONDON).date()


@dataclass(frozen=True, kw_only=True, slots=True)
class RespondWithin:
    """The recipient's time to answer: days, or working days (Monday to Friday; bank holidays count as working days)."""

    days: int
    working: bool

    def respond_by(self, disclosed: date) -> date:
        """The last day for an answer; the first day counted is the day after `disclosed`."""
        if not self.working:
            return disclosed + timedelta(days=self.days)
        weekday = disclosed.weekday()
        if weekday > _FRIDAY:
            disclosed -= timedelta(days=weekday - _FRIDAY)
            weekday = _FRIDAY
        weeks, rest = divmod(self.days, 5)
        weekend = 2 if weekday + rest > _FRIDAY else 0
        return disclosed + timedelta(days=7 * weeks + rest + weekend)

    def __str__(self) -> str:
        return f"{self.days} {'working ' if self.working else ''}day{'' if self.days == 1 else 's'}"


def respond_within(text: str) -> RespondWithin:
    """Read `"10 working days"` or `"5 days"`; raises NetworkError for any other text."""
    match = WITHIN.fullmatch(text)
    if match is None:
        raise NetworkError(f'respond_within is {text!r}; write it as "10 working days" or "5 days"')
    return RespondWithin(days=int(match[1]), working=match[2] is not None)
