"""Decides whether a process knows the newest agreements: was the end of `instep.network` confirmed in the last second?

The end is the end of the log, the high watermark. The last stable offset (LSO) is not enough: while a transaction in
the topic does not end, the LSO stands still, and a suspension may already be committed behind it. `network apply`
itself holds a transaction open for a few hundredths of a second. A confirmation counts for a second, which covers
`network apply`, so there is no further grace: a committed suspension holds within a second, whether or not its marker
was ever written.

A confirmation is as old as the *question*. The answer to a fetch may lie unread in the socket while this process is
frozen, and would look new when the process thaws. The module does no I/O. Times are seconds of a single monotonic clock,
which nobody can set.
"""

from dataclasses import dataclass

FRESH_SECONDS = 1.0
"""For how long a confirmed end of the topic counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchAnswer:
    """Kafka's answer to a fetch that was sent at `asked_at`: the LSO (`stable`) and the high watermark (`end`)."""

    asked_at: float
    stable: int
    end: int

    @property
    def transaction_open(self) -> bool:
        return self.stable < self.end


class Freshness:
    """The topic's end by Kafka's answers, and the position up to which its records were read and are followed."""

    def __init__(self) -> None:
        self.answer: FetchAnswer | None = None
        """The newest answer by the time of its question; None before the first from this topic."""
        self._position = -1
        self._confirmed_at = float("-inf")
        self._open_since: float | None = None

    def answered(self, answer: FetchAnswer) -> None:
        """Take an answer in. An answer older than the newest is dropped: a former leader may have thawed."""
        last = self.answer
        if last is not None and answer.asked_at < last.asked_at:
            return
        if not answer.transaction_open:
            self._open_since = None
        elif self._open_since is None or last is None or last.stable != answer.stable:
            self._open_since = answer.asked_at
        self.answer = answer
        self._confirm()

    def taken_over(self, position: int) -> None:
        """All records before `position` have been read, and are followed."""
        self._position = position
        self._confirm()

    def begin_again(self) -> None:
        """The topic is read from its start again; an earlier confirmation still counts for its second."""
        self._position, self.answer, self._open_since = -1, None, None

    def _confirm(self) -> None:
        if self.answer is not None and self._position >= self.answer.end:
            self._confirmed_at = max(self._confirmed_at, self.answer.asked_at)

    def fresh(self, now: float) -> bool:
        return now - self._confirmed_at <= FRESH_SECONDS

    def answering(self, now: float) -> bool:
        """Whether Kafka has answered a question of the last second."""
        return self.answer is not None and now - self.answer.asked_at <= FRESH_SECONDS

    def open_for(self, now: float) -> float | None:
        """For how many seconds the LSO has stood still below the end; None when the LSO has reached the end."""
        return None if self._open_since is None else now - self._open_since
