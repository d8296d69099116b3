"""A batch is unpacked within a bound; each record of a batch that is not unpacked has a stand-in."""

import gzip
import tracemalloc

import cramjam
import pytest
from aiokafka.record.memory_records import MemoryRecords

from instep.errors import UnpackingError
from instep.kafka import unpacking
from instep.kafka.record_parser import TOO_LARGE, UNREADABLE, TolerantRecords
from tests.hostile.batches import CODECS, Entry, batch, bomb, compressed, record

ENTRIES: list[Entry] = [(b"key", b"value"), (None, b""), (b"", None), (b"key", bytes(70_000))]
CODEC = pytest.mark.parametrize("codec", CODECS)


def entries(*batches: bytes) -> list[tuple[int, bytes | None, bytes | None]]:
    at, placed = 0, []
    for raw in batches:
        placed.append(at.to_bytes(8, "big") + raw[8:])
        at += int.from_bytes(raw[57:61], "big")
    records = TolerantRecords(b"".join(placed))
    entries_read = []
    while records.has_next():
        taken = records.next_batch()
        assert taken.validate_crc()
        entries_read += [(record.offset, record.key, record.value) for record in taken]
    return entries_read


@CODEC
def test_a_sound_batch_is_read_whole(codec: str) -> None:
    assert entries(compressed(codec, ENTRIES)) == [(at, *entry) for at, entry in enumerate(ENTRIES)]


@CODEC
def test_what_takes_exactly_the_bound_is_unpacked_and_one_byte_more_is_not(codec: str) -> None:
    size = len(record(0, b"key", bytes(300_000)))
    packed = compressed(codec, [(b"key", bytes(300_000))])[61:]
    assert len(unpacking.unpack(CODECS[codec], packed, size)) == size
    with pytest.raises(UnpackingError) as caught:
        unpacking.unpack(CODECS[codec], packed, size - 1)
    assert caught.value.too_large


@pytest.mark.slow
@CODEC
def test_a_bomb_is_not_unpacked_and_its_neighbours_are_read(codec: str) -> None:
    sound = compressed(codec, [(b"key", b"value")])
    made = bomb(codec, 200 << 20, b"key")
    tracemalloc.start()
    try:
        entries_read = entries(sound, made, sound)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert entries_read == [(0, b"key", b"value"), (1, None, TOO_LARGE), (2, b"key", b"value")]
    assert peak < 4 * unpacking.MOST + len(made)


def test_each_record_of_a_bomb_is_accounted_for() -> None:
    records = b"".join(record(number, b"key", bytes(9 << 20)) for number in range(2))
    assert entries(batch(gzip.compress(records), 2, CODECS["gzip"])) == [
        (0, None, TOO_LARGE),
        (1, None, TOO_LARGE),
    ]


@CODEC
def test_a_batch_that_cannot_be_unpacked_is_accounted_for(codec: str) -> None:
    packed = compressed(codec, ENTRIES)[61:]
    for spoilt in (
        b"",
        packed[: len(packed) // 2],
        b"\xff" * 40,
        b"\x82SNAPPY\x00\0\0\0\1\0\0\0\1\xff\xff\xff\xf0",
    ):
        assert entries(batch(spoilt, 2, CODECS[codec])) == [(0, None, UNREADABLE), (1, None, UNREADABLE)]


def test_aiokafka_alone_ends_at_a_batch_that_the_broker_takes() -> None:
    spoilt = batch(compressed("gzip", ENTRIES)[61:] + b"garbage", len(ENTRIES), CODECS["gzip"])
    with pytest.raises(gzip.BadGzipFile):
        list(MemoryRecords(spoilt).next_batch())
    assert [value for _, _, value in entries(spoilt)] == [UNREADABLE] * len(ENTRIES)


def test_one_answer_of_the_broker_is_unpacked_to_the_bound_and_the_rest_is_fetched_again() -> None:
    """Else many small batches, each within the bound, would unpack to gigabytes at once."""
    large = bomb("zstd", 9 << 20, b"key")
    assert [offset for offset, _, _ in entries(large, large, large)] == [0, 1]


def test_java_writes_snappy_in_blocks() -> None:
    records = record(0, b"key", b"value"), record(1, b"key", b"other")
    blocks = [bytes(cramjam.snappy.compress_raw(record)) for record in records]
    packed = b"\x82SNAPPY\x00\0\0\0\1\0\0\0\1" + b"".join(
        len(block).to_bytes(4, "big") + block for block in blocks
    )
    assert entries(batch(packed, 2, CODECS["snappy"])) == [(0, b"key", b"value"), (1, b"key", b"other")]
