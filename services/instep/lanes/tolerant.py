"""Reading records whose header names are not UTF-8.

The broker takes any bytes for a header's name; aiokafka raises UnicodeDecodeError in the middle of a batch. One such record
in an outbox would end its reader, and again after every restart. Here such a batch is read again with the name made
readable, and it is for the processor to decide what the record is worth.
"""

from collections.abc import Iterator
from struct import unpack_from
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_LENGTH_AT = 8  # of a batch: eight bytes of base offset, then the length of what follows
_OVERHEAD = 12


def tolerate_header_names() -> None:
    """Let every consumer of this process read so. aiokafka has no setting for it, so its parser is wrapped."""
    fetcher.MemoryRecords = TolerantRecords


class TolerantRecords:
    """What aiokafka's fetcher asks of fetched bytes."""

    def __init__(self, data: bytes) -> None:
        self._records: Any = MemoryRecords(data)
        self._data = memoryview(data)
        self._at = 0

    def size_in_bytes(self) -> int:
        size: int = self._records.size_in_bytes()
        return size

    def has_next(self) -> bool:
        found: bool = self._records.has_next()
        return found

    def next_batch(self) -> "_Batch":
        end = self._at + _OVERHEAD + unpack_from(">i", self._data, self._at + _LENGTH_AT)[0]
        raw, self._at = self._data[self._at : end], end
        return _Batch(self._records.next_batch(), raw)


class _Batch:
    """aiokafka's batch, read whole before any record of it is given out."""

    def __init__(self, batch: Any, raw: memoryview) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._batch))
        except UnicodeDecodeError:
            return iter(_TolerantBatch(self._raw))


class _Text(bytearray):
    r"""Bytes whose slices, when asked for text, show what is not UTF-8 as `\xff`."""

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return _Text(found) if isinstance(key, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return bytes(self).decode(encoding, "backslashreplace")


class _TolerantBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # aiokafka carries no types
    """aiokafka's own parser in Python, over bytes that can always be read as text."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        if not isinstance(self._buffer, _Text):
            self._buffer = _Text(self._buffer)
