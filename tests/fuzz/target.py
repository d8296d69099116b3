"""Takes an input through the whole entry: from a record's key, value and headers to the decisions of intake and both
routers.
"""

from __future__ import annotations

from instep.errors import UnsoundBytesError
from instep.events.framing import PREFIX
from instep.events.reader import reader
from instep.network.topics import EVENTS
from tests.hostile.cases import SOURCE, Record
from tests.hostile.entry import Entry
from tests.unit.events.sample import fastavro_decode, fastavro_encode

NO_KEY = 0xFFFF


def pack(record: Record) -> bytes:
    """A record as an input: its key behind two bytes of length, its headers, and the rest is its value."""
    key = record.key or b""
    parts = [
        (NO_KEY if record.key is None else len(key)).to_bytes(2, "big"),
        key,
        bytes((len(record.headers),)),
    ]
    for name, value in record.headers:
        written = name.encode()
        parts += [bytes((len(written),)), written, len(value).to_bytes(2, "big"), value]
    return b"".join((*parts, record.value or b""))


def unpack(data: bytes) -> Record:
    """Any bytes are some record; an empty value is none."""
    left = memoryview(data)

    def take(size: int) -> bytes:
        nonlocal left
        taken, left = bytes(left[:size]), left[size:]
        return taken

    size = int.from_bytes(take(2), "big")
    key = None if size == NO_KEY else take(size)
    headers = []
    for _ in range(int.from_bytes(take(1), "big")):
        name = take(int.from_bytes(take(1), "big")).decode(errors="backslashreplace")
        headers.append((name, take(int.from_bytes(take(2), "big"))))
    return Record(key=key, headers=tuple(headers), value=bytes(left) or None)


def try_record(entry: Entry, record: Record) -> None:
    """Fails where anything is raised, where fastavro would write an accepted event otherwise, or where the codecs differ."""
    _read(entry, record.value)
    output = entry.enter(record)
    if output.topic != EVENTS:
        rejection = entry.rejection(output)
        assert rejection["source"] == SOURCE
        assert rejection["outbox_offset"] == 41
        return
    assert output.value is not None
    schema = entry.schemas[int.from_bytes(output.value[1:PREFIX], "big")]
    event, _ = fastavro_decode(schema, output.value[PREFIX:])
    assert output.value[PREFIX:] == fastavro_encode(schema, event)
    # An accepted event is canonical, so the same bytes are accepted again.
    again = entry.enter(Record(key=record.key, value=output.value, headers=record.headers))
    assert again == output
    ends = [sent for sent in entry.route([output]) if sent.topic.endswith((".outcomes", ".rejected"))]
    assert len(ends) == 1


def _read(entry: Entry, value: bytes | None) -> None:
    """The reader itself: intake would turn any exception of the reader into a refusal."""
    if value is None or len(value) <= PREFIX:
        return
    schema = entry.schemas.get(int.from_bytes(value[1:PREFIX], "big"))
    if schema is not None and schema.kind == "event":
        try:
            reader(schema)(value, PREFIX)
        except UnsoundBytesError:
            pass
