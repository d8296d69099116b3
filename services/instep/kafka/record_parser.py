"""Replaces aiokafka's parser of fetched batches, which fails on some batches that a broker accepts.

A consumer that fails on a batch would meet the same batch again after every restart. There are two kinds of such batches.

- The broker accepts any bytes as a header's name, and aiokafka raises UnicodeDecodeError in the middle of a batch.
  Here such a name is made readable, and the batch is read on.
- The broker accepts a compressed batch that unpacks to any size (the module `unpacking`), and some batches that only
  Java can unpack. Here such a batch is not read. Each of its records has a stand-in without a key, whose value is
  `TOO_LARGE` or `UNREADABLE`, so that no record is lost. The processor decides what becomes of a stand-in.
"""

from collections.abc import Iterator
from struct import pack, unpack_from
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint

from instep.errors import UnpackingError
from instep.kafka import unpacking

_LENGTH_AT = 8  # of a batch: eight bytes of base offset, then the length of what follows
_OVERHEAD = 12
_CODEC_AT = 22  # the lowest three bits
_RECORDS_AT = 61

TOO_LARGE = bytes(1 << 20)
"""The value of a record whose batch is too large to unpack: more than any record may have."""
UNREADABLE = b""


def install_record_parser() -> None:
    """Install this parser for every consumer of the process. aiokafka has no setting for parsers, so its own is wrapped."""
    fetcher.MemoryRecords = TolerantRecords


class TolerantRecords:
    """Fetched bytes, with the interface that aiokafka's fetcher asks for."""

    def __init__(self, data: bytes) -> None:
        self._records: Any = MemoryRecords(data)
        self._data = memoryview(data)
        self._at = 0
        self._unpacked = 0

    def size_in_bytes(self) -> int:
        size: int = self._records.size_in_bytes()
        return size

    def has_next(self) -> bool:
        """Whether there is more. Batches behind MOST unpacked bytes are left, and fetched again."""
        more: bool = self._records.has_next()
        return more and self._unpacked < unpacking.MOST

    def next_batch(self) -> "_Batch":
        end = self._at + _OVERHEAD + unpack_from(">i", self._data, self._at + _LENGTH_AT)[0]
        raw, self._at = self._data[self._at : end], end
        return _Batch(self._records.next_batch(), raw, self)

    def count(self, unpacked: int) -> None:
        """Add to the bytes that have been unpacked."""
        self._unpacked += unpacked


class _Batch:
    """A batch of aiokafka's, read within the bounds of this module."""

    def __init__(self, batch: Any, raw: memoryview, records: TolerantRecords) -> None:
        self._batch = batch
        self._raw = raw
        self._records = records

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        codec = self._raw[_CODEC_AT] & 7
        return self._packed(codec) if codec else _read(self._batch, self._raw)

    def _packed(self, codec: int) -> Iterator[Any]:
        start = self._batch.base_offset
        try:
            unpacked = unpacking.unpack(codec, bytes(self._raw[_RECORDS_AT:]))
            self._records.count(len(unpacked))
            raw = _plain(self._raw, unpacked)
            for record in _read(MemoryRecords(raw).next_batch(), raw):
                yield record
                start = record.offset + 1
        except UnpackingError as error:
            yield from self._stand_ins(start, TOO_LARGE if error.too_large else UNREADABLE)
        except CorruptRecordException:
            yield from self._stand_ins(start, UNREADABLE)

    def _stand_ins(self, start: int, value: bytes) -> Iterator[Any]:
        batch = self._batch
        for offset in range(start, batch.next_offset):
            yield _DefaultRecordPy(offset, batch.max_timestamp, batch.timestamp_type, None, value, [])


def _plain(raw: memoryview, unpacked: bytes) -> bytes:
    """The batch as if sent without compression. Its checksum is the old one, which has been verified already."""
    length = pack(">i", _RECORDS_AT - _OVERHEAD + len(unpacked))
    codec = bytes((raw[_CODEC_AT] & ~7,))
    head = (raw[:_LENGTH_AT], length, raw[_OVERHEAD:_CODEC_AT], codec, raw[_CODEC_AT + 1 : _RECORDS_AT])
    return b"".join((*head, unpacked))


def _read(batch: Any, raw: memoryview | bytes) -> Iterator[Any]:
    done = 0
    try:
        for record in batch:
            yield record
            done += 1
    except UnicodeDecodeError:
        yield from _TolerantBatch(raw).after(done)


class _Text(bytearray):
    r"""Bytes whose slices decode to text whatever they hold: bytes outside UTF-8 show as `\xff`."""

    def __getitem__(self, key: Any) -> Any:
        item = super().__getitem__(key)
        return _Text(item) if isinstance(key, slice) else item

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return bytes(self).decode(encoding, "backslashreplace")


class _TolerantBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # aiokafka carries no types
    """aiokafka's own parser in Python, over bytes that always decode to text."""

    _buffer: bytearray
    _pos: int

    def after(self, count: int) -> Iterator[Any]:
        """The records that follow the first `count`, which are skipped by their lengths."""
        for _ in range(count):
            length, self._pos = decode_varint(self._buffer, self._pos)
            self._pos += length
        self._next_record_index = count
        self._buffer = _Text(self._buffer)
        return iter(self)
