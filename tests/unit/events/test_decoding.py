"""A stranger's bytes become a sound event or a refusal, never an exception."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.events.decoding import MAX_VALUE, Decoder, Refusal, Sound
from instep.events.framing import frame
from instep.events.schema import EventType
from instep.events.writer import encode
from tests.strategies import datums, examples
from tests.unit.events.sample import (
    CATALOGUE,
    MOVED,
    REGISTERED,
    example,
    example_files,
    fastavro_decode,
    fastavro_encode,
    spoilt,
)

IDS = {7: MOVED.latest, 8: REGISTERED.latest, 9: CATALOGUE.bus["rejection"], 10: CATALOGUE.header}
DECODER = Decoder(CATALOGUE, IDS)
EVENT = example()
EVENT_ID = EVENT["header"]["event_id"]
BODY = encode(MOVED.latest, EVENT)


def refused(value: bytes | None) -> Refusal:
    decoded = DECODER.decode(value)
    assert isinstance(decoded, Refusal)
    return decoded


def sound(value: bytes) -> Sound:
    decoded = DECODER.decode(value)
    assert isinstance(decoded, Sound)
    return decoded


@given(st.data())
def test_a_canonical_event_is_sound_and_its_bytes_stay_as_they_are(data: st.DataObject) -> None:
    number = data.draw(st.sampled_from((7, 8)))
    datum = data.draw(datums(IDS[number]))
    value = frame(number, fastavro_encode(IDS[number], datum))
    decoded = sound(value)
    assert decoded.value is value
    assert decoded.event == datum
    assert decoded.schema is IDS[number]
    assert decoded.event_type is (MOVED if number == 7 else REGISTERED)


@examples(300)
@given(spoilt(frame(7, BODY)))
def test_whatever_is_done_to_an_event_what_is_accepted_is_canonical(value: bytes) -> None:
    decoded = DECODER.decode(value)
    if isinstance(decoded, Sound):
        number = int.from_bytes(decoded.value[1:5], "big")
        assert decoded.value[5:] == fastavro_encode(IDS[number], decoded.event)
        assert fastavro_decode(IDS[number], value[5:]) == (decoded.event, len(value) - 5)


@given(st.binary(max_size=200), st.sampled_from((0, 7, 8, 9, 10)))
def test_any_bytes_at_all_are_decoded_or_refused(body: bytes, number: int) -> None:
    DECODER.decode(body)
    DECODER.decode(frame(number, body))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "bad-framing"),
        (b"", "bad-framing"),
        (b"\x01" + frame(7, BODY)[1:], "bad-framing"),
        (frame(7, b""), "bad-framing"),
        (frame(11, BODY), "unknown-schema"),
        (frame(9, BODY), "unknown-schema"),
        (frame(10, BODY), "unknown-schema"),
        (frame(7, BODY + b"\x00"), "trailing-bytes"),
        (frame(7, BODY[:-1]), "undecodable"),
        (frame(7, BODY.replace(b"LS10 3SN", b"LS10 3S\xff")), "undecodable"),
        (frame(8, BODY), "not-canonical"),
    ],
)
def test_each_reason_has_its_bytes(value: bytes | None, reason: str) -> None:
    assert refused(value).reason == reason


def test_256_kib_are_read_and_one_byte_more_is_oversize() -> None:
    def of_size(size: int) -> bytes:
        person = {**EVENT["person"], "given_names": "x" * (size - 100_000), "family_name": "y" * 90_000}
        without = frame(7, encode(MOVED.latest, {**EVENT, "person": person}))
        person["family_name"] += "y" * (size - len(without))
        return frame(7, encode(MOVED.latest, {**EVENT, "person": person}))

    largest = of_size(MAX_VALUE)
    assert len(largest) == 262_144
    assert sound(largest).value == largest
    assert refused(of_size(MAX_VALUE + 1)).reason == "oversize"
    assert refused(b"{" * (MAX_VALUE + 1)).reason == "oversize"


def test_the_event_id_is_told_where_the_bytes_still_show_it() -> None:
    assert refused(frame(7, BODY[:60])).event_id == EVENT_ID
    assert refused(frame(7, BODY + b"\x00")).event_id == EVENT_ID
    assert refused(frame(7, BODY[:30])).event_id is None
    no_uuid = BODY.replace(EVENT_ID.encode(), b"Thistlewaite, Imogen of 27 Marlpit S")
    assert len(no_uuid) == len(BODY)
    assert refused(frame(7, no_uuid[:60])).event_id is None
    assert refused(frame(11, BODY)).event_id is None


def test_a_refusal_holds_nothing_of_the_person() -> None:
    assert "kerthwaite" not in repr(refused(frame(7, BODY[:-1])))


def test_sized_blocks_are_written_again_plainly() -> None:
    lines = b'\x04\x0cFlat 3"27 Marlpit Street\x00'
    assert BODY.count(lines) == 1
    items = lines[1:-1]
    sized = BODY.replace(lines, b"\x03" + bytes((len(items) << 1,)) + items + b"\x00")
    split = BODY.replace(lines, b'\x02\x0cFlat 3\x02"27 Marlpit Street\x00')
    for body in (sized, split):
        assert body != BODY
        decoded = sound(frame(7, body))
        assert decoded.event == EVENT
        assert decoded.value == frame(7, BODY)


@pytest.mark.parametrize(("event_type", "file"), example_files("rejected"))
def test_every_rejected_example_in_bytes_is_refused_for_its_reason(event_type: EventType, file: Path) -> None:
    document = json.loads(file.read_text())
    if "hex" in document:
        number = 7 if event_type is MOVED else 8
        assert refused(frame(number, bytes.fromhex(document["hex"]))).reason == document["reason"]
    else:
        assert "event" in document
