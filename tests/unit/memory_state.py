"""The engine's State in a dictionary, and records as a processor reads them, for tests without a broker."""

from collections.abc import Sequence
from dataclasses import dataclass, field


class MemoryState:
    """Remembers in a dictionary; `scan` goes by the order of keys, as the real State does."""

    def __init__(self) -> None:
        self.entries: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self.entries.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        self.entries[key] = value

    def delete(self, key: bytes) -> None:
        self.entries.pop(key, None)

    def scan(self, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        return sorted((key, value) for key, value in self.entries.items() if key > after)[:limit]


@dataclass(frozen=True, kw_only=True)
class MemoryRecord:
    """A record as aiokafka reads records."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int = 0
    offset: int = 0
    timestamp: int = 0
    headers: Sequence[tuple[str, bytes]] = field(default=())
