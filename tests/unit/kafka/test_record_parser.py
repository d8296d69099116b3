"""A header's name may be any bytes; the records around it are read all the same."""

import gzip

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from instep.kafka.record_parser import TolerantRecords

_HEADER = 61  # bytes of a batch before its records


def batch(offset: int, names: list[bytes], *, zipped: bool = False) -> bytes:
    """A record for each name (four bytes) of its only header."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=0,
        batch_size=1 << 16,
    )
    for number in range(len(names)):
        builder.append(number, 1000, b"key", b"value-%d" % number, [(f"<{number:02}>", b"of the header")])
    built = bytes(builder.build())
    for number, name in enumerate(names):
        built = built.replace(b"<%02d>" % number, name)
    if zipped:
        records = gzip.compress(built[_HEADER:])
        length = (_HEADER - 12 + len(records)).to_bytes(4, "big")
        built = built[:8] + length + built[12:21] + b"\0\1" + built[23:_HEADER] + records
    return offset.to_bytes(8, "big") + built[8:]


def names(data: bytes) -> list[tuple[int, str, bytes]]:
    records = TolerantRecords(data)
    assert records.size_in_bytes() == len(data)
    entries = []
    while records.has_next():
        entries += [(record.offset, record.headers[0][0], record.value) for record in records.next_batch()]
    return entries


def test_aiokafka_alone_cannot_read_such_a_batch() -> None:
    """When this fails, the wrapper is no longer needed."""
    with pytest.raises(UnicodeDecodeError):
        list(MemoryRecords(batch(0, [b"ab\xff\xfe"])).next_batch())


@pytest.mark.parametrize("zipped", [False, True])
def test_a_name_that_is_not_utf8_is_shown_and_its_neighbours_are_whole(zipped: bool) -> None:
    data = batch(5, [b"name", b"ab\xff\xfe", b"name"], zipped=zipped) + batch(8, [b"name"])
    assert names(data) == [
        (5, "name", b"value-0"),
        (6, "ab\\xff\\xfe", b"value-1"),
        (7, "name", b"value-2"),
        (8, "name", b"value-0"),
    ]


def test_the_batchs_own_facts_pass_through() -> None:
    taken = TolerantRecords(batch(5, [b"name", b"name"])).next_batch()
    assert (taken.base_offset, taken.next_offset, taken.is_control_batch) == (5, 7, False)
