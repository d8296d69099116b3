"""Says when repeated work is due, and how long to pause before the next try. Callers pass in the time."""


class Every:
    """Work that is due every `seconds`, first so long after `now`. Times are seconds of one monotonic clock."""

    def __init__(self, seconds: float, now: float) -> None:
        self._seconds = seconds
        self._last = now

    def wait(self, now: float) -> float:
        """Seconds until the work is due; 0 or less once due."""
        return self._last + self._seconds - now

    def due(self, now: float) -> bool:
        """Whether the work is due. True counts as doing the work now."""
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True


class Backoff:
    """The pauses between tries: `first` seconds, then twice as long each time, up to `longest`."""

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._last = 0.0

    def pause(self) -> float:
        """Seconds to wait before the next try."""
        self._last = min(self._longest, max(self._first, 2 * self._last))
        return self._last

    def succeeded(self) -> None:
        """The next pause is the first again."""
        self._last = 0.0
