"""Unpacks compressed batches of records to at most 16 MiB each, and raises UnpackingError for larger batches.

The broker's `max.message.bytes` bounds the compressed size only. So the broker accepts a batch of 64 kB that unpacks to
2 GiB. aiokafka would unpack such a batch whole, and a worker was seen to grow to 4.4 GB. A sound batch unpacks to a few
megabytes, since producers bound a batch before compressing.

Of one answer of the broker, the module `record_parser` holds less than twice MOST unpacked bytes a partition.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO

import cramjam

from instep.errors import UnpackingError

MOST = 16 << 20
"""Bytes that a batch may unpack to."""

# Snappy in blocks, as Java writes it: 16 bytes, then each block behind its length.
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEAD = 16


def unpack(codec: int, data: bytes, most: int = MOST) -> bytes:
    """The records of a batch (codec: Kafka's number) of at most so many bytes; raises UnpackingError."""
    try:
        unpacked = _CODECS[codec](data, most)
    except (KeyError, OSError, EOFError, ValueError, zlib.error, cramjam.DecompressionError):
        raise UnpackingError from None
    if len(unpacked) > most:
        raise UnpackingError(too_large=True)
    return unpacked


def _gzip(data: bytes, most: int) -> bytes:
    with gzip.GzipFile(fileobj=BytesIO(data)) as stream:
        return stream.read(most + 1)


def _snappy(data: bytes, most: int) -> bytes:
    blocks = list(_blocks(data)) if data.startswith(_XERIAL) else [data]
    # The library sets aside as many bytes as a block claims to unpack to.
    if sum(map(cramjam.snappy.decompress_raw_len, blocks)) > most:
        raise UnpackingError(too_large=True)
    return b"".join(bytes(cramjam.snappy.decompress_raw(block)) for block in blocks)


def _blocks(data: bytes) -> Iterator[bytes]:
    at = _XERIAL_HEAD
    while at < len(data):
        start, at = at + 4, at + 4 + int.from_bytes(data[at : at + 4], "big")
        if at > len(data):
            raise ValueError
        yield data[start:at]


def _lz4(data: bytes, most: int) -> bytes:
    return _into_room(cramjam.lz4.decompress_into, data, most)


def _zstd(data: bytes, most: int) -> bytes:
    return _into_room(cramjam.zstd.decompress_into, data, most)


def _into_room(decompress_into: Callable[[bytes, bytearray], int], data: bytes, most: int) -> bytes:
    size = min(most, max(_ROOM, 16 * len(data)))
    while True:
        room = bytearray(size)
        try:
            return bytes(memoryview(room)[: decompress_into(data, room)])
        except cramjam.DecompressionError as error:
            if _FULL not in str(error):
                raise
        if size == most:
            raise UnpackingError(too_large=True)
        size = min(most, 16 * size)


_ROOM = 1 << 16
_FULL = "failed to write whole buffer"  # cramjam has one error for everything
_CODECS = {1: _gzip, 2: _snappy, 3: _lz4, 4: _zstd}
