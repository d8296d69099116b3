"""Decides when a lane begins its next transaction, and when a transaction takes no more records.

A lane is one share of the partitions, with one transaction open at a time. Two costs pull in opposite directions.
Each transaction costs the broker the same, however little the transaction holds: many small transactions keep the
broker busy, and every lane waits for the broker. But a record that waits for others to share its transaction arrives
late. So a lane holds two rules.

- A transaction begins no sooner than `transaction_interval` after the beginning of the last transaction. A batch that comes
  alone need not wait. Batches that follow quickly share the next transaction.
- A transaction takes no further batch once it holds `transaction_events` records or `transaction_bytes` bytes. It decides
  no further records once it is `transaction_seconds` old. The rest of a batch goes in the next transaction.

The module also knows for how long a transaction has been open, and for how long a lane with work has committed nothing. The
worker's watchdog goes by both. The module does no I/O. Callers pass in the time, as seconds of one monotonic clock.
"""

from instep.lanes.settings import LaneSettings


class Extent:
    """One transaction's width (records and bytes) and age."""

    def __init__(self, settings: LaneSettings, began: float) -> None:
        self._began = began
        self._events_left = settings.transaction_events
        self._bytes_left = settings.transaction_bytes
        self.old_at = began + settings.transaction_seconds
        """From this time on no further record is decided, and the transaction commits."""

    def take(self, events: int, size: int) -> bool:
        """Count a batch of so many records and bytes; returns whether the transaction may take another batch."""
        self._events_left -= events
        self._bytes_left -= size
        return self._events_left > 0 and self._bytes_left > 0

    def seconds(self, now: float) -> float:
        """How long ago the transaction began."""
        return now - self._began


class Pacing:
    """When one lane's transactions began and committed."""

    def __init__(self, settings: LaneSettings, now: float) -> None:
        self._settings = settings
        self._last_begin = float("-inf")
        self._last_progress = now
        self._open_since: float | None = None

    def wait(self, now: float) -> float:
        """Seconds until the next transaction may begin; 0 or less when that is now."""
        return self._last_begin + self._settings.transaction_interval - now

    def begin(self, now: float) -> Extent:
        """Begin a transaction for queued batches."""
        self._last_begin = now
        return Extent(self._settings, now)

    def opened(self, now: float) -> None:
        """A transaction is open, for batches or for a tick."""
        self._open_since = now

    def committed(self, now: float) -> None:
        """The open transaction has committed."""
        self._last_progress = now
        self._open_since = None

    def give_up(self) -> bool:
        """Forget the open transaction; returns whether a transaction was open."""
        was_open = self._open_since is not None
        self._open_since = None
        return was_open

    def work_arrived(self, now: float) -> None:
        """The first batch has come into an empty queue: a lane without work was not silent."""
        self._last_progress = now

    def silent_for(self, now: float) -> float:
        """Seconds since the last commit, or since work arrived after it."""
        return now - self._last_progress

    def open_for(self, now: float) -> float:
        """Seconds that the transaction has been open; 0 when none is."""
        return now - self._open_since if self._open_since is not None else 0.0
