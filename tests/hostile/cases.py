"""Every way in which a record can be unsound: its bytes, the reason for its refusal, and a sound neighbour.

A neighbour differs from its case in the fault alone, and is accepted. `tests/unit/intake/test_hostile.py` holds the list
against all reasons for a refusal, and against all data known to get past Avro decoders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.hostile import avro
from tests.hostile.avro import NULL, Parts, array, long, sized, some, split, text, varint

CAMDEN, LAMBETH = "E09000007", "E09000022"
SOURCE = "lambeth"
INT64_MIN = -(1 << 63)
LARGEST = 256 * 1024
Headers = tuple[tuple[str, bytes], ...]
Spoil = Callable[[bytes], bytes | None]
Number = Callable[[str], int]
"""The id that the network has given a schema, by its full name."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record of SOURCE's outbox."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, kw_only=True)
class Case:
    """A refused record, and the same record without its fault. `by` refuses; the router, where other events count."""

    name: str
    reason: str
    hostile: Record
    neighbour: Record
    by: str = "intake"


class Maker:
    """Makes cases, each of an event with a subject and an id of its own; `now` is milliseconds UTC."""

    def __init__(self, number: Number, now: int) -> None:
        self.number = number
        self.now = now
        self.count = 0
        self.today = now // avro.DAY_MS
        self.made: list[Case] = []

    def case(
        self,
        reason: str,
        name: str,
        fault: Parts | None = None,
        sound: Parts | None = None,
        *,
        cut_at: str | None = None,
        after: bytes = b"",
        key: bytes | None = b"",
        headers: Headers = (),
        sound_headers: Headers = (),
        spoil: Spoil = lambda value: value,
        by: str = "intake",
        of: str = "uk.instep.ResidentMoved",
    ) -> None:
        """Make a case. `fault` replaces parts of a sound event, `sound` parts of its neighbour; `spoil` changes the value.

        `cut_at` names the field after which the bytes end, `after` stands behind them. An empty `key` is the event's own.
        """
        bad = self._parts(of) | (fault or {})
        good = self._parts(of) | (sound or {})
        if cut_at is not None:
            places = list(bad)
            bad = {path: bad[path] for path in places[: places.index(cut_at) + 1]}
        value = spoil(avro.framed(self.number(of), avro.body(bad) + after))
        self.made.append(
            Case(
                name=name,
                reason=reason,
                hostile=Record(key=self._key(bad) if key == b"" else key, value=value, headers=headers),
                neighbour=Record(
                    key=self._key(good),
                    value=avro.framed(self.number(of), avro.body(good)),
                    headers=sound_headers,
                ),
                by=by,
            )
        )

    def follows(self, reason: str, name: str, fault: Parts) -> None:
        """Make a case for the router: the neighbour comes first, and the hostile record speaks of the same subject."""
        good = self._parts("uk.instep.ResidentMoved")
        number = self.number("uk.instep.ResidentMoved")
        hostile, neighbour = (
            Record(key=self._key(parts), value=avro.framed(number, avro.body(parts)))
            for parts in (good | fault, good)
        )
        self.made.append(Case(name=name, reason=reason, hostile=hostile, neighbour=neighbour, by="router"))

    def _parts(self, of: str) -> Parts:
        self.count += 1
        if of == "uk.instep.ResidentMoved":
            return avro.moved(self.count, SOURCE, self.now, old=CAMDEN, new=LAMBETH)
        return avro.registered(self.count, SOURCE, self.now, gss=LAMBETH)

    @staticmethod
    def _key(parts: Parts) -> bytes:
        """The subject's reference, without its length in front: a single byte for lengths up to 63."""
        written = parts["header.subject_ref"]
        return written[1 if written[0] < 128 else 2 :]


def cases(number: Number, now: int) -> list[Case]:
    """All cases, in a fixed order; the same arguments give the same bytes every time."""
    make = Maker(number, now)
    for kind in (
        _sizes,
        _framing,
        _numbers,
        _choices,
        _arrays,
        _texts,
        _ends,
        _surroundings,
        _meaning,
        _memory,
    ):
        kind(make)
    return make.made


def sound(number: Number, now: int, *, count: int) -> Iterator[Record]:
    """Sound moves of other subjects than those of the cases."""
    for number_of_subject in range(90_000_000, 90_000_000 + count):
        parts = avro.moved(number_of_subject, SOURCE, now, old=CAMDEN, new=LAMBETH)
        yield Record(
            key=f"case-{number_of_subject}".encode(),
            value=avro.framed(number("uk.instep.ResidentMoved"), avro.body(parts)),
        )


def _padded(make: Maker, size: int) -> Parts:
    """Given names of a length to give the framed value this size; a case number of up to five digits changes nothing."""
    parts = avro.moved(10, SOURCE, make.now, old=CAMDEN, new=LAMBETH)
    rest = 5 + len(avro.body(parts)) - len(parts["person.given_names"]) + 1  # a byte for its branch
    digits = len(str(make.count + 1))
    length = size - rest - (digits - 2) - 3  # three bytes for its own length
    return {"person.given_names": some(text("x" * length))}


def _sizes(make: Maker) -> None:
    make.count = 10  # numbers of two digits
    make.case("oversize", "a value above 256 KiB", _padded(make, LARGEST + 1), _padded(make, LARGEST))
    long_ref = {"header.subject_ref": text("r" * 64)}
    make.case("oversize", "a key above 256 bytes", {"header.subject_ref": text("k" * 257)}, long_ref)
    make.case("oversize", "65 headers", headers=(("a", b"b"),) * 65, sound_headers=(("a", b"b"),) * 64)
    make.case("oversize", "10,000 headers", headers=(("", b""),) * 10_000)
    make.case(
        "oversize",
        "headers above 16 KiB",
        headers=(("a", bytes(16 * 1024)),),
        sound_headers=(("a", bytes(16 * 1024 - 1)),),
    )
    make.case("oversize", "a header's name above 16 KiB", headers=(("n" * (16 * 1024 + 1), b""),))
    make.case("oversize", "a megabyte of nothing", spoil=lambda value: bytes(900_000))


def _framing(make: Maker) -> None:
    for name, value in (
        ("no value", None),
        ("an empty value", b""),
        ("a text", b'{"header": {}}'),
        ("a framing without a body", b"\x00\x00\x00\x00\x01"),
        ("a framing cut short", b"\x00\x00\x00"),
    ):
        make.case("bad-framing", name, spoil=_instead(value))
    make.case("bad-framing", "another marker", spoil=lambda value: b"\x01" + value[1:])
    make.case("unknown-schema", "a schema that nobody knows", spoil=_under((1 << 32) - 1))
    for bus in ("uk.instep.Rejection", "uk.instep.Disclosure"):
        make.case("unknown-schema", f"a {bus}", spoil=_under(make.number(bus)))
    other = make.number("uk.instep.BusinessRegistered")
    make.case("undecodable", "the schema of another event", spoil=_under(other))


def _instead(value: bytes | None) -> Spoil:
    return lambda _: value


def _under(schema_id: int) -> Spoil:
    return lambda value: avro.framed(schema_id, value[5:])


def _numbers(make: Maker) -> None:
    """AVRO-4304's varints, and other numbers known to get past decoders."""
    endless = b"\xff" * 12
    make.case("undecodable", "a long that never ends", {"header.sequence": endless}, cut_at="header.sequence")
    make.case(
        "undecodable", "an int that never ends", {"header.occurred_on": endless}, cut_at="header.occurred_on"
    )
    make.case("undecodable", "a long of 200,000 bytes", {"header.sequence": b"\xff" * 200_000 + b"\x01"})
    make.case(
        "undecodable",
        "a long of 65 bits",
        {"header.sequence": varint(1 << 64)},
        {"header.sequence": varint((1 << 64) - 1)},
    )
    make.case(
        "undecodable",
        "an int of 33 bits",
        {"placement.others_number": some(long(1 << 31))},
        {"placement.others_number": some(long((1 << 31) - 1))},
    )
    make.case(
        "undecodable",
        "an int below 32 bits",
        {"placement.others_number": some(long(-(1 << 31) - 1))},
        {"placement.others_number": some(long(-(1 << 31)))},
    )
    make.case("undecodable", "an int that holds 2^55", {"placement.others_number": some(long(1 << 55))})
    for places in (2, 3, 6, 10, 20):
        name = f"a number of {places} bytes that needs one"
        make.case(
            "not-canonical", name, {"header.sequence": long(1, places=places)}, {"header.sequence": long(1)}
        )
    make.case("not-canonical", "an overlong int", {"placement.others_number": some(long(2, places=5))})
    make.case(
        "not-canonical", "an overlong timestamp", {"header.recorded_at": long(make.now - 2000, places=7)}
    )
    make.case("not-canonical", "a boolean of 2", {"header.synthetic": b"\x02"}, {"header.synthetic": b"\x01"})
    make.case("not-canonical", "a boolean of 255", {"header.synthetic": b"\xff"})


def _choices(make: Maker) -> None:
    for name, index, reason in (
        ("-1", long(-1), "not-canonical"),
        ("out of range", long(5), "undecodable"),
        ("the first out of range", None, "undecodable"),
        ("INT64_MIN", long(INT64_MIN), "not-canonical"),
        ("overlong", long(1, places=2), "not-canonical"),
        ("that never ends", b"\xff" * 12, "undecodable"),
    ):
        make.case(
            reason,
            f"an enum index {name}",
            {"header.handling": index or long(2)},
            {"header.handling": long(1)},
        )
        make.case(
            reason,
            f"a union index {name}",
            {"group_ref": (index or long(2)) + text("g")},
            {"group_ref": some(text("g"))},
        )
    make.case(
        "undecodable", "a record's union index out of range", {"contact": long(2)}, {"contact": long(0)}
    )


def _arrays(make: Maker) -> None:
    lines = (text("Flat 3"), text("27 Marlpit Street"))

    def spoilt(reason: str, name: str, bad: bytes, good: bytes) -> None:
        make.case(reason, name, {"old_address.lines": bad}, {"old_address.lines": good})

    behind = b"".join(lines) + b"\x00"
    spoilt("undecodable", "a block count of INT64_MIN", long(INT64_MIN) + behind, sized(*lines))
    spoilt(
        "undecodable", "a sized block count of INT64_MIN", long(INT64_MIN) + long(25) + behind, sized(*lines)
    )
    spoilt("undecodable", "a block count of INT64_MAX", long((1 << 63) - 1) + behind, array(*lines))
    spoilt("undecodable", "more items than bytes", long(5000) + behind, array(*lines))
    spoilt("undecodable", "a block that says less than its size", sized(*lines, off=-1), sized(*lines))
    spoilt("undecodable", "a block that says more than its size", sized(*lines, off=1), split(*lines))
    spoilt("undecodable", "a block of a negative size", long(-2) + long(-5) + behind, split(*lines, *lines))
    spoilt(
        "undecodable", "a block of INT64_MAX bytes", long(-2) + long((1 << 63) - 1) + behind, sized(*lines)
    )
    spoilt("not-canonical", "an overlong block count", long(2, places=2) + behind, array(*lines))
    spoilt(
        "not-canonical", "an overlong end of an array", long(2) + b"".join(lines) + b"\x80\x00", array(*lines)
    )
    references = sized(some(text("council-tax")) + some(text("1")), NULL + NULL)
    make.case(
        "undecodable",
        "items cut off in a sized block of records",
        {"person.local_references": references[:-3] + b"\x00"},
        {"person.local_references": references},
    )
    make.case(
        "undecodable",
        "200,000 items that are no text",
        {"old_address.lines": long(200_000) + b"\x01" * 200_000 + b"\x00"},
        {"old_address.lines": long(20_000) + b"\x00" * 20_001},
    )


def _texts(make: Maker) -> None:
    def named(reason: str, name: str, bad: bytes, good: bytes) -> None:
        make.case(reason, name, {"person.family_name": some(bad)}, {"person.family_name": some(good)})

    named("undecodable", "a text of length -1", long(-1), text("x"))
    named("undecodable", "a text of length INT64_MIN", long(INT64_MIN), text("x"))
    named("undecodable", "a text of INT64_MAX bytes", long((1 << 63) - 1) + b"x", text("x"))
    named("undecodable", "a text longer than the event", long(100_000) + b"x", text("x" * 100_000))
    named("not-canonical", "an overlong length", long(1, places=2) + b"x", text("x"))
    named("undecodable", "bytes that are not UTF-8", text(b"\xffellowby"), text("\u00ffellowby"))
    named("undecodable", "a surrogate in UTF-8", text(b"\xed\xa0\x80"), text("\U0001f600"))
    named("undecodable", "an overlong character", text(b"\xc0\x80"), text("\x00"))
    named("undecodable", "a character cut short", text(b"\xf0\x9f\x98"), text("\U0001f600"))


def _ends(make: Maker) -> None:
    make.case("undecodable", "an event cut off in its header", cut_at="header.sequence")
    make.case("undecodable", "an event cut off in an address", cut_at="new_address.lines")
    make.case("undecodable", "an event without its last byte", cut_at="placement.made_available_on")
    make.case("trailing-bytes", "a byte after the event", after=b"\x00")
    make.case("trailing-bytes", "a text after the event", after=b"and what nobody agreed to share")
    make.case("trailing-bytes", "an event after the event", spoil=lambda value: value + value[5:])


def _surroundings(make: Maker) -> None:
    for name, source in (
        ("another authority", "camden"),
        ("an authority whose name begins the same", "lambeth-admin"),
        ("capitals", "Lambeth"),
        ("a letter that looks the same", "l\u0430mbeth"),
        ("a path", "../lambeth"),
        ("a topic of Kafka's own", "__consumer_offsets"),
        ("nothing", ""),
    ):
        make.case("wrong-source", f"the source is {name}", {"header.source": text(source)})
    for name, key in (
        ("no key", None),
        ("another key", b"other"),
        ("no text", b"\xff\xfe"),
        ("a NUL", b"case\x00"),
    ):
        make.case("key-mismatch", f"the key is {name}", key=key)
    for name, value in (
        ("ce_specversion", b"0.3"),
        ("ce_id", b"6513270e-269e-4d37-b2a7-4de452e6b439"),
        ("ce_source", b"urn:instep:authority:camden"),
        ("ce_type", b"uk.instep.business-registered.v1"),
        ("ce_dataschema", b"urn:instep:schema:uk.instep.ResidentMoved:9.0.0"),
    ):
        make.case("header-mismatch", f"{name} is another", headers=((name, value),))
    agrees = ("ce_type", b"uk.instep.resident-moved.v1")
    make.case(
        "header-mismatch",
        "a header that agrees, and again one that does not",
        headers=(agrees, ("ce_type", b"")),
        sound_headers=(agrees, agrees),
    )
    make.case(
        "header-mismatch",
        "a line feed in a header",
        headers=(("ce_source", b"urn:instep:authority:lambeth\r\nx: y"),),
        sound_headers=(("x-own\r\n", b"\r\n\x00"), ("CE_TYPE", b"other")),
    )


def _meaning(make: Maker) -> None:
    def moved(reason: str, path: str, bad: bytes, good: bytes | None = None, name: str = "") -> None:
        make.case(
            reason, f"{path}: {name}" if name else path, {path: bad}, {} if good is None else {path: good}
        )

    moved("unknown-value", "header.change_kind", long(0))
    moved("unknown-value", "residence", some(long(0)), NULL)
    moved("unknown-value", "reason", some(long(0)), some(long(4)))
    moved("unknown-value", "status", some(long(0)), some(long(1)))
    replaced = some(text("00000000-0000-4000-8000-000000000000"))
    moved("unknown-value", "header.replaces", replaced, name="a NEW that replaces")
    moved("missing-field", "header.change_kind", long(2), name="a CORRECT of nothing")
    moved("missing-field", "moved_on", NULL)
    moved("missing-field", "person.family_name", some(text(" \t")), some(text("O")), "blank")
    make.case(
        "missing-field",
        "new_address",
        {"new_address": NULL}
        | dict.fromkeys(avro.address("new_address", LAMBETH), b"")
        | {"new_address": NULL},
    )
    for path, bad, good in (
        ("old_address.uprn", "1234567890123", "000123456789"),
        ("old_address.usrn", "2040000", "20400001"),
        ("old_address.postcode", "se17eh", "ZZ99 3VZ"),
        ("old_address.country", "GBR", "FR"),
        ("old_address.authority_gss", "E0900000", "E09000007"),
    ):
        moved("bad-identifier", path, some(text(bad)), some(text(good)))
    moved("bad-identifier", "header.event_id", text("Imogen Zoe Pellowby"))
    moved(
        "bad-identifier", "header.event_id", text("0000000A-0000-4000-8000-000000000000"), name="in capitals"
    )
    moved("bad-identifier", "header.requested_by", some(text("Lambeth")), some(text("camden")))
    for name, ref, near in (
        ("NHS number", "943-476-5919", "943-476-5918"),
        ("path", "a/b", "a.b"),
        ("name", "Imogen Zoe", "Imogen_Zoe"),
        ("nothing", "", "_"),
    ):
        moved("bad-identifier", "header.subject_ref", text(ref), text(near), name)
    shop = "uk.instep.BusinessRegistered"
    for path, wrong, right in (
        ("company_number", some(text("1234")), some(text("00001234"))),
        ("sic_codes", array(text("56101"), text("561")), array(text("56101"), text("5610"))),
    ):
        make.case("bad-identifier", path, {path: wrong}, {path: right}, of=shop)
    first = -43_829  # 1850-01-01
    moved("bad-date", "header.occurred_on", long(first - 1), name="before 1850")
    moved(
        "bad-date",
        "moved_on",
        some(long(make.today + 732)),
        some(long(make.today + 731)),
        "more than two years ahead",
    )
    moved("bad-date", "person.born_on", some(long(make.today + 3)), some(long(make.today)), "a birth to come")
    moved(
        "bad-date",
        "header.published_at",
        long(make.now + 3 * avro.DAY_MS),
        name="from the day after tomorrow",
    )
    moved("bad-date", "header.recorded_at", long(INT64_MIN), name="the least long")


def _memory(make: Maker) -> None:
    make.follows(
        "id-conflict", "the same event with other content", {"person.family_name": some(text("Other"))}
    )
    make.follows(
        "replaces-unknown",
        "a correction of what was never said",
        {
            "header.event_id": text("00000000-0000-4000-8000-00000000c0de"),
            "header.sequence": long(2),
            "header.change_kind": long(2),
            "header.replaces": some(text("00000000-0000-4000-8000-00000000dead")),
        },
    )
