"""Names a span of days in London, as officers count them, and its first and last moment."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from instep.errors import ConfigurationError

LONDON = ZoneInfo("Europe/London")


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """The days from `since` to `until`, both included; open at an end that is None.

    Raises ConfigurationError where the span ends before its beginning.
    """

    since: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        """Refuse a span without a day."""
        if self.since is not None and self.until is not None and self.until < self.since:
            raise ConfigurationError(f"--until {self.until} lies before --since {self.since}.")

    def __bool__(self) -> bool:
        return self.since is not None or self.until is not None

    def __str__(self) -> str:
        since = f"from {self.since}" if self.since else "from the first record that is kept"
        return f"{since} {f'to {self.until}' if self.until else 'on'}"

    @property
    def since_ms(self) -> int | None:
        """The span's first moment, epoch milliseconds UTC."""
        return None if self.since is None else _midnight_ms(self.since)

    @property
    def until_ms(self) -> int | None:
        """The first moment after the span, epoch milliseconds UTC."""
        if self.until is None or self.until == date.max:
            return None
        return _midnight_ms(self.until + timedelta(days=1))


def _midnight_ms(day: date) -> int:
    return round(datetime.combine(day, time(), LONDON).timestamp() * 1000)
