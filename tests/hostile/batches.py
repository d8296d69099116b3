"""Makes and sends Kafka record batches by hand: compressed by any codec, as no producer would write them.

Source of the layout: Kafka's "Record Batch" (message format v2).
"""

import gzip
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import cramjam
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c

from instep.kafka.connection import Connection

CODECS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
Entry = tuple[bytes | None, bytes | None]
"""A key and a value."""

_HEAD = struct.Struct(">qiibIhiqqqhii")
_CHUNK = 1 << 20


def record(number: int, key: bytes | None, value: bytes | None, *, before_zeros: int = 0) -> bytes:
    """A record; its value ends in `before_zeros` zero bytes, which are counted in the length but not written."""
    length = -1 if value is None else len(value) + before_zeros
    body = b"\0\0" + _varint(number) + _text(key) + _varint(length) + (value or b"")
    size = len(body) + before_zeros + 1  # the number of headers stands behind the value
    return _varint(size) + body + (b"" if before_zeros else b"\0")


def batch(records: bytes, count: int, codec: int) -> bytes:
    """A batch of records, already compressed by `codec`."""
    behind = struct.pack(">hiqqqhii", codec, count - 1, 1000, 1000, -1, -1, -1, count) + records
    return struct.pack(">qiibI", 0, len(behind) + 9, -1, 2, calc_crc32c(behind)) + behind


def compressed(codec: str, entries: Sequence[Entry]) -> bytes:
    """A sound batch of these records."""
    records = b"".join(record(number, *entry) for number, entry in enumerate(entries))
    return batch(_compress(codec, records), len(entries), CODECS[codec])


def bomb(codec: str, size: int, key: bytes) -> bytes:
    """A batch of a single record, whose value is `size` zeros; made without ever holding all zeros in memory."""
    head = record(0, key, b"", before_zeros=size)
    return batch(_compress_zeros(codec, head, size + 1), 1, CODECS[codec])


async def send(connection: Connection, topic: str, raw: bytes, count: int) -> int:
    """Send a batch as given, and return the offset of its first record. Raises KafkaError where the broker refuses."""
    async with AIOKafkaProducer(**connection.kafka(), request_timeout_ms=120_000) as producer:
        sent = await producer.send_batch(_Raw(raw, count), topic, partition=0)
        return int((await sent).offset)


class _Raw(BatchBuilder):  # type: ignore[misc]  # aiokafka carries no types
    def __init__(self, raw: bytes, count: int) -> None:
        super().__init__(len(raw), 0)
        self._buffer = bytearray(raw)
        self._relative_offset = count
        self._closed = True


def _varint(number: int) -> bytes:
    left = number << 1 if number >= 0 else ~(number << 1)
    made = bytearray()
    while left > 127:
        made.append(left & 127 | 128)
        left >>= 7
    return bytes((*made, left))


def _text(value: bytes | None) -> bytes:
    return _varint(-1) if value is None else _varint(len(value)) + value


def _compress(codec: str, plain: bytes) -> bytes:
    match codec:
        case "gzip":
            return gzip.compress(plain)
        case "snappy":
            return bytes(cramjam.snappy.compress_raw(plain))
        case "lz4":
            made: Any = cramjam.lz4.Compressor(content_checksum=False, block_linked=False)
        case _:
            made = cramjam.zstd.Compressor()
    made.compress(plain)
    return bytes(made.finish())


def _compress_zeros(codec: str, head: bytes, zeros: int) -> bytes:
    if codec == "snappy":
        return _compress(codec, head + bytes(zeros))
    if codec == "gzip":
        deflate = zlib.compressobj(9, wbits=31)
        made = [deflate.compress(head)]
        made += [deflate.compress(bytes(min(_CHUNK, zeros - at))) for at in range(0, zeros, _CHUNK)]
        return b"".join((*made, deflate.flush()))
    stream: Any = (
        cramjam.lz4.Compressor(content_checksum=False, block_linked=False)
        if codec == "lz4"
        else cramjam.zstd.Compressor()
    )
    made = []
    stream.compress(head)
    for at in range(0, zeros, _CHUNK):
        stream.compress(bytes(min(_CHUNK, zeros - at)))
        made.append(bytes(stream.flush()))
    return b"".join((*made, bytes(stream.finish())))
