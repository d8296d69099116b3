"""What the router remembers of an event: enough to know a repeat, and whom a correction of it has to reach.

    identity (16 bytes)  ->  content digest (16), time remembered (8, ms), pairs (the rest)

Pairs are text, `authority/purpose` by line: ids hold neither `/` nor line ends. Nothing of the person is kept, and the
subject's reference only within the digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

from instep.lanes.processor import State
from instep.router.decide import Pair

KEPT_MS = 400 * 86_400_000
"""The router remembers for 400 days."""

_DIGEST = 16
_HEAD = _DIGEST + 8
_SWEPT = 256  # keys looked at in a tick


class Remembered(NamedTuple):
    """An event that was routed: its content digest, and the pairs (authority, purpose) told of it or of what it replaced."""

    digest: bytes
    pairs: frozenset[Pair]


def recall(state: State, identity: bytes) -> Remembered | None:
    """What is remembered of an identity (`events.header.identity`), if anything."""
    value = state.get(identity)
    return None if value is None else Remembered(value[:_DIGEST], _unpacked(value[_HEAD:]))


def same_content(state: State, identity: bytes, digest: bytes) -> bool | None:
    """Whether the identity is remembered with this content; None where it is not remembered at all."""
    value = state.get(identity)
    return None if value is None else value[:_DIGEST] == digest


def remember(state: State, identity: bytes, digest: bytes, packed: bytes, now: int) -> None:
    """Remember an event; `packed` are its pairs as `pack` gives them."""
    state.put(identity, digest + now.to_bytes(8, "big") + packed)


def pack(pairs: Iterable[Pair]) -> bytes:
    """Pairs as they are remembered."""
    return "\n".join(sorted(f"{authority}/{purpose}" for authority, purpose in pairs)).encode()


def _unpacked(packed: bytes) -> frozenset[Pair]:
    return frozenset(_pair(line) for line in packed.decode().split("\n") if line)


def _pair(line: str) -> Pair:
    authority, _, purpose = line.partition("/")
    return authority, purpose


def sweep(state: State, now: int) -> None:
    """Forget what is older than 400 days, in a window of the keys that another second starts elsewhere.

    Keys are digests, hence evenly spread: windows at places drawn from the clock visit each key about equally often, and
    no cursor has to be kept. A lane of 300,000 keys is gone through in twenty minutes.
    """
    start = blake2b((now // 1000).to_bytes(8, "big"), digest_size=_DIGEST).digest()
    for key, value in list(_window(state, start)):
        if now - int.from_bytes(value[_DIGEST:_HEAD], "big") > KEPT_MS:
            state.delete(key)


def _window(state: State, start: bytes) -> Iterator[tuple[bytes, bytes]]:
    found = state.scan(start, _SWEPT)
    yield from found
    if len(found) < _SWEPT:  # the end of the keys: go on at their beginning
        for key, value in state.scan(b"", _SWEPT - len(found)):
            if key > start:
                return
            yield key, value
