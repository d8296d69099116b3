"""atheris around the target; started by `python -m tests.fuzz`, with atheris on its path and libFuzzer's own options.

libFuzzer makes half of the inputs out of bytes. The other half keep the form of an event: a field of a sound event, or
several, get other bytes (of kinds that decoders stumble over), and the key stays the subject's.
"""

import random
import sys

import atheris

with atheris.instrument_imports(include=["instep.events", "instep.intake", "instep.router"]):
    from instep.events.reader import reader
    from tests.fuzz.target import pack, try_record, unpack
    from tests.hostile.entry import NOW, Entry

from tests.hostile import avro
from tests.hostile.cases import CAMDEN, INT64_MIN, LAMBETH, SOURCE, Record

ENTRY = Entry()
MOVED, REGISTERED = ENTRY.number("uk.instep.ResidentMoved"), ENTRY.number("uk.instep.BusinessRegistered")
PIECES = (
    avro.NULL,
    *(avro.long(number) for number in (1, -1, 2, 5, 63, 64, 1 << 31, -(1 << 31), INT64_MIN, (1 << 63) - 1)),
    *(avro.long(1, places=places) for places in (2, 5, 10, 20)),
    avro.varint(1 << 64),
    b"\xff" * 12,
    avro.some(avro.text("x")),
    avro.some(avro.text("x" * 64)),
    avro.some(avro.long(1)),
    avro.text(b"\xff"),
    avro.text("\U0001f600"),
    avro.array(avro.text("x")),
    avro.array(*[avro.text("x")] * 9),
    avro.sized(avro.text("x"), avro.text("y")),
    avro.split(avro.text("x"), avro.text("y")),
    avro.sized(avro.text("x"), off=1),
    b"",
)


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """libFuzzer's custom mutator."""
    chance = random.Random(seed)
    match chance.randrange(4):
        case 0:
            return bytes(atheris.Mutate(data, most))
        case 1:
            body = len(data) - len(unpack(data).value or b"") + 5
            return data[:body] + bytes(atheris.Mutate(data[body:], max(1, most - body)))
        case _:
            return _spoilt(chance)[:most]


def _spoilt(chance: random.Random) -> bytes:
    number, source = chance.randrange(10), SOURCE
    if chance.random() < 0.7:
        schema, parts = MOVED, avro.moved(number, source, NOW, old=CAMDEN, new=LAMBETH)
    else:
        schema, parts = REGISTERED, avro.registered(number, source, NOW, gss=LAMBETH)
    key = f"case-{number}".encode()
    for path in chance.sample(sorted(parts), chance.randrange(1, 4)):
        piece = chance.choice(PIECES)
        parts[path] = piece if chance.random() < 0.7 else bytes(atheris.Mutate(parts[path], 64))
    body = b"".join(parts.values())
    if chance.random() < 0.1:
        body = body[: chance.randrange(len(body))]
    return pack(Record(key=key, value=avro.framed(schema, body)))


def one_input(data: bytes) -> None:
    try_record(ENTRY, unpack(data))


for schema in ENTRY.schemas.values():
    if schema.kind == "event":
        atheris.instrument_func(reader(schema))
atheris.Setup(sys.argv, one_input, custom_mutator=mutate)
atheris.Fuzz()
