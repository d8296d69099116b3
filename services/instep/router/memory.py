"""Remembers each routed event for 400 days: enough to know a repeat, and to reach everyone with a correction.

The memory is in the state of the lane that routed the event:

    identity (16 bytes)  ->  content digest (16), time remembered (8, ms), pairs (the rest)

A *pair* is an authority and a purpose that a correction of the event has to reach. Pairs are text,
`authority/purpose`, a line each: ids hold neither `/` nor line ends. Nothing of the person is kept. The subject's
reference is kept only within the digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b

from instep.events.identifiers import AuthorityId
from instep.lanes.processor import State
from instep.router.decide import Pair

KEPT_MS = 400 * 86_400_000
"""The router remembers for 400 days."""

_DIGEST = 16
_HEAD = _DIGEST + 8
_SWEPT = 256  # keys looked at in a tick


def same_content(state: State, identity: bytes, digest: bytes) -> bool | None:
    """Whether the identity is remembered with this content; None where the identity is not remembered at all."""
    value = state.get(identity)
    return None if value is None else value[:_DIGEST] == digest


def pairs_of(state: State, identity: bytes) -> frozenset[Pair] | None:
    """The pairs to be reached with a correction of an event; None where the event is not remembered."""
    value = state.get(identity)
    return None if value is None else _unpacked(value[_HEAD:])


def remember(state: State, identity: bytes, digest: bytes, packed_pairs: bytes, now: int) -> None:
    """Remember an event; `pack` makes `packed_pairs`."""
    state.put(identity, digest + now.to_bytes(8, "big") + packed_pairs)


def pack(pairs: Iterable[Pair]) -> bytes:
    """Pairs in their remembered form."""
    return "\n".join(sorted(f"{authority}/{purpose}" for authority, purpose in pairs)).encode()


def _unpacked(packed: bytes) -> frozenset[Pair]:
    return frozenset(_pair(line) for line in packed.decode().split("\n") if line)


def _pair(line: str) -> Pair:
    authority, _, purpose = line.partition("/")
    return AuthorityId(authority), purpose


def sweep(state: State, now: int) -> None:
    """Forget events older than 400 days, in a small window of the keys; every second has another window.

    Keys are digests, hence evenly spread. The clock draws the place of the window, so each key is visited about equally
    often, and no cursor has to be kept. A lane of 300,000 keys is swept in twenty minutes.
    """
    start = blake2b((now // 1000).to_bytes(8, "big"), digest_size=_DIGEST).digest()
    for key, value in list(_window(state, start)):
        if now - int.from_bytes(value[_DIGEST:_HEAD], "big") > KEPT_MS:
            state.delete(key)


def _window(state: State, start: bytes) -> Iterator[tuple[bytes, bytes]]:
    entries = state.scan(start, _SWEPT)
    yield from entries
    if len(entries) < _SWEPT:  # the end of the keys: go on at their beginning
        for key, value in state.scan(b"", _SWEPT - len(entries)):
            if key > start:
                return
            yield key, value
