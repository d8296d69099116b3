"""Opens an authority's memory for publishing, and makes sure that its secret is the authority's only one.

With another secret every person of a file goes out again, under a new reference, and nobody could tell. So before anything
is sent, the outbox says with which secrets the authority has published (`outbox_history`), and `judge` decides. Nothing is
sent, and no secret is made, where the answer is a refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path
from typing import assert_never

from instep.adapters.adoption import adopt
from instep.adapters.memory import Memory
from instep.adapters.memory_files import DATABASE
from instep.adapters.secret import keeps_secret
from instep.client.council import Council
from instep.client.filing import Tally
from instep.client.memory_place import Place
from instep.client.outbox_history import History, OutboxEnd, outbox_of, read_history
from instep.errors import ConfigurationError, PlatformError


class Verdict(Enum):
    """What the outbox says of the secret that is here."""

    KNOWN = auto()
    """The memory is here, and no other secret has been used since."""
    FIRST = auto()
    """No memory is here, and no earlier publication of a file shows."""
    REPLACED = auto()
    """The memory is here, and another secret has been used since."""
    ELSEWHERE = auto()
    """No memory is here, and files have been published with a secret that is not here."""
    EXPIRED = auto()
    """No memory is here, and the outbox has had records, which have all expired."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A memory that is open for publishing; `first`: nothing was published from here before. `end`: the outbox's end."""

    memory: Memory
    home: Path
    first: bool
    end: int

    def note_published(self, tally: Tally) -> None:
        """After a run: where the outbox has taken this run's events and no others, they need no check the next time."""
        if tally.end - self.end == tally.outcomes["published"]:
            self.memory.note_checked(tally.end)


def judge(own: str | None, history: History) -> Verdict:
    """`own` is the key id of the secret that is here; None where there is none."""
    others = history.keys.keys() - {own}
    if own is not None:
        return Verdict.REPLACED if others else Verdict.KNOWN
    if others or history.unnamed:
        return Verdict.ELSEWHERE
    return Verdict.EXPIRED if history.end and not history.kept else Verdict.FIRST


async def open_memory(council: Council, place: Place, say: Callable[[str], None], *, first: bool) -> Opened:
    """Open the council's memory in its place, or begin it; `say` gets a sentence where an earlier version's is moved.

    `first` begins a memory, or goes on with this one, in spite of events of another secret. Raises PlatformError where
    such events show and `first` is not set, and where the memory cannot be used.
    """
    outbox = await outbox_of(council)
    directory = place.of(council.network.name, outbox.cluster)
    home = directory / council.authority
    memory = _opened_where_kept(directory, council.authority, say)
    try:
        history = await _history(council, outbox, memory, say)
        if memory is None:
            memory = _of_an_earlier_version(council.authority, place, directory, history, say)
        verdict = judge(memory.key_id if memory else None, history)
        if not first:
            _ensure_unique(verdict, council.authority, home, history)
        begun = memory is None
        memory = memory or Memory.open(directory, council.authority)
        memory.note_checked(outbox.end)
    except BaseException:
        if memory is not None:
            memory.close()
        raise
    return Opened(memory=memory, home=home, first=begun, end=outbox.end)


async def memory_home(council: Council, place: Place) -> Path | None:
    """The directory of the council's memory, to look into; None where the council has published nothing from here.

    Raises NotConnectedError where Kafka does not say which cluster this is.
    """
    kept = place.of_network(council.network.name, council.authority)
    if not any(memory.network for memory in kept):
        return kept[0].home if kept else None
    outbox = await outbox_of(council)
    home = place.home(council.network.name, outbox.cluster, council.authority)
    return home if keeps_secret(home) else None


def _opened_where_kept(directory: Path, authority: str, say: Callable[[str], None]) -> Memory | None:
    """The memory in its place; None where the place has no secret. `say` gets a sentence where the secret is alone."""
    home = directory / authority
    if not keeps_secret(home):
        return None
    if not (home / DATABASE).exists():
        say(
            f"The secret of {authority} is in {home}, and its memory is lost: rows go out again under the same ids, and the"
            " network drops the repeats. Publish a full export, so that each protected household is known again."
        )
    return Memory.open(directory, authority)


async def _history(
    council: Council, outbox: OutboxEnd, memory: Memory | None, say: Callable[[str], None]
) -> History:
    try:
        return await read_history(council, outbox, memory.checked if memory else 0)
    except ConfigurationError as error:
        # A user that may write and not read: publishing is that user's right all the same.
        say(f"Nobody could see whether {council.authority} has published with another secret: {error}")
        return History(end=outbox.end, kept=1)


def _of_an_earlier_version(
    authority: str, place: Place, directory: Path, history: History, say: Callable[[str], None]
) -> Memory | None:
    """The memory that an earlier version has left, moved to its place; None where there is none of this cluster."""
    for left in place.left_by_earlier_versions(authority):
        if _belongs(left, authority, history):
            adopt(left / authority, directory / authority)
            say(
                f"The memory of {authority} was in {left / authority}; it has moved to {directory / authority}."
            )
            return _opened_where_kept(directory, authority, say)
        say(f"The memory of {authority} in {left / authority} is of another cluster, and stays there.")
    return None


def _belongs(left: Path, authority: str, history: History) -> bool:
    """Whether a memory of an earlier version, which does not name its cluster, may be of this outbox."""
    is_lost = not (left / authority / DATABASE).exists()
    with Memory.open(left, authority) as memory:
        if is_lost or memory.key_id in history.keys:
            return True
        if history.unnamed:
            return any(map(memory.sent, history.unnamed))
        return memory.is_empty or (history.end > 0 and not history.keys)


def _ensure_unique(verdict: Verdict, authority: str, home: Path, history: History) -> None:
    """Raise PlatformError where a person has to decide, with the ways to go on."""
    bring = (
        f"bring its memory here with `instep publisher export FILE --authority {authority}` there and `instep publisher"
        " import FILE` here"
    )
    anew = "or add --first: then everybody in the file goes out as a new person."
    match verdict:
        case Verdict.KNOWN | Verdict.FIRST:
            return
        case Verdict.REPLACED:
            raise PlatformError(
                f"Since the memory in {home} was last used, {authority} has published with another secret"
                f" ({_last(history)}): move this directory away and {bring}, or add --first to go on with this memory."
            )
        case Verdict.ELSEWHERE:
            raise PlatformError(
                f"{authority} has published before{_with(history)}, and the secret is not in {home}: {bring}, {anew}"
            )
        case Verdict.EXPIRED:
            raise PlatformError(
                f"{authority} has published before, all of which has expired, and no secret is in {home}: {bring}, {anew}"
            )
        case _:
            assert_never(verdict)


def _with(history: History) -> str:
    return (
        f" with another secret ({_last(history)})" if history.keys else ", with an earlier version of Instep"
    )


def _last(history: History) -> str:
    key, at = max(history.keys.items(), key=lambda entry: entry[1])
    day = datetime.fromtimestamp(at / 1000, UTC)
    return f"key {key}, last on {day.day} {day:%B %Y}"
